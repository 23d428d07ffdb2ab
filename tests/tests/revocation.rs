//! Trust files change while everything runs: nodes and key sets are revoked, keys are rotated, and nobody is restarted
//! but who gets a new key.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use camera_node::{CameraConfig, CameraKey, Feature};
use cipherframe::{Frame, KeyId, SchemeId, StreamSpec};
use client_key::{CLIENT_KEY_FILE, PUBLIC_KEY_FILE};
use e2e::bus::Stranger;
use e2e::camera::{RunningCamera, configuration};
use e2e::frames::{Feed, busy, spec};
use e2e::key_cache::key_set;
use e2e::log_record::{Line, LogRecord};
use e2e::scene::Scene;
use e2e::site::{CAMERA, Site, WORKER, parse};
use e2e::stack::{Stack, start_broker};
use keyfile::KeyFile;
use viewer::ViewerEvent;
use wire::envelope::seal;
use wire::failure::FailureKind;
use wire::identity::SigningIdentity;
use wire::message::{FrameId, FrameTile, MapTile, Message, Receipt, SessionId, TileHeader};
use wire::role::NodeRole;
use wire::trust::{Cameras, TrustStore};

/// Two seconds are promised; a machine that is busy with other work gets some more.
const SOON: Duration = Duration::from_secs(20);

/// Frames are this wide and high, and have one tile.
const SIZE: (u32, u32) = (4, 4);

/// A key set that nobody has a key of, so that what gets as far as the keys is told from what is refused before.
const NO_KEY_SET: [u8; 16] = [9; 16];
const NO_EVALUATION_KEY: &str = "no evaluation key of key set 09090909090909090909090909090909; add its evaluation.key \
                                 to `pool.evaluation_keys`";
const NO_CLIENT_KEY: &str = "no client key of key set 09090909090909090909090909090909; add its client.key to \
                             `decrypt.client_keys`";

fn unknown(signer: &SigningIdentity) -> String {
    format!(
        "an envelope of the unknown signer {}; if the node is yours, enrol it with `blindsight keys enroll`",
        signer.signer_id()
    )
}

/// Changes the trust file of a site, and waits until its `nodes` running nodes have taken it over.
async fn change_trust(
    log: &LogRecord,
    site: &mut Site,
    nodes: usize,
    change: impl FnOnce(&mut TrustStore),
) {
    let (mark, began) = (log.mark(), Instant::now());
    site.change_trust(change);
    let file = site.trust_file().display().to_string();
    let in_force =
        |line: &Line| line.message == "a new trust file is in force" && line.field("file") == file;
    log.wait_for_several(mark, nodes, in_force).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// A camera of the stack, frame by frame.
struct Camera {
    name: &'static str,
    node: RunningCamera,
    feed: Sender<Frame>,
    sent: u32,
}

impl Camera {
    fn start(config: CameraConfig, name: &'static str) -> Self {
        let (feed, source) = Feed::open();
        let node = RunningCamera::start_configured(config, source);
        Self {
            name,
            node,
            feed,
            sent: 0,
        }
    }

    fn send(&mut self) {
        self.feed.send(busy(SIZE, self.sent)).unwrap();
        self.sent += 1;
    }

    /// Sends a frame, whose map must be the next thing the viewer tells.
    async fn gets_through(&mut self, stack: &mut Stack) {
        let seq = u64::from(self.sent);
        self.send();
        let (frame, _) = stack.map().await;
        assert_eq!((frame.camera.as_str(), frame.seq), (self.name, seq));
    }
}

fn stream() -> StreamSpec {
    spec(SchemeId::Plain, SIZE, 4, (2, 2, 0))
}

fn config(stack: &Stack, name: &str) -> CameraConfig {
    let address = stack.address();
    configuration(&stack.site, name, address, Feature::Luma, &stream(), 1)
}

/// The worker must say that it refuses a message, for exactly `reason`.
async fn worker_refuses(log: &LogRecord, mark: usize, reason: &str) {
    let refused =
        |line: &Line| line.target.starts_with("pooling_worker") && line.field("reason") == reason;
    log.wait_for(mark, refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_camera_is_revoked_while_everything_runs_and_the_others_go_on() {
    let log = LogRecord::of_this_process();
    let mut site = Site::new("revoked-camera");
    site.enroll("yard", NodeRole::Camera);
    let mut stack = Stack::start(site, SchemeId::Plain).await;
    let mut gate = Camera::start(config(&stack, CAMERA), CAMERA);
    let mut yard = Camera::start(config(&stack, "yard"), "yard");
    gate.gets_through(&mut stack).await;
    yard.gets_through(&mut stack).await;

    let identity = stack.site.identity(CAMERA);
    let mark = log.mark();
    // Worker, viewer and both cameras.
    let revoke = |trust: &mut TrustStore| drop(trust.revoke_name(&parse(CAMERA)).unwrap());
    change_trust(&log, &mut stack.site, 4, revoke).await;
    // The camera itself learns it too.
    let own = |line: &Line| {
        line.message
            .starts_with("this node's own key was revoked; ")
            && line.field("key") == identity.signer_id().to_string()
    };
    log.wait_for(mark, own).await;
    gate.send();
    worker_refuses(&log, mark, &unknown(&identity)).await;
    yard.gets_through(&mut stack).await;

    // And back again.
    let enroll = |trust: &mut TrustStore| {
        let key = identity.verifying_key();
        trust
            .enroll(&parse(CAMERA), NodeRole::Camera, &key)
            .unwrap();
    };
    change_trust(&log, &mut stack.site, 4, enroll).await;
    gate.node.stop().await;
    let mut again = Camera::start(config(&stack, CAMERA), CAMERA);
    again.gets_through(&mut stack).await;
    yard.gets_through(&mut stack).await;
    for camera in [again, yard] {
        drop(camera.feed);
        camera.node.end().await;
    }
    let (worker, viewer) = stack.stop().await;
    assert!(worker.refused >= 1, "{worker}");
    assert_eq!((viewer.maps, viewer.refused), (5, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_and_viewers_are_enrolled_kept_to_cameras_and_revoked_while_everything_runs() {
    let mut scene = Scene::new("revoked-others").await;
    scene.a_good_frame_gets_through().await;
    let (log, key) = (scene.log.clone(), |scene: &Scene, node: &str| {
        scene.stack.site.identity(node).verifying_key()
    });
    let mut tile = scene.header(CAMERA);
    tile.key_id = NO_KEY_SET;
    let map = MapTile {
        tile,
        input_hash: [1; 32],
        pool_ms: 1,
    };
    let topic = map.topic();

    let mark = log.mark();
    scene.stack.site.enroll("second", NodeRole::Worker);
    scene.stack.site.enroll("desk", NodeRole::Viewer);
    let both = |line: &Line| {
        let enrolled = line.field("enrolled");
        line.message == "a new trust file is in force" && enrolled.ends_with("desk")
    };
    log.wait_for_several(mark, 3, both).await;
    let second = scene.stack.site.identity("second");
    let bytes = || seal(&second, &map, &[3; 16]).unwrap();
    scene.viewer_refuses(&topic, bytes(), NO_CLIENT_KEY).await;

    let second_key = key(&scene, "second");
    let keep = |trust: &mut TrustStore| {
        trust.revoke_key(&second_key).unwrap();
        let yard = Cameras::Only(vec![parse("yard")]);
        trust
            .enroll_for(&parse("second"), NodeRole::Worker, &second_key, yard)
            .unwrap();
    };
    change_trust(&log, &mut scene.stack.site, 3, keep).await;
    let reason = "a message about revoked-others/gate frame 5 of session 07070707070707070707070707070707 is signed by \
                  `second`, enrolled for `yard` only; add the camera to its `cameras` in the trust file if it may";
    scene.viewer_refuses(&topic, bytes(), reason).await;

    // A receipt for a frame that has one already changes nothing, as long as it is of an enrolled viewer.
    let (frame, _) = scene.camera.captured().await;
    let receipt = Receipt {
        frame,
        logged: true,
    };
    let desk = scene.stack.site.identity("desk");
    let say_receipt = || seal(&desk, &receipt, &[]).unwrap();
    scene.stranger.say(&receipt.topic(), say_receipt()).await;
    scene.a_good_frame_gets_through().await;

    let mark = log.mark();
    let revoke = |trust: &mut TrustStore| {
        trust.revoke_name(&parse("second")).unwrap();
        trust.revoke_name(&parse("desk")).unwrap();
    };
    change_trust(&log, &mut scene.stack.site, 3, revoke).await;
    scene
        .viewer_refuses(&topic, bytes(), &unknown(&second))
        .await;
    scene.stranger.say(&receipt.topic(), say_receipt()).await;
    let id = desk.signer_id().to_string();
    let camera_refuses =
        |line: &Line| line.target.starts_with("camera_node") && line.message.contains(&id);
    log.wait_for(mark, camera_refuses).await;
    scene.a_good_frame_gets_through().await;
    let (camera, worker, viewer) = scene.end().await;
    assert_eq!((camera.refused, worker.refused, viewer.refused), (1, 0, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_trust_file_that_cannot_be_used_leaves_the_last_good_one_in_force() {
    let mut scene = Scene::new("bad-trust").await;
    scene.a_good_frame_gets_through().await;
    let (log, mark) = (scene.log.clone(), scene.log.mark());
    let path = scene.stack.site.trust_file();
    std::fs::write(&path, "[[node]]\nname = \"Gate\"\n").unwrap();
    let told = |line: &Line| {
        line.message
            == "the trust file cannot be used and the last good one stays in force; mend it"
            && line.field("problems").starts_with(&*path.to_string_lossy())
    };
    let lines = log.wait_for_several(mark, 3, told).await;
    let problem = "/trust.toml:2: node[0].name: the name holds 'G'; use only a-z, 0-9, `_` and `-`";
    assert!(
        lines[0].field("problems").contains(problem),
        "{:?}",
        lines[0]
    );
    scene.a_good_frame_gets_through().await;

    scene.stack.site.change_trust(|_| {});
    let good = |line: &Line| {
        line.message == "the trust file is good again"
            && line.field("file") == path.display().to_string()
    };
    log.wait_for_several(mark, 3, good).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_signing_key_is_rotated_with_an_overlap() {
    let log = LogRecord::of_this_process();
    let mut stack = Stack::start(Site::new("new-signing-key"), SchemeId::Plain).await;
    let old = stack.site.identity(CAMERA);
    let stranger = Stranger::connect(&stack.site.mqtt("stranger", stack.address()));
    let mut gate = Camera::start(config(&stack, CAMERA), CAMERA);
    gate.gets_through(&mut stack).await;

    let new_key = stack.site.path().join("new-signing.key");
    let made = SigningIdentity::generate(&parse(CAMERA)).unwrap();
    made.create(&new_key).unwrap();
    let new = SigningIdentity::load(&new_key).unwrap();
    let enroll = |trust: &mut TrustStore| {
        let key = new.verifying_key();
        trust
            .enroll(&parse(CAMERA), NodeRole::Camera, &key)
            .unwrap();
    };
    change_trust(&log, &mut stack.site, 3, enroll).await;
    // Both count: the old one until the camera has the new one.
    gate.gets_through(&mut stack).await;
    gate.node.stop().await;
    let mut rotated = config(&stack, CAMERA);
    rotated.link.node.signing_key = new_key;
    let mut gate = Camera::start(rotated, CAMERA);
    gate.gets_through(&mut stack).await;
    let tile = FrameTile {
        tile: header(&stack.site, NO_KEY_SET),
    };
    let mark = log.mark();
    let sealed = seal(&old, &tile, &[3; 16]).unwrap();
    stranger.say(&tile.topic(), sealed.clone()).await;
    worker_refuses(&log, mark, NO_EVALUATION_KEY).await;

    let mark = log.mark();
    let revoke = |trust: &mut TrustStore| drop(trust.revoke_key(&old.verifying_key()).unwrap());
    change_trust(&log, &mut stack.site, 3, revoke).await;
    stranger.say(&tile.topic(), sealed).await;
    worker_refuses(&log, mark, &unknown(&old)).await;
    gate.gets_through(&mut stack).await;
    drop(gate.feed);
    gate.node.end().await;
    let (worker, viewer) = stack.stop().await;
    assert_eq!((worker.refused, viewer.maps), (2, 4));
}

/// The header of a tile of the camera, under a key set.
fn header(site: &Site, key_id: [u8; 16]) -> TileHeader {
    TileHeader {
        frame: FrameId {
            site: site.name().clone(),
            camera: parse(CAMERA),
            session: SessionId::from_bytes([7; 16]),
            seq: 5,
        },
        tile: 0,
        tiles: 1,
        captured_unix_ms: 1,
        session_unix_ms: 1,
        oldest: 5,
        dropped: 0,
        spec: stream().to_bytes(),
        parameters: stream().fingerprint().0,
        key_id,
    }
}

fn id_of(key_set: &Path) -> KeyId {
    KeyFile::inspect(&key_set.join(CLIENT_KEY_FILE))
        .unwrap()
        .key_id
}

/// A camera of the stack with the public key of a key set.
fn config_with(stack: &Stack, name: &str, key_set: &Path) -> CameraConfig {
    let mut config = config(stack, name);
    config.stream.key = CameraKey::Public(key_set.join(PUBLIC_KEY_FILE));
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_set_is_rotated_with_an_overlap_and_then_retired() {
    let log = LogRecord::of_this_process();
    let mut site = Site::new("new-key-set");
    site.enroll("yard", NodeRole::Camera);
    let (old, new): (PathBuf, PathBuf) = (key_set(SchemeId::Plain), site.path().join("plain-2"));
    std::fs::create_dir(&new).unwrap();
    let keys = client_key::generate(SchemeId::Plain, &()).unwrap();
    keys.create_in(&new).unwrap();
    let old_id = id_of(&old);
    assert_ne!(old_id, id_of(&new));

    let key_sets = [old.clone(), new.clone()];
    let mut stack = Stack::start_with_keys(start_broker().await, site, &key_sets).await;
    let stranger = Stranger::connect(&stack.site.mqtt("stranger", stack.address()));
    let mut gate = Camera::start(config_with(&stack, CAMERA, &old), CAMERA);
    let mut yard = Camera::start(config_with(&stack, "yard", &new), "yard");
    for _ in 0..2 {
        gate.gets_through(&mut stack).await;
        yard.gets_through(&mut stack).await;
    }

    let mark = log.mark();
    let retire = |trust: &mut TrustStore| trust.retire(old_id).unwrap();
    // Worker, viewer and both cameras.
    change_trust(&log, &mut stack.site, 4, retire).await;
    yard.gets_through(&mut stack).await;
    // The camera that has only the old key set encrypts nothing more under it, and does not start again.
    let what = format!(
        "key set {old_id}, which this camera encrypts under, is retired in {}",
        stack.site.trust_file().display()
    );
    let again = Camera::start(config_with(&stack, CAMERA, &old), CAMERA);
    for camera in [gate, again] {
        let failure = camera.node.failure().await;
        assert_eq!(
            (failure.kind, failure.what.as_str()),
            (FailureKind::Configuration, &*what)
        );
    }
    // Nor would its tiles count.
    let tile = header(&stack.site, *old_id.as_bytes());
    let reason = format!(
        "a message about new-key-set/gate frame 5 of session 07070707070707070707070707070707 names key set {old_id}, \
         which is retired; give that camera the public key of the new key set"
    );
    let frame_tile = FrameTile { tile: tile.clone() };
    let sealed = seal(&stack.site.identity(CAMERA), &frame_tile, &[3; 16]);
    stranger.say(&frame_tile.topic(), sealed.unwrap()).await;
    worker_refuses(&log, mark, &reason).await;
    let map_tile = MapTile {
        tile,
        input_hash: [1; 32],
        pool_ms: 1,
    };
    let topic = map_tile.topic();
    let sealed = seal(&stack.site.identity(WORKER), &map_tile, &[3; 4]);
    stranger.say(&topic, sealed.unwrap()).await;
    let refused = ViewerEvent::Refused {
        topic: topic.to_string(),
        reason,
    };
    assert_eq!(stack.event().await, refused);

    // With the new key set the camera is back, and nobody else was restarted.
    let mut gate = Camera::start(config_with(&stack, CAMERA, &new), CAMERA);
    gate.gets_through(&mut stack).await;
    yard.gets_through(&mut stack).await;
    for camera in [gate, yard] {
        drop(camera.feed);
        camera.node.end().await;
    }
    let (worker, viewer) = stack.stop().await;
    assert_eq!((worker.refused, viewer.refused, viewer.maps), (1, 1, 7));
}
