//! Builders shared by this crate's unit tests.

use cipherframe::{PoolSpec, Quantiser, SchemeId, StreamSpec};
use wire::message::{FrameId, SessionId, TileHeader};
use wire::name::Name;

/// The key set of every test.
pub(crate) const KEY_ID: [u8; 16] = [9; 16];

/// The frame `seq` of a camera's session; `session` is only a number that tells sessions apart.
pub(crate) fn frame(camera: &str, session: u32, seq: u64) -> FrameId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&session.to_le_bytes());
    FrameId {
        site: name("demo"),
        camera: name(camera),
        session: SessionId::from_bytes(id),
        seq,
    }
}

/// A 2x2 pooling over a `width` x `height` frame of 4 bits.
pub(crate) fn spec(width: u32, height: u32) -> StreamSpec {
    StreamSpec::new(
        SchemeId::Plain,
        width,
        height,
        Quantiser::from_bits(4).expect("4 bits are a quantiser"),
        PoolSpec::new(2, 2, 0).expect("a 2x2 kernel is a pooling"),
    )
    .expect("the sizes fit")
}

/// The signed header of one tile of `frame`, which is alone on its way.
pub(crate) fn header(frame: &FrameId, spec: &StreamSpec, tile: u32) -> TileHeader {
    TileHeader {
        frame: frame.clone(),
        tile,
        tiles: spec.tile_plan().tile_count(),
        captured_unix_ms: 1_000,
        session_unix_ms: 1,
        oldest: frame.seq,
        dropped: 0,
        spec: spec.to_bytes(),
        parameters: spec.fingerprint().0,
        key_id: KEY_ID,
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().expect("a valid name")
}
