//! The camera's side: encryption under the compact public key.
//!
//! A tile is one compact list: 2048 mask words shared by all its messages, then one body word per message, three bytes
//! each. A message is a digit of a pixel's level, and the digits of a pixel follow one another.

use super::Tfhe;
use super::parameters::{MESSAGES_PER_LIST, MODULUS, SET, TILE_WORD_BYTES, big_lwe_dimension};
use super::plan::encode;
use super::words::{key_words, push_tile_words};
use crate::quantiser::QuantisedFrame;
use crate::scheme::{EncryptionKey, Key, Scheme, SchemeError, SchemeId, check_scheme, tile_levels};
use crate::spec::StreamSpec;
use keyfile::KeyId;
use tfhe::core_crypto::prelude::*;

/// The camera's compact public key, generated under the big LWE key.
pub(super) struct TfhePublicKey {
    key_id: KeyId,
    key: LweCompactPublicKeyOwned<u64>,
}

impl TfhePublicKey {
    /// The key from its words; the caller has checked their number.
    pub(super) fn new(key_id: KeyId, words: &[u8]) -> Self {
        Self {
            key_id,
            key: LweCompactPublicKey::from_container(key_words(words), MODULUS),
        }
    }
}

/// Bytes of a tile of `messages` messages.
pub(super) const fn tile_bytes(messages: usize) -> usize {
    (MESSAGES_PER_LIST + messages) * TILE_WORD_BYTES
}

impl Key for TfhePublicKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Tfhe
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl EncryptionKey for TfhePublicKey {
    fn encrypt(
        &self,
        spec: &StreamSpec,
        frame: &QuantisedFrame,
        tile: u32,
    ) -> Result<Vec<u8>, SchemeError> {
        check_scheme(SchemeId::Tfhe, spec)?;
        let levels = tile_levels(spec, frame, tile)?;
        let level_count = spec.quantiser().level_count();
        let encoded = encode(spec.pool().kernel(), level_count, &levels)?;
        let mut list = LweCompactCiphertextList::new(
            0u64,
            big_lwe_dimension().to_lwe_size(),
            LweCiphertextCount(encoded.len()),
            MODULUS,
        );
        let mut seeder = new_seeder();
        let mut generator = EncryptionRandomGenerator::<DefaultRandomGenerator>::new(
            seeder.seed(),
            seeder.as_mut(),
        );
        encrypt_lwe_compact_ciphertext_list_with_compact_public_key(
            &self.key,
            &mut list,
            &PlaintextList::from_container(encoded),
            SET.glwe_noise_distribution,
            SET.glwe_noise_distribution,
            generator.noise_generator_mut(),
        );
        let mut bytes = Vec::with_capacity(tile_bytes(list.lwe_ciphertext_count().0));
        push_tile_words(&mut bytes, list.as_ref());
        Ok(bytes)
    }

    fn tile_bytes(&self, spec: &StreamSpec, tile: u32) -> Result<usize, SchemeError> {
        Tfhe.tile_bytes(spec, tile, false)
    }
}
