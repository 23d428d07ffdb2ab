//! The tiles and map tiles of each scheme, as they come out of verified envelopes.
//!
//! An input chooses a kernel, chooses whether a worker pools a tile or a viewer decrypts a map tile, and edits a valid
//! one or gives its own bytes.

use std::sync::{Arc, OnceLock};

use cipherframe::{EvaluationKey, QuantisedFrame, SchemeId, StreamSpec, max_pool};
use client_key::ClientKey;

use super::edits::edited;
use super::keys::{InNoTime, accepted, key_id, payloads};
use crate::frames::{busy, spec};

/// Set in the first byte of an input whose other bytes are the tile itself.
const WHOLE: u8 = 0x80;
/// Set where a map tile is decrypted, and not a tile pooled.
const MAP: u8 = 0x40;
/// Kernels, by the lowest bits; `bfv` has a circuit of its own for each.
const KERNELS: [u8; 3] = [2, 3, 4];
const SIZE: (u32, u32) = (5, 4);

/// Tiles of scheme `plain`.
pub fn plain_tiles(data: &[u8]) -> bool {
    tiles(SchemeId::Plain, data)
}

/// Tiles of scheme `bfv`.
pub fn bfv_tiles(data: &[u8]) -> bool {
    tiles(SchemeId::Bfv, data)
}

/// Tiles of scheme `tfhe`. They are read and planned, and not pooled, which takes seconds.
pub fn tfhe_tiles(data: &[u8]) -> bool {
    tiles(SchemeId::Tfhe, data)
}

/// The keys of a scheme, and what they made of a frame with each kernel.
struct Valid {
    evaluation: Arc<dyn EvaluationKey>,
    client: Arc<dyn ClientKey>,
    streams: Vec<Stream>,
}

struct Stream {
    spec: StreamSpec,
    frame: QuantisedFrame,
    tile: Vec<u8>,
    map: Vec<u8>,
}

impl Valid {
    fn new(scheme: SchemeId) -> Self {
        let (keys, id) = (payloads(scheme), key_id());
        let public = scheme.get().read_public_key(id, &keys.public).unwrap();
        let evaluation = scheme
            .evaluation()
            .read_evaluation_key(id, &keys.evaluation, &());
        let evaluation = evaluation.unwrap();
        let stream = |kernel| {
            let spec = spec(scheme, SIZE, 2, (kernel, 2, 0));
            let frame = spec.quantiser().quantise(&busy(SIZE, 1));
            let tile = public.encrypt(&spec, &frame, 0).unwrap();
            let map = evaluation.pool(&spec, 0, &tile, &()).unwrap();
            Stream {
                spec,
                frame,
                tile,
                map,
            }
        };
        Self {
            streams: KERNELS.map(stream).into(),
            client: client_key::read_client_key(scheme, id, &keys.client).unwrap(),
            evaluation,
        }
    }

    fn of(scheme: SchemeId) -> &'static Self {
        static VALID: [OnceLock<Valid>; 3] = [const { OnceLock::new() }; 3];
        let place = SchemeId::ALL.iter().position(|known| *known == scheme);
        VALID[place.unwrap()].get_or_init(|| Self::new(scheme))
    }
}

fn tiles(scheme: SchemeId, data: &[u8]) -> bool {
    let Some((selector, rest)) = data.split_first() else {
        return false;
    };
    let valid = Valid::of(scheme);
    let stream = &valid.streams[usize::from(*selector) % KERNELS.len()];
    let is_map = selector & MAP != 0;
    let original = if is_map { &stream.map } else { &stream.tile };
    let bytes = if selector & WHOLE != 0 {
        rest.to_vec()
    } else {
        edited(original.clone(), rest)
    };
    let untouched = bytes == *original;
    if is_map {
        decrypts(valid, stream, &bytes, untouched)
    } else {
        pools(scheme, valid, stream, &bytes, untouched)
    }
}

/// What a worker does. Whatever it makes of a tile is as long as any map tile of the stream.
fn pools(scheme: SchemeId, valid: &Valid, stream: &Stream, tile: &[u8], untouched: bool) -> bool {
    if scheme == SchemeId::Tfhe {
        return accepted(valid.evaluation.pool(&stream.spec, 0, tile, &InNoTime));
    }
    let pooled = valid.evaluation.pool(&stream.spec, 0, tile, &());
    if let Ok(map) = &pooled {
        assert_eq!(map.len(), stream.map.len());
        assert!(
            !untouched || *map == stream.map,
            "another map of the same tile"
        );
    }
    accepted(pooled)
}

/// What a viewer does. It never shows a level that the stream does not have.
fn decrypts(valid: &Valid, stream: &Stream, map: &[u8], untouched: bool) -> bool {
    let decrypted = valid.client.decrypt(&stream.spec, 0, map);
    if let Ok(levels) = &decrypted {
        let expected = max_pool(&stream.frame, stream.spec.pool()).unwrap();
        let highest = stream.spec.quantiser().level_count();
        assert_eq!(levels.len(), expected.values().len());
        assert!(levels.iter().all(|level| *level <= highest), "{levels:?}");
        assert!(!untouched || levels == expected.values(), "{levels:?}");
    }
    accepted(decrypted)
}

pub(super) fn valid_inputs(_target: &str) -> Vec<(String, Vec<u8>)> {
    let kinds = [("tile", 0), ("map-tile", MAP)];
    let inputs = kinds.into_iter().flat_map(|(name, kind)| {
        // The place of a kernel among them is the remainder of the whole byte.
        (0..KERNELS.len() as u8).map(move |place| {
            let remainder = (kind + place) % KERNELS.len() as u8;
            let kernel = KERNELS[usize::from(remainder)];
            (format!("{name}-kernel-{kernel}"), vec![kind + place])
        })
    });
    inputs.collect()
}
