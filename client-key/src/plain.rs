//! The client key of scheme `plain`, which decrypts nothing.

use crate::ClientKey;
use cipherframe::scheme::{check_length, check_scheme, window_count};
use cipherframe::{Key, KeyId, SchemeError, SchemeId, StreamSpec};

pub(crate) struct PlainClientKey {
    key_id: KeyId,
}

impl PlainClientKey {
    pub(crate) fn read(key_id: KeyId, payload: &[u8]) -> Result<Self, SchemeError> {
        check_length("plain client key", 0, payload.len())?;
        Ok(Self { key_id })
    }
}

impl Key for PlainClientKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Plain
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl ClientKey for PlainClientKey {
    fn decrypt(&self, spec: &StreamSpec, tile: u32, levels: &[u8]) -> Result<Vec<u8>, SchemeError> {
        check_scheme(SchemeId::Plain, spec)?;
        check_length("plain map tile", window_count(spec, tile)?, levels.len())?;
        check_levels(spec, levels)?;
        Ok(levels.to_vec())
    }
}

/// Refuses levels that the stream's quantiser cannot give: an honest worker never makes them.
pub(crate) fn check_levels(spec: &StreamSpec, levels: &[u8]) -> Result<(), SchemeError> {
    if levels
        .iter()
        .all(|level| *level <= spec.quantiser().level_count())
    {
        Ok(())
    } else {
        Err(SchemeError::Corrupt {
            what: "map tile",
            why: "a value is above the highest level of the stream",
        })
    }
}
