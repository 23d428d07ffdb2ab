//! Key generation and decryption of scheme `tfhe`.
//!
//! Three secret keys: the big LWE key (the GLWE key of the bootstrap) that pixels and maxima are under, the small LWE
//! key inside the bootstrap, and the packing key that results are under.

use crate::ClientKey;
use crate::key_set::Payloads;
use crate::plain::check_levels;
use cipherframe::scheme::tfhe::packing::unpack;
use cipherframe::scheme::tfhe::parameters::{MODULUS, PACKING, SET, fingerprint};
use cipherframe::scheme::tfhe::words::push_key_words;
use cipherframe::scheme::{
    FINGERPRINT_BYTES, check_fingerprint, check_length, check_scheme, window_count,
};
use cipherframe::{Key, KeyId, Progress, SchemeError, SchemeId, StreamSpec};
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroize;

/// Secret bits of the GLWE key, the small LWE key and the packing key.
const SECTION_BITS: [usize; 3] = [
    SET.glwe_dimension.0 * SET.polynomial_size.0,
    SET.lwe_dimension.0,
    PACKING.mask_words(),
];

/// The exact payload length of a client key: fingerprint, then each key's bits, eight in a byte.
pub(crate) const CLIENT_KEY_BYTES: usize = FINGERPRINT_BYTES
    + SECTION_BITS[0].div_ceil(8)
    + SECTION_BITS[1].div_ceil(8)
    + SECTION_BITS[2].div_ceil(8);

/// Steps that key generation reports.
const STEPS: u64 = 4;

/// The secret keys. Their memory is cleared when they are dropped.
pub(crate) struct SecretKeys {
    bootstrap: GlweSecretKeyOwned<u64>,
    small: LweSecretKeyOwned<u64>,
    packing: GlweSecretKeyOwned<u64>,
}

impl SecretKeys {
    /// Fresh secrets from the operating system's or the processor's randomness.
    fn generate() -> Self {
        let mut seeder = new_seeder();
        let mut generator = SecretRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed());
        Self {
            bootstrap: allocate_and_generate_new_binary_glwe_secret_key(
                SET.glwe_dimension,
                SET.polynomial_size,
                &mut generator,
            ),
            small: allocate_and_generate_new_binary_lwe_secret_key(
                SET.lwe_dimension,
                &mut generator,
            ),
            packing: allocate_and_generate_new_binary_glwe_secret_key(
                PACKING.glwe_dimension,
                PACKING.polynomial_size,
                &mut generator,
            ),
        }
    }

    /// The payload of the client key file. Never reallocated, so that no copy of it stays in memory.
    fn to_payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(CLIENT_KEY_BYTES);
        payload.extend(fingerprint().0);
        for words in [
            self.bootstrap.as_ref(),
            self.small.as_ref(),
            self.packing.as_ref(),
        ] {
            let byte = |bits: &[u64]| {
                bits.iter()
                    .rev()
                    .fold(0u8, |byte, bit| byte << 1 | *bit as u8)
            };
            payload.extend(words.chunks(8).map(byte));
        }
        payload
    }

    fn from_payload(payload: &[u8]) -> Result<Self, SchemeError> {
        check_length("tfhe client key", CLIENT_KEY_BYTES, payload.len())?;
        let mut bits = check_fingerprint("the client key", payload, fingerprint())?;
        let mut section = |count: usize| {
            let (section, rest) = bits.split_at(count.div_ceil(8));
            bits = rest;
            // Never reallocated, so that no copy of the bits stays in memory.
            let mut bits = Vec::with_capacity(count);
            for (byte, place) in section
                .iter()
                .flat_map(|byte| (0..8).map(move |place| (byte, place)))
                .take(count)
            {
                bits.push(u64::from(byte >> place & 1));
            }
            bits
        };
        let [bootstrap, small, packing] = SECTION_BITS.map(&mut section);
        Ok(Self {
            bootstrap: GlweSecretKey::from_container(bootstrap, SET.polynomial_size),
            small: LweSecretKey::from_container(small),
            packing: GlweSecretKey::from_container(packing, PACKING.polynomial_size),
        })
    }

    /// Mask and body polynomial of the camera's compact public key, under the big LWE key.
    fn public_key_payload(&self) -> Vec<u8> {
        let mut seeder = new_seeder();
        let mut generator = EncryptionRandomGenerator::<DefaultRandomGenerator>::new(
            seeder.seed(),
            seeder.as_mut(),
        );
        let key = allocate_and_generate_new_lwe_compact_public_key(
            &self.bootstrap.as_lwe_secret_key(),
            SET.glwe_noise_distribution,
            MODULUS,
            &mut generator,
        );
        let mut payload = fingerprint().0.to_vec();
        push_key_words(&mut payload, key.as_ref());
        payload
    }

    /// Keyswitching, bootstrapping and packing key, each its seed and its body words.
    fn evaluation_key_payload(&self, progress: &dyn Progress) -> Vec<u8> {
        let mut seeder = new_seeder();
        let seeder = seeder.as_mut();
        let big = self.bootstrap.as_lwe_secret_key();
        let mut payload = fingerprint().0.to_vec();

        let seed = seeder.seed();
        let mut keyswitch = SeededLweKeyswitchKey::new(
            0u64,
            SET.ks_base_log,
            SET.ks_level,
            big.lwe_dimension(),
            SET.lwe_dimension,
            seed.into(),
            MODULUS,
        );
        let noise = SET.lwe_noise_distribution;
        generate_seeded_lwe_keyswitch_key(&big, &self.small, &mut keyswitch, noise, seeder);
        push_section(&mut payload, seed, keyswitch.as_ref());
        progress.advance(2, STEPS);

        let seed = seeder.seed();
        let mut bootstrap = SeededLweBootstrapKey::new(
            0u64,
            SET.glwe_dimension.to_glwe_size(),
            SET.polynomial_size,
            SET.pbs_base_log,
            SET.pbs_level,
            SET.lwe_dimension,
            seed.into(),
            MODULUS,
        );
        let noise = SET.glwe_noise_distribution;
        par_generate_seeded_lwe_bootstrap_key(
            &self.small,
            &self.bootstrap,
            &mut bootstrap,
            noise,
            seeder,
        );
        push_section(&mut payload, seed, bootstrap.as_ref());
        progress.advance(3, STEPS);

        let seed = seeder.seed();
        let mut packing = SeededLwePackingKeyswitchKey::new(
            0u64,
            PACKING.base_log,
            PACKING.level,
            big.lwe_dimension(),
            PACKING.glwe_dimension,
            PACKING.polynomial_size,
            seed.into(),
            MODULUS,
        );
        generate_seeded_lwe_packing_keyswitch_key(
            &big,
            &self.packing,
            &mut packing,
            PACKING.noise(),
            seeder,
        );
        push_section(&mut payload, seed, packing.as_ref());
        progress.advance(4, STEPS);
        payload
    }
}

impl Drop for SecretKeys {
    fn drop(&mut self) {
        self.bootstrap.as_mut().zeroize();
        self.small.as_mut().zeroize();
        self.packing.as_mut().zeroize();
    }
}

/// Makes a key set.
pub(crate) fn generate(progress: &dyn Progress) -> Payloads {
    let secrets = SecretKeys::generate();
    let public = secrets.public_key_payload();
    progress.advance(1, STEPS);
    let evaluation = secrets.evaluation_key_payload(progress);
    Payloads {
        client: secrets.to_payload(),
        public,
        evaluation,
    }
}

/// A seeded key: the seed of its masks, then its body words.
fn push_section(payload: &mut Vec<u8>, seed: Seed, words: &[u64]) {
    payload.extend(seed.0.to_le_bytes());
    push_key_words(payload, words);
}

/// The client key of scheme `tfhe`.
pub(crate) struct TfheClientKey {
    key_id: KeyId,
    secrets: SecretKeys,
}

impl TfheClientKey {
    pub(crate) fn read(key_id: KeyId, payload: &[u8]) -> Result<Self, SchemeError> {
        Ok(Self {
            key_id,
            secrets: SecretKeys::from_payload(payload)?,
        })
    }
}

impl Key for TfheClientKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Tfhe
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl ClientKey for TfheClientKey {
    fn decrypt(
        &self,
        spec: &StreamSpec,
        tile: u32,
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, SchemeError> {
        check_scheme(SchemeId::Tfhe, spec)?;
        let windows = window_count(spec, tile)?;
        let levels = unpack(
            &self.secrets.packing,
            windows,
            spec.quantiser().level_count(),
            ciphertext,
        )?;
        check_levels(spec, &levels)?;
        Ok(levels)
    }
}

#[cfg(test)]
mod measured_noise;
