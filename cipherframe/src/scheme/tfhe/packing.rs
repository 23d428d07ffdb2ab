//! How results travel: up to 256 of them packed into one GLWE ciphertext whose words are switched to 16 bits.
//!
//! A result is a digit of a window's level, and the digits of a window follow one another. A map tile is one packed
//! ciphertext per 256 results: 1024 mask words, then one body word per result.

use super::digits::digits;
use super::parameters::{MAP_WORD_BYTES, MODULUS, PACKING};
use super::plan::decode;
use super::words::{map_words, push_map_words};
use crate::scheme::{SchemeError, check_length};
use rayon::prelude::*;
use tfhe::core_crypto::algorithms::polynomial_algorithms::polynomial_wrapping_monic_monomial_mul_assign;
use tfhe::core_crypto::prelude::*;

/// Results in one packed ciphertext at the most.
const PER_GLWE: usize = PACKING.polynomial_size.0;

/// Packs the results of a tile, on all cores.
pub(super) fn pack(
    key: &LwePackingKeyswitchKeyOwned<u64>,
    results: &[LweCiphertextOwned<u64>],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packed_bytes(results.len()));
    for group in results.chunks(PER_GLWE) {
        // Packing is linear: each core packs some results at their places, and the sums are one ciphertext.
        let packed = group
            .par_iter()
            .enumerate()
            .fold(zero, |sum, (place, result)| {
                add(sum, &at_place(key, result, place))
            })
            .reduce(zero, |sum, part| add(sum, &part));
        let words = packed
            .as_ref()
            .iter()
            .take(PACKING.mask_words() + group.len());
        push_map_words(&mut bytes, &words.copied().collect::<Vec<u64>>());
    }
    bytes
}

/// One result as the coefficient `place` of a packed ciphertext.
fn at_place(
    key: &LwePackingKeyswitchKeyOwned<u64>,
    result: &LweCiphertextOwned<u64>,
    place: usize,
) -> GlweCiphertextOwned<u64> {
    let mut packed = zero();
    keyswitch_lwe_ciphertext_into_glwe_ciphertext(key, result, &mut packed);
    for mut polynomial in packed.as_mut_polynomial_list().iter_mut() {
        polynomial_wrapping_monic_monomial_mul_assign(&mut polynomial, MonomialDegree(place));
    }
    packed
}

/// Bytes of a map tile of `results` results.
pub fn packed_bytes(results: usize) -> usize {
    let masks = results.div_ceil(PER_GLWE) * PACKING.mask_words();
    (masks + results) * MAP_WORD_BYTES
}

/// Decrypts a map tile of `windows` windows under the packing key: one level `0..=level_count` per window, or above where
/// no honest worker made it.
pub fn unpack(
    key: &GlweSecretKey<impl Container<Element = u64>>,
    windows: usize,
    level_count: u8,
    bytes: &[u8],
) -> Result<Vec<u8>, SchemeError> {
    let results = windows * digits(level_count).len();
    Ok(decode(level_count, &phases(key, results, bytes)?))
}

/// The results of a map tile with their noise, at their output scale.
fn phases(
    key: &GlweSecretKey<impl Container<Element = u64>>,
    results: usize,
    bytes: &[u8],
) -> Result<Vec<u64>, SchemeError> {
    check_length("tfhe map tile", packed_bytes(results), bytes.len())?;
    let mut all = Vec::with_capacity(results);
    for chunk in bytes.chunks(packed_bytes(PER_GLWE)) {
        let bodies = (results - all.len()).min(PER_GLWE);
        let mut words = map_words(chunk);
        words.resize(PACKING.mask_words() + PER_GLWE, 0);
        let packed = GlweCiphertext::from_container(words, PACKING.polynomial_size, MODULUS);
        let mut phases = PlaintextList::new(0u64, PlaintextCount(PER_GLWE));
        decrypt_glwe_ciphertext(key, &packed, &mut phases);
        all.extend(phases.as_ref().iter().take(bodies));
    }
    Ok(all)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::tfhe::noise::packing_variance;
    use crate::scheme::tfhe::parameters::SET;

    /// 300 values need two packed ciphertexts; the first is full, which is the worst case of the noise formula.
    #[test]
    fn values_come_back_in_order_with_the_predicted_noise() {
        let mut seeder = new_seeder();
        let mut secret = SecretRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed());
        let mut random = EncryptionRandomGenerator::<DefaultRandomGenerator>::new(
            seeder.seed(),
            seeder.as_mut(),
        );
        let big = allocate_and_generate_new_binary_glwe_secret_key(
            SET.glwe_dimension,
            SET.polynomial_size,
            &mut secret,
        )
        .into_lwe_secret_key();
        let packing = allocate_and_generate_new_binary_glwe_secret_key(
            PACKING.glwe_dimension,
            PACKING.polynomial_size,
            &mut secret,
        );
        let key = allocate_and_generate_new_lwe_packing_keyswitch_key(
            &big,
            &packing,
            PACKING.base_log,
            PACKING.level,
            PACKING.noise(),
            MODULUS,
            &mut random,
        );
        let levels: Vec<u8> = (0..300usize).map(|i| (i * 7 % 16) as u8).collect();
        let results: Vec<_> = levels
            .iter()
            .map(|level| {
                let plaintext = Plaintext(u64::from(*level) << 60);
                let noise = SET.glwe_noise_distribution;
                allocate_and_encrypt_new_lwe_ciphertext(
                    &big,
                    plaintext,
                    noise,
                    MODULUS,
                    &mut random,
                )
            })
            .collect();

        let bytes = pack(&key, &results);
        assert_eq!(bytes.len(), packed_bytes(300));
        assert_eq!(unpack(&packing, 300, 15, &bytes).unwrap(), levels);
        assert!(unpack(&packing, 299, 15, &bytes).is_err());

        let errors = phases(&packing, 300, &bytes)
            .unwrap()
            .into_iter()
            .zip(&levels)
            .take(256);
        let squares = errors.map(|(phase, level)| {
            let error = phase.wrapping_sub(u64::from(*level) << 60) as i64;
            (error as f64 / 2f64.powi(64)).powi(2)
        });
        let measured = squares.sum::<f64>() / 256.0;
        // 256 samples: the estimate of a variance is within 40 % but for a chance below 1e-5.
        let ratio = measured / packing_variance();
        assert!(
            (0.6..1.4).contains(&ratio),
            "measured {ratio} of the predicted variance"
        );
    }
}
