//! Fakes shared by this crate's unit tests.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use cipherframe::{
    EvaluationKey, KeyId, PoolSpec, Progress, Quantiser, SchemeError, SchemeId, StreamSpec,
};
use wire::message::{FrameId, SessionId, TileHeader};

/// An evaluation key that only pretends.
pub(crate) enum FakeKey {
    /// Returns the ciphertext as it is.
    Echo,
    /// Panics.
    Panic,
    /// Finds the ciphertext corrupt.
    Corrupt,
    /// Works until it is cancelled.
    Endless,
}

pub(crate) const KEY_ID: [u8; 16] = [7; 16];

impl cipherframe::Key for FakeKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Plain
    }

    fn key_id(&self) -> KeyId {
        KeyId::from_bytes(KEY_ID)
    }
}

impl EvaluationKey for FakeKey {
    fn pool(
        &self,
        _spec: &StreamSpec,
        _tile: u32,
        ciphertext: &[u8],
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, SchemeError> {
        match self {
            Self::Echo => Ok(ciphertext.to_vec()),
            Self::Panic => panic!("ciphertext of {} bytes", ciphertext.len()),
            Self::Corrupt => Err(SchemeError::Corrupt {
                what: "tile",
                why: "it is a fake",
            }),
            Self::Endless => {
                while !progress.cancelled() {
                    progress.advance(1, 2);
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(SchemeError::Cancelled)
            }
        }
    }
}

/// An evaluation key that returns the ciphertext as it is, once the test lets it. Its scheme is the test's choice.
pub(crate) struct GatedKey {
    scheme: SchemeId,
    begun: SyncSender<Vec<u8>>,
    go_on: Mutex<Receiver<()>>,
}

/// The test's side of a [`GatedKey`].
pub(crate) struct Gate {
    /// The ciphertext of each tile that somebody has begun to pool.
    pub(crate) begun: Receiver<Vec<u8>>,
    /// Lets one tile go on.
    pub(crate) go_on: SyncSender<()>,
}

impl GatedKey {
    /// A key of `scheme` and the gate that its tiles stop at.
    pub(crate) fn new(scheme: SchemeId) -> (Self, Gate) {
        let (begin, begun) = sync_channel(100);
        let (go_on, told) = sync_channel(100);
        let key = Self {
            scheme,
            begun: begin,
            go_on: Mutex::new(told),
        };
        (key, Gate { begun, go_on })
    }
}

impl cipherframe::Key for GatedKey {
    fn scheme(&self) -> SchemeId {
        self.scheme
    }

    fn key_id(&self) -> KeyId {
        KeyId::from_bytes(key_id(self.scheme))
    }
}

impl EvaluationKey for GatedKey {
    fn pool(
        &self,
        _spec: &StreamSpec,
        _tile: u32,
        ciphertext: &[u8],
        _progress: &dyn Progress,
    ) -> Result<Vec<u8>, SchemeError> {
        self.begun
            .send(ciphertext.to_vec())
            .expect("the test looks");
        let told = self.go_on.lock().expect("no other tile panicked").recv();
        told.expect("the test lets every tile go on");
        Ok(ciphertext.to_vec())
    }
}

/// The key set of a scheme.
pub(crate) fn key_id(scheme: SchemeId) -> [u8; 16] {
    match scheme {
        SchemeId::Plain => KEY_ID,
        _ => [8; 16],
    }
}

/// A 2x2 pooling of 8x8 frames with 4 bits, one tile each, in the scheme `plain`.
pub(crate) fn spec() -> StreamSpec {
    spec_of(SchemeId::Plain)
}

/// The same in any scheme.
pub(crate) fn spec_of(scheme: SchemeId) -> StreamSpec {
    let quantiser = Quantiser::from_bits(4).expect("4 bits are a quantiser");
    let pool = PoolSpec::new(2, 2, 0).expect("a 2x2 kernel is a pooling");
    StreamSpec::new(scheme, 8, 8, quantiser, pool).expect("the sizes fit")
}

/// The header of the only tile of a camera's frame.
pub(crate) fn header(camera: &str, seq: u64, spec: &StreamSpec) -> TileHeader {
    TileHeader {
        frame: FrameId {
            site: "demo".parse().expect("a name"),
            camera: camera.parse().expect("a name"),
            session: SessionId::from_bytes([1; 16]),
            seq,
        },
        tile: 0,
        tiles: spec.tile_plan().tile_count(),
        captured_unix_ms: 1_000,
        session_unix_ms: 1,
        oldest: seq,
        dropped: 0,
        spec: spec.to_bytes(),
        parameters: spec.fingerprint().0,
        key_id: key_id(spec.scheme()),
    }
}
