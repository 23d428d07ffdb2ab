//! What strangers, liars and faulty nodes send over the broker is refused with a reason, and the next good frame gets
//! through.

use e2e::scene::{Scene, bad_envelopes};
use e2e::site::{CAMERA, VIEWER, WORKER, parse};
use wire::envelope::seal;
use wire::identity::SigningIdentity;
use wire::message::{FrameTile, MapTile, Message, Receipt, TileHeader};

/// A key set that nobody has a key of.
const KEY_SET: [u8; 16] = [9; 16];

/// A node of the site's own name whose key is not enrolled, and what is said to its envelopes.
fn nobody(name: &str) -> (SigningIdentity, String) {
    let nobody = SigningIdentity::from_seed(parse(name), &[8; 32]);
    let reason = format!(
        "an envelope of the unknown signer {}; if the node is yours, enrol it with `blindsight keys enroll`",
        nobody.signer_id()
    );
    (nobody, reason)
}

/// What is said to a message of the site's camera `gate` that comes on the topic of `yard`.
fn misplaced(site: &str, kind: &str) -> String {
    format!(
        "a message about {site}/gate frame 5 of session 07070707070707070707070707070707 came on \
         `blindsight/v1/{site}/yard/{kind}`, it belongs on `blindsight/v1/{site}/gate/{kind}`; find out who publishes \
         messages again"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_worker_refuses_what_no_enrolled_camera_sent() {
    let mut scene = Scene::new("to-worker").await;
    let tile = FrameTile {
        tile: scene.header(CAMERA),
    };
    let topic = tile.topic();
    let good = scene.seal(CAMERA, &tile, &[3; 16]);
    for (bytes, reason) in bad_envelopes(&good, CAMERA, "frame tile", 1) {
        scene
            .worker_refuses(&topic, bytes, "message refused", &reason)
            .await;
    }

    let (nobody, reason) = nobody(CAMERA);
    let bytes = seal(&nobody, &tile, &[3; 16]).unwrap();
    scene
        .worker_refuses(&topic, bytes, "message refused", &reason)
        .await;

    let as_camera = FrameTile {
        tile: scene.header(VIEWER),
    };
    let bytes = scene.seal(VIEWER, &as_camera, &[3; 16]);
    let reason =
        "a frame tile signed by `viewer`, a viewer, not a camera; check its role in the trust file";
    scene
        .worker_refuses(&as_camera.topic(), bytes, "message refused", reason)
        .await;

    let yard = FrameTile {
        tile: scene.header("yard"),
    }
    .topic();
    let reason = misplaced("to-worker", "frame");
    scene
        .worker_refuses(&yard, good, "message refused", &reason)
        .await;

    let mut other_key = tile.clone();
    other_key.tile.key_id = KEY_SET;
    let bytes = scene.seal(CAMERA, &other_key, &[3; 16]);
    let reason = "no evaluation key of key set 09090909090909090909090909090909; add its evaluation.key to \
                  `pool.evaluation_keys`";
    scene
        .worker_refuses(&topic, bytes, "tile refused", reason)
        .await;

    // Enrolled and signed, but no tile of this stream.
    let bytes = scene.seal(CAMERA, &tile, &[3; 15]);
    let reason = "plain tile has 15 bytes, 16 are needed; it is damaged or made by another version";
    scene
        .worker_refuses(&topic, bytes, "tile failed", reason)
        .await;

    let (_, worker, viewer) = scene.end().await;
    assert_eq!((worker.refused, worker.failed), (11, 1));
    assert_eq!(viewer.refused, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_viewer_refuses_what_no_enrolled_worker_sent() {
    let mut scene = Scene::new("to-viewer").await;
    let of = |tile: TileHeader| MapTile {
        tile,
        input_hash: [1; 32],
        pool_ms: 1,
    };
    let tile = of(scene.header(CAMERA));
    let topic = tile.topic();
    let good = scene.seal(WORKER, &tile, &[3; 16]);
    for (bytes, reason) in bad_envelopes(&good, WORKER, "map tile", 2) {
        scene.viewer_refuses(&topic, bytes, &reason).await;
    }

    let (nobody, reason) = nobody(WORKER);
    let bytes = seal(&nobody, &tile, &[3; 16]).unwrap();
    scene.viewer_refuses(&topic, bytes, &reason).await;

    let bytes = scene.seal(CAMERA, &tile, &[3; 16]);
    let reason =
        "a map tile signed by `gate`, a camera, not a worker; check its role in the trust file";
    scene.viewer_refuses(&topic, bytes, reason).await;

    let yard = of(scene.header("yard")).topic();
    scene
        .viewer_refuses(&yard, good, &misplaced("to-viewer", "map"))
        .await;

    let mut other_key = tile.clone();
    other_key.tile.key_id = KEY_SET;
    let bytes = scene.seal(WORKER, &other_key, &[3; 16]);
    let reason = "no client key of key set 09090909090909090909090909090909; add its client.key to \
                  `decrypt.client_keys`";
    scene.viewer_refuses(&topic, bytes, reason).await;

    // Enrolled and signed, but no map of this stream.
    let bytes = scene.seal(WORKER, &tile, &[3; 5]);
    let reason =
        "plain map tile has 5 bytes, 4 are needed; it is damaged or made by another version";
    scene.viewer_refuses(&topic, bytes, reason).await;

    let (_, worker, viewer) = scene.end().await;
    assert_eq!((worker.refused, viewer.refused), (0, 12));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_camera_takes_receipts_from_an_enrolled_viewer_only() {
    let mut scene = Scene::new("to-camera").await;
    scene.a_good_frame_gets_through().await;
    let (frame, _) = scene.camera.captured().await;
    let receipt = Receipt {
        frame,
        logged: true,
    };
    let bytes = scene.seal(WORKER, &receipt, &[]);
    scene.stranger.say(&receipt.topic(), bytes).await;
    let reason = "refused a message: a receipt signed by `worker`, a worker, not a viewer; check its role in the trust \
                  file";
    scene.log.wait_for(0, |line| line.message == reason).await;
    scene.a_good_frame_gets_through().await;
    assert_eq!(scene.end().await.0.refused, 1);
}
