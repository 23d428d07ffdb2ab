//! From the bytes of a message to a tile that can be pooled, or the reason why not.

use std::sync::Arc;

use cipherframe::{EvaluationKey, Fingerprint, KeyId, SchemeId, SpecError, StreamSpec};
use thiserror::Error;
use wire::envelope::Verified;
use wire::message::{FrameTile, TileHeader};

use crate::in_flight::{InFlight, InHand};
use crate::keyring::Keyring;

/// A tile that waits to be pooled.
pub(crate) struct Job {
    /// The tile as its camera signed it.
    pub(crate) tile: Verified<FrameTile>,
    /// How its stream is pooled.
    pub(crate) spec: StreamSpec,
    /// The key that it is pooled with.
    pub(crate) key: Arc<dyn EvaluationKey>,
    /// Marks it as being in hand until its map is out.
    pub(crate) in_hand: InHand,
}

/// Why a tile that its camera signed cannot be pooled.
#[derive(Debug, Error)]
pub(crate) enum TileRefusal {
    #[error("the stream specification is not valid: {0}")]
    Spec(#[from] SpecError),
    #[error("the header says {said} tiles, its stream specification has {planned}")]
    TileCount { said: u32, planned: u32 },
    #[error(
        "the tile was made for parameter set {tile} of scheme {scheme}, this version uses {own}; \
         run the same version on camera and worker"
    )]
    Parameters {
        scheme: SchemeId,
        tile: Fingerprint,
        own: Fingerprint,
    },
    #[error(
        "no evaluation key of key set {key_id}; add its evaluation.key to `pool.evaluation_keys`"
    )]
    UnknownKey { key_id: KeyId },
    #[error("the evaluation key of key set {key_id} is for scheme {key}, the stream is {stream}")]
    WrongScheme {
        key_id: KeyId,
        key: SchemeId,
        stream: SchemeId,
    },
}

impl TileRefusal {
    /// A word for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Spec(_) => "bad_spec",
            Self::TileCount { .. } => "tile_count",
            Self::Parameters { .. } => "other_parameters",
            Self::UnknownKey { .. } => "unknown_key",
            Self::WrongScheme { .. } => "wrong_scheme",
        }
    }
}

/// Checks what the signed header says against the key it names. The ciphertext is not looked at.
pub(crate) fn check(
    header: &TileHeader,
    keyring: &Keyring,
) -> Result<(StreamSpec, Arc<dyn EvaluationKey>), TileRefusal> {
    let spec = StreamSpec::from_bytes(&header.spec)?;
    let planned = spec.tile_plan().tile_count();
    if header.tiles != planned {
        return Err(TileRefusal::TileCount {
            said: header.tiles,
            planned,
        });
    }
    let key_id = KeyId::from_bytes(header.key_id);
    let key = keyring
        .get(key_id)
        .ok_or(TileRefusal::UnknownKey { key_id })?;
    if key.scheme() != spec.scheme() {
        let (key, stream) = (key.scheme(), spec.scheme());
        return Err(TileRefusal::WrongScheme {
            key_id,
            key,
            stream,
        });
    }
    let own = spec.fingerprint();
    let tile = Fingerprint(header.parameters);
    if tile != own {
        return Err(TileRefusal::Parameters {
            scheme: spec.scheme(),
            tile,
            own,
        });
    }
    Ok((spec, key.clone()))
}

/// Makes a job of a tile; `None` when the same tile is in hand already.
pub(crate) fn job(
    tile: Verified<FrameTile>,
    keyring: &Keyring,
    in_flight: &InFlight,
) -> Result<Option<Job>, TileRefusal> {
    let (spec, key) = check(&tile.message().tile, keyring)?;
    let in_hand = in_flight.take(&tile.message().tile);
    Ok(in_hand.map(|in_hand| Job {
        tile,
        spec,
        key,
        in_hand,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeKey, KEY_ID, header, spec, spec_of};

    fn keyring() -> Keyring {
        let mut keyring = Keyring::default();
        assert!(keyring.insert(Arc::new(FakeKey::Echo)).is_none());
        keyring
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut TileHeader), message: &str) {
        let mut header = header("gate", 4, &spec());
        edit(&mut header);
        let refusal = check(&header, &keyring()).err().expect("a refusal");
        assert_eq!(refusal.to_string(), message);
    }

    #[test]
    fn an_honest_header_gets_the_key_it_names() {
        let (read, key) = check(&header("gate", 4, &spec()), &keyring()).expect("accepted");
        assert_eq!(read, spec());
        assert_eq!(key.key_id().as_bytes(), &KEY_ID);
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        refused(
            |header| header.spec.truncate(3),
            "the stream specification is not valid: stream specification of 3 bytes is malformed; \
             camera and receiver must run the same version",
        );
        refused(
            |header| header.tiles = 2,
            "the header says 2 tiles, its stream specification has 1",
        );
        refused(
            |header| header.key_id = [0xab; 16],
            "no evaluation key of key set abababababababababababababababab; \
             add its evaluation.key to `pool.evaluation_keys`",
        );
        let own = SchemeId::Plain.get().fingerprint(2);
        refused(
            |header| header.parameters = [0; 16],
            &format!(
                "the tile was made for parameter set 00000000000000000000000000000000 of scheme plain, \
                 this version uses {own}; run the same version on camera and worker"
            ),
        );
        refused(
            |header| header.spec = spec_of(SchemeId::Tfhe).to_bytes(),
            "the evaluation key of key set 07070707070707070707070707070707 is for scheme plain, \
             the stream is tfhe",
        );
    }

    #[test]
    fn a_tile_in_hand_is_not_taken_again_until_it_is_done() {
        let in_flight = InFlight::default();
        let header = header("gate", 4, &spec());
        let mut other = header.clone();
        other.frame.seq = 5;
        let in_hand = in_flight.take(&header).expect("new");
        assert!(in_flight.take(&header).is_none());
        assert!(in_flight.take(&other).is_some());
        drop(in_hand);
        assert!(in_flight.take(&header).is_some());
    }
}
