//! How results travel: up to 256 of them packed into one GLWE ciphertext whose words are switched to 16 bits.
//!
//! A map tile is one packed ciphertext per 256 windows: 1024 mask words, then one body word per window.

use super::evaluation_key::TfheEvaluationKey;
use super::parameters::{MAP_WORD_BYTES, MODULUS, OUTPUT_SCALE_LOG2, PACKING};
use super::words::{map_words, push_map_words};
use crate::scheme::{SchemeError, check_length};
use rayon::prelude::*;
use tfhe::core_crypto::algorithms::polynomial_algorithms::polynomial_wrapping_monic_monomial_mul_assign;
use tfhe::core_crypto::prelude::*;

/// Results in one packed ciphertext at the most.
const PER_GLWE: usize = PACKING.polynomial_size.0;

impl TfheEvaluationKey {
    /// Packs the results of a tile.
    pub(super) fn pack(&self, results: &[LweCiphertextOwned<u64>]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(packed_bytes(results.len()));
        for group in results.chunks(PER_GLWE) {
            // Packing is linear: each core packs some results at their places, and the sums are one ciphertext.
            let packed = group
                .par_iter()
                .enumerate()
                .fold(zero, |sum, (place, result)| {
                    let mut packed = zero();
                    keyswitch_lwe_ciphertext_into_glwe_ciphertext(
                        &self.packing,
                        result,
                        &mut packed,
                    );
                    packed
                        .as_mut_polynomial_list()
                        .iter_mut()
                        .for_each(|mut polynomial| {
                            polynomial_wrapping_monic_monomial_mul_assign(
                                &mut polynomial,
                                MonomialDegree(place),
                            );
                        });
                    add(sum, &packed)
                })
                .reduce(zero, |sum, part| add(sum, &part));
            let words: Vec<u64> = packed
                .as_ref()
                .iter()
                .take(PACKING.mask_words() + group.len())
                .copied()
                .collect();
            push_map_words(&mut bytes, &words);
        }
        bytes
    }
}

/// Bytes of a map tile of `windows` windows.
pub fn packed_bytes(windows: usize) -> usize {
    let masks = windows.div_ceil(PER_GLWE) * PACKING.mask_words();
    (masks + windows) * MAP_WORD_BYTES
}

/// Decrypts a map tile of `windows` windows under the packing key: one level 0..=15 per window.
pub fn unpack(
    key: &GlweSecretKey<impl Container<Element = u64>>,
    windows: usize,
    bytes: &[u8],
) -> Result<Vec<u8>, SchemeError> {
    check_length("tfhe map tile", packed_bytes(windows), bytes.len())?;
    let mut levels = Vec::with_capacity(windows);
    for chunk in bytes.chunks(packed_bytes(PER_GLWE)) {
        let bodies = (windows - levels.len()).min(PER_GLWE);
        let mut words = map_words(chunk);
        words.resize(PACKING.mask_words() + PER_GLWE, 0);
        let packed = GlweCiphertext::from_container(words, PACKING.polynomial_size, MODULUS);
        let mut phases = PlaintextList::new(0u64, PlaintextCount(PER_GLWE));
        decrypt_glwe_ciphertext(key, &packed, &mut phases);
        let half_level = 1u64 << (OUTPUT_SCALE_LOG2 - 1);
        let level = |phase: &u64| (phase.wrapping_add(half_level) >> OUTPUT_SCALE_LOG2) as u8;
        levels.extend(phases.as_ref().iter().take(bodies).map(level));
    }
    Ok(levels)
}

fn zero() -> GlweCiphertextOwned<u64> {
    let size = PACKING.glwe_dimension.to_glwe_size();
    GlweCiphertext::new(0, size, PACKING.polynomial_size, MODULUS)
}

fn add(
    mut sum: GlweCiphertextOwned<u64>,
    part: &GlweCiphertextOwned<u64>,
) -> GlweCiphertextOwned<u64> {
    glwe_ciphertext_add_assign(&mut sum, part);
    sum
}
