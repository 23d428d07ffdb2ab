//! The worker's evaluation key: keyswitching, bootstrapping and packing keys.
//!
//! On disk each is a 16-byte seed and its body words; masks are regenerated from the seed when the key is read.

use super::bootstrap::BootstrapKeys;
use super::circuit::{Circuit, CircuitError, Value};
use super::executor::{Ciphertext, run};
use super::parameters::{
    MODULUS, PACKING, SET, big_lwe_dimension, bootstrap_key_words, keyswitch_key_words,
    packing_key_words,
};
use super::words::key_words;
use super::{SEED_BYTES, Tfhe};
use crate::progress::Progress;
use crate::scheme::{Scheme, SchemeError, check_fingerprint, check_length};
use keyfile::KeyId;
use tfhe::core_crypto::commons::math::random::{CompressionSeed, Seed};
use tfhe::core_crypto::prelude::*;

/// The expanded evaluation key, about 205 MB in memory.
pub struct TfheEvaluationKey {
    pub(super) key_id: KeyId,
    pub(super) keys: BootstrapKeys,
    pub(super) packing: LwePackingKeyswitchKeyOwned<u64>,
}

impl TfheEvaluationKey {
    /// Reads and expands the payload of an evaluation key file, reporting progress.
    pub fn read(
        key_id: KeyId,
        payload: &[u8],
        progress: &dyn Progress,
    ) -> Result<Self, SchemeError> {
        let what = "tfhe evaluation key";
        check_length(what, Tfhe.evaluation_key_bytes(), payload.len())?;
        let mut sections = Sections {
            what,
            rest: check_fingerprint("the evaluation key", payload, Tfhe.key_fingerprint())?,
        };
        let steps = 3;

        let (seed, words) = sections.next(keyswitch_key_words())?;
        go_on(progress)?;
        let keyswitch = SeededLweKeyswitchKey::from_container(
            words,
            SET.ks_base_log,
            SET.ks_level,
            SET.lwe_dimension.to_lwe_size(),
            seed,
            MODULUS,
        )
        .par_decompress_into_lwe_keyswitch_key();
        progress.advance(1, steps);

        let (seed, words) = sections.next(bootstrap_key_words())?;
        go_on(progress)?;
        let glwe_size = SET.glwe_dimension.to_glwe_size();
        let standard = SeededLweBootstrapKey::from_container(
            words,
            glwe_size,
            SET.polynomial_size,
            SET.pbs_base_log,
            SET.pbs_level,
            seed,
            MODULUS,
        )
        .par_decompress_into_lwe_bootstrap_key();
        let mut bootstrap = FourierLweBootstrapKeyOwned::new(
            SET.lwe_dimension,
            glwe_size,
            SET.polynomial_size,
            SET.pbs_base_log,
            SET.pbs_level,
        );
        par_convert_standard_lwe_bootstrap_key_to_fourier(&standard, &mut bootstrap);
        progress.advance(2, steps);

        let (seed, words) = sections.next(packing_key_words())?;
        go_on(progress)?;
        let packing = SeededLwePackingKeyswitchKey::from_container(
            words,
            PACKING.base_log,
            PACKING.level,
            PACKING.glwe_dimension.to_glwe_size(),
            PACKING.polynomial_size,
            seed,
            MODULUS,
        )
        .decompress_into_lwe_packing_keyswitch_key();
        progress.advance(3, steps);

        let fft = Fft::new(SET.polynomial_size);
        Ok(Self {
            key_id,
            keys: BootstrapKeys {
                keyswitch,
                bootstrap,
                fft,
            },
            packing,
        })
    }

    /// Runs a circuit on ciphertexts under the big LWE key; `input` gives its inputs. Works on the current rayon pool
    /// and counts progress in bootstraps.
    pub fn run(
        &self,
        circuit: &Circuit,
        input: &(dyn Fn(usize) -> Ciphertext + Sync),
        progress: &dyn Progress,
    ) -> Result<Vec<Ciphertext>, SchemeError> {
        run(circuit, &self.keys, input, progress)
    }

    /// The first half of a bootstrap: the same value under the small LWE key.
    pub fn switch_key(&self, input: &Ciphertext) -> Ciphertext {
        self.keys.switch_key(input)
    }

    /// One keyswitch and bootstrap, the unit in which pooling is measured.
    pub fn bootstrap_once(&self) -> Result<(), SchemeError> {
        let size = big_lwe_dimension().to_lwe_size();
        // Words spread over the torus like those of a real ciphertext (steps of the golden ratio): the keyswitch is
        // faster on regular ones.
        let word = |index: u64| index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let input =
            |_| LweCiphertext::from_container((1..=size.0 as u64).map(word).collect(), MODULUS);
        self.run(&one_bootstrap()?, &input, &()).map(drop)
    }
}

/// Expanding a section takes up to seconds.
fn go_on(progress: &dyn Progress) -> Result<(), SchemeError> {
    if progress.cancelled() {
        return Err(SchemeError::Cancelled);
    }
    Ok(())
}

/// A circuit of a single bootstrap.
fn one_bootstrap() -> Result<Circuit, CircuitError> {
    let mut circuit = Circuit::default();
    let value = circuit.refresh(&Value::input(0, 15, 56), 56)?;
    circuit.output(value);
    Ok(circuit)
}

/// The seeded sections of an evaluation key, one after the other.
struct Sections<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl Sections<'_> {
    fn next(&mut self, words: usize) -> Result<(CompressionSeed, Vec<u64>), SchemeError> {
        let (what, actual) = (self.what, self.rest.len());
        let too_short = || SchemeError::Length {
            what,
            expected: SEED_BYTES + 8 * words,
            actual,
        };
        let (seed, rest) = self
            .rest
            .split_first_chunk::<SEED_BYTES>()
            .ok_or_else(too_short)?;
        let (section, rest) = rest.split_at_checked(8 * words).ok_or_else(too_short)?;
        self.rest = rest;
        Ok((
            CompressionSeed::from(Seed(u128::from_le_bytes(*seed))),
            key_words(section),
        ))
    }
}
