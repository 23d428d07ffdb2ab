//! A running site and a stranger on its broker who knows every signing key: what they send is refused for a reason, and
//! the next good frame gets through.
//!
//! A worker says what it refused in its log, a viewer tells its observer too.

use std::sync::mpsc::Sender;

use camera_node::CameraSummary;
use cipherframe::{Frame, SchemeId, StreamSpec, max_pool};
use pooling_worker::WorkerSummary;
use viewer::{ViewerEvent, ViewerSummary};
use wire::envelope::seal;
use wire::message::{FrameId, Message, SessionId, TileHeader};
use wire::role::NodeRole;
use wire::topic::Topic;

use crate::bus::Stranger;
use crate::camera::RunningCamera;
use crate::frames::{Feed, busy, spec};
use crate::key_cache::key_set;
use crate::log_record::{Line, LogRecord};
use crate::site::{CAMERA, Site, parse};
use crate::stack::Stack;

/// Frames are this wide and high, and have one tile.
const SIZE: (u32, u32) = (4, 4);

/// A stack with a good camera, and a stranger who knows every signing key.
pub struct Scene {
    /// Broker, worker and viewer.
    pub stack: Stack,
    /// Says what it likes.
    pub stranger: Stranger,
    /// The good camera.
    pub camera: RunningCamera,
    /// The log lines of this process.
    pub log: LogRecord,
    feed: Sender<Frame>,
    sent: u32,
    spec: StreamSpec,
}

impl Scene {
    /// The site `name`, with a second camera `yard` that is enrolled and silent.
    pub async fn new(name: &str) -> Self {
        let log = LogRecord::of_this_process();
        let mut site = Site::new(name);
        site.enroll("yard", NodeRole::Camera);
        let stack = Stack::start(site, SchemeId::Plain).await;
        let spec = spec(SchemeId::Plain, SIZE, 4, (2, 2, 0));
        let (feed, source) = Feed::open();
        let camera = stack.camera(CAMERA, &spec, source, 1);
        let stranger = Stranger::connect(&stack.site.mqtt("stranger", stack.address()));
        Self {
            stack,
            stranger,
            camera,
            feed,
            sent: 0,
            spec,
            log,
        }
    }

    /// The header of a frame that the camera `camera` never made.
    pub fn header(&self, camera: &str) -> TileHeader {
        let key = cipherframe::keys::load_public_key(
            &key_set(SchemeId::Plain).join(client_key::PUBLIC_KEY_FILE),
        );
        TileHeader {
            frame: FrameId {
                site: self.stack.site.name().clone(),
                camera: parse(camera),
                session: SessionId::from_bytes([7; 16]),
                seq: 5,
            },
            tile: 0,
            tiles: 1,
            captured_unix_ms: 1,
            session_unix_ms: 1,
            oldest: 0,
            dropped: 0,
            spec: self.spec.to_bytes(),
            parameters: SchemeId::Plain.get().fingerprint(2).0,
            key_id: *key.unwrap().key_id().as_bytes(),
        }
    }

    /// Signs a message as the enrolled node `signer`.
    pub fn seal<M: Message>(&self, signer: &str, message: &M, payload: &[u8]) -> Vec<u8> {
        seal(&self.stack.site.identity(signer), message, payload).unwrap()
    }

    /// The worker must refuse `bytes`, for exactly `reason`, in a line with the text `text`.
    pub async fn worker_refuses(
        &mut self,
        topic: &Topic,
        bytes: Vec<u8>,
        text: &str,
        reason: &str,
    ) {
        let mark = self.log.mark();
        self.stranger.say(topic, bytes).await;
        let written = |line: &Line| {
            line.target.starts_with("pooling_worker") && line.field("reason") == reason
        };
        let line = self.log.wait_for(mark, written).await;
        assert_eq!(line.message, text);
        self.a_good_frame_gets_through().await;
    }

    /// The viewer must refuse `bytes`, for exactly `reason`.
    pub async fn viewer_refuses(&mut self, topic: &Topic, bytes: Vec<u8>, reason: &str) {
        self.stranger.say(topic, bytes).await;
        let refused = ViewerEvent::Refused {
            topic: topic.to_string(),
            reason: reason.to_owned(),
        };
        assert_eq!(self.stack.event().await, refused);
        self.a_good_frame_gets_through().await;
    }

    /// The good camera sends a frame, whose map must be the next thing the viewer tells.
    pub async fn a_good_frame_gets_through(&mut self) {
        let frame = busy(SIZE, self.sent);
        let expected = max_pool(&self.spec.quantiser().quantise(&frame), self.spec.pool());
        self.feed.send(frame).unwrap();
        let (frame, map) = self.stack.map().await;
        assert_eq!(
            (frame.camera.as_str(), frame.seq),
            (CAMERA, u64::from(self.sent))
        );
        assert_eq!(map, expected.unwrap());
        self.sent += 1;
    }

    /// Ends everything in good order. Every good frame must have its receipt and its map.
    pub async fn end(self) -> (CameraSummary, WorkerSummary, ViewerSummary) {
        drop(self.feed);
        let (camera, _) = self.camera.end().await;
        let (worker, viewer) = self.stack.stop().await;
        let sent = u64::from(self.sent);
        assert_eq!((camera.frames, camera.confirmed), (sent, sent));
        assert_eq!((viewer.maps, viewer.receipts), (sent, sent));
        (camera, worker, viewer)
    }
}

/// `bytes` with one bit of the byte at `place` turned over.
fn flipped(mut bytes: Vec<u8>, place: usize) -> Vec<u8> {
    bytes[place] ^= 1;
    bytes
}

/// What every receiver refuses, made from a good envelope of `signer` with 16 bytes of payload, and the exact reasons.
/// `name` and `kind` are those of the message that the receiver takes.
pub fn bad_envelopes(good: &[u8], signer: &str, name: &str, kind: u8) -> Vec<(Vec<u8>, String)> {
    let elsewhere = "find out what else publishes here";
    let between = "between the two nodes";
    vec![
        (
            b"hello".to_vec(),
            format!("not an envelope of this version; {elsewhere}"),
        ),
        (
            Vec::new(),
            format!("an envelope cut off after 0 bytes; {elsewhere}"),
        ),
        (
            good[..40].to_vec(),
            format!("an envelope cut off after 40 bytes; {elsewhere}"),
        ),
        (
            flipped(good.to_vec(), 4),
            format!(
                "an envelope of kind {}, needed is a {name} (kind {kind}); {elsewhere}",
                kind ^ 1
            ),
        ),
        (
            // In the middle of the signed message.
            flipped(good.to_vec(), 120),
            format!(
                "an envelope that claims to be of `{signer}` has a bad signature; find out who else can publish here"
            ),
        ),
        (
            flipped(good.to_vec(), good.len() - 1),
            format!(
                "a payload that `{signer}` did not sign; find out who changes messages {between}"
            ),
        ),
        (
            good[..good.len() - 3].to_vec(),
            format!(
                "a payload of 13 bytes where `{signer}` signed 16; find out who cuts messages {between}"
            ),
        ),
    ]
}
