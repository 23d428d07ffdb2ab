//! Noise of every value of the pooling circuit and the failure probabilities that follow.
//!
//! Variances are in units of the torus (1 = the whole torus squared). Formulas for keyswitch, modulus switch, bootstrap
//! and packing are the library's own, `tfhe::core_crypto::commons::noise_formulas`, at 132-bit security. Noise of
//! different bootstraps is taken as independent, as those formulas do. The pixels of a tile share a mask, whose rounding is
//! most of their noise, so they count as fully correlated.

use super::circuit::{Circuit, LinearCombination, Operand, Table};
use super::parameters::{PACKING, SET, TILE_WORD_BYTES, big_lwe_dimension};
use crate::scheme::failure::log2_gaussian_tail;
use std::collections::BTreeMap;
use tfhe::core_crypto::commons::noise_formulas::centered_mean_shifted_modulus_switch::centered_binary_shifted_modulus_switch_additive_variance;
use tfhe::core_crypto::commons::noise_formulas::lwe_keyswitch::keyswitch_additive_variance_132_bits_security_tuniform;
use tfhe::core_crypto::commons::noise_formulas::lwe_packing_keyswitch::packing_keyswitch_additive_variance_132_bits_security_tuniform;
use tfhe::core_crypto::commons::noise_formulas::lwe_programmable_bootstrap::pbs_variance_132_bits_security_tuniform_fft_mul;
use tfhe::core_crypto::commons::noise_formulas::modulus_switch::modulus_switch_additive_variance;
use tfhe::core_crypto::prelude::*;

/// 2^64, the modulus of the torus.
const TORUS: f64 = 18_446_744_073_709_551_616.0;

/// Bits of an `f64` mantissa, which bound the precision of the Fourier transform.
const FFT_MANTISSA_BITS: f64 = 53.0;

/// Variance of a pixel as the camera sends it, at any scale.
///
/// Encryption under the compact public key adds `e1 * s + e2 - e * r` with binary `s` and `r` of half the dimension's
/// weight (Joye, "TFHE public-key encryption revisited", 2023, section 3), each `e` TUniform. Dropping the low 40 bits
/// of every word adds a uniform rounding error per word, counted for a key of all ones.
pub fn fresh_variance() -> f64 {
    let dimension = big_lwe_dimension().0 as f64;
    let encryption = (dimension + 1.0) * noise_variance(&SET.glwe_noise_distribution);
    let step = 2f64.powi(-(8 * TILE_WORD_BYTES as i32));
    encryption + (dimension + 1.0) * step * step / 12.0
}

/// Variance of a bootstrap's output.
pub fn bootstrap_variance() -> f64 {
    pbs_variance_132_bits_security_tuniform_fft_mul(
        SET.lwe_dimension,
        SET.glwe_dimension,
        SET.polynomial_size,
        SET.pbs_base_log,
        SET.pbs_level,
        FFT_MANTISSA_BITS,
        TORUS,
    )
    .0
}

/// Variance that keyswitch and modulus switch add to a bootstrap's input.
pub fn bootstrap_input_variance() -> f64 {
    let keyswitch = keyswitch_additive_variance_132_bits_security_tuniform(
        big_lwe_dimension(),
        SET.lwe_dimension,
        SET.ks_base_log,
        SET.ks_level,
        TORUS,
        TORUS,
    );
    let modulus_switch = centered_binary_shifted_modulus_switch_additive_variance(
        SET.lwe_dimension,
        TORUS,
        2.0 * SET.polynomial_size.0 as f64,
    );
    keyswitch.0 + modulus_switch.0
}

/// Variance that packing and switching to the storage modulus add to a result.
pub fn packing_variance() -> f64 {
    let packing = packing_keyswitch_additive_variance_132_bits_security_tuniform(
        big_lwe_dimension(),
        PACKING.glwe_dimension,
        PACKING.polynomial_size,
        PACKING.base_log,
        PACKING.level,
        PACKING.polynomial_size.0 as f64,
        TORUS,
    );
    let storage = modulus_switch_additive_variance(
        LweDimension(PACKING.mask_words()),
        TORUS,
        2f64.powi(PACKING.storage_modulus_log2 as i32),
    );
    packing.0 + storage.0
}

/// The noise of a circuit: how far what decides is from failing.
#[derive(Clone, Debug)]
pub struct CircuitNoise {
    /// The largest variance at the input of a bootstrap before its keyswitch, in units of the variance of a bootstrap's
    /// output: the squared norm that parameter sets are made for.
    pub largest_squared_norm: f64,
    /// The largest standard deviation at the input of a bootstrap after keyswitch and modulus switch, as a part of the
    /// distance at which it fails.
    pub largest_deviation: f64,
    /// For each bootstrap, log2 of the probability that it fails.
    pub log2_bootstrap_failures: Vec<f64>,
    /// For each result, its variance before packing.
    pub output_variances: Vec<f64>,
    /// For each result, log2 of the probability that it decrypts wrongly although every bootstrap succeeded.
    pub log2_decryption_failures: Vec<f64>,
}

impl CircuitNoise {
    /// Follows the noise of every value. Values may share inputs and bootstraps, so each is kept as a sum over the
    /// independent noises it consists of, not as one variance.
    pub fn of(circuit: &Circuit) -> Self {
        let sources = [fresh_variance(), bootstrap_variance()];
        let added = bootstrap_input_variance();
        let mut uses = circuit.uses();
        let mut noises: Vec<Noise> = Vec::with_capacity(circuit.bootstraps().len());
        let (mut largest_squared_norm, mut largest_deviation) = (0f64, 0f64);
        let mut log2_bootstrap_failures = Vec::with_capacity(circuit.bootstraps().len());
        for (index, bootstrap) in circuit.bootstraps().iter().enumerate() {
            let bits = circuit.table(bootstrap).map_or(0, Table::bits);
            let variance = Noise::of(&bootstrap.input, &noises).variance(sources);
            let bound = half_level(63 - bits);
            largest_squared_norm = largest_squared_norm.max(variance / sources[1]);
            largest_deviation = largest_deviation.max((variance + added).sqrt() / bound);
            log2_bootstrap_failures.push(log2_gaussian_tail(variance + added, bound));
            let mut noise = Noise::of(&bootstrap.plus, &noises);
            noise.add(Operand::Bootstrap(index), 1.0);
            noises.push(noise);
            // As in the executor, a value goes when nothing needs it any more.
            for operand in bootstrap.operands() {
                if let Operand::Bootstrap(index) = operand
                    && let Some(count) = uses.get_mut(index)
                {
                    *count -= 1;
                    if let (0, Some(noise)) = (*count, noises.get_mut(index)) {
                        *noise = Noise::default();
                    }
                }
            }
        }
        let packing = packing_variance();
        let (mut output_variances, mut log2_decryption_failures) = (Vec::new(), Vec::new());
        for output in circuit.outputs() {
            let variance = Noise::of(output.combination(), &noises).variance(sources);
            output_variances.push(variance);
            let bound = half_level(output.scale_log2());
            log2_decryption_failures.push(log2_gaussian_tail(variance + packing, bound));
        }
        Self {
            largest_squared_norm,
            largest_deviation,
            log2_bootstrap_failures,
            output_variances,
            log2_decryption_failures,
        }
    }

    /// log2 of the largest probability that a bootstrap fails; minus infinity without any.
    pub fn log2_bootstrap_failure(&self) -> f64 {
        largest(&self.log2_bootstrap_failures)
    }

    /// log2 of the largest probability that a result decrypts wrongly although every bootstrap succeeded.
    pub fn log2_decryption_failure(&self) -> f64 {
        largest(&self.log2_decryption_failures)
    }

    /// log2 of the sum of all these probabilities: a bound of the probability that anything fails.
    pub fn log2_failure(&self) -> f64 {
        let all = self.log2_bootstrap_failures.iter();
        log2_sum(all.chain(&self.log2_decryption_failures).copied())
    }

    /// log2 of the largest probability that a window is wrong, where each has so many of the results one after the other:
    /// the sum over its results and everything that they depend on.
    pub fn log2_window_failure(&self, circuit: &Circuit, results_per_window: usize) -> f64 {
        let mut seen_by = vec![usize::MAX; circuit.bootstraps().len()];
        let windows = circuit.outputs().chunks(results_per_window.max(1));
        let decryptions = self
            .log2_decryption_failures
            .chunks(results_per_window.max(1));
        let windows = windows.zip(decryptions).enumerate();
        let failures = windows.map(|(window, (outputs, decryptions))| {
            let terms = outputs
                .iter()
                .flat_map(|output| output.combination().terms());
            let mut needed: Vec<Operand> = terms.map(|(operand, _)| *operand).collect();
            let mut failures = decryptions.to_vec();
            while let Some(operand) = needed.pop() {
                let Operand::Bootstrap(index) = operand else {
                    continue;
                };
                let Some(seen) = seen_by.get_mut(index).filter(|seen| **seen != window) else {
                    continue;
                };
                *seen = window;
                failures.extend(self.log2_bootstrap_failures.get(index));
                needed.extend(
                    circuit
                        .bootstraps()
                        .get(index)
                        .iter()
                        .flat_map(|b| b.operands()),
                );
            }
            log2_sum(failures.into_iter())
        });
        failures.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// log2 of the sum of numbers given by their log2, which may be too small for a number of their own.
pub(super) fn log2_sum(log2: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = log2.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + log2.map(|log2| (log2 - most).exp2()).sum::<f64>().log2()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The noise of a value as a sum over independent noises: of inputs, and of outputs of bootstraps.
#[derive(Clone, Default, Debug)]
struct Noise {
    parts: BTreeMap<Operand, f64>,
}

impl Noise {
    fn of(combination: &LinearCombination, bootstraps: &[Self]) -> Self {
        let mut sum = Self::default();
        for (operand, weight) in combination.terms() {
            let weight = *weight as f64;
            match operand {
                Operand::Input(_) => sum.add(*operand, weight),
                Operand::Bootstrap(index) => {
                    let parts = bootstraps.get(*index).map(|noise| &noise.parts);
                    for (part, factor) in parts.into_iter().flatten() {
                        sum.add(*part, factor * weight);
                    }
                }
            }
        }
        sum
    }

    fn add(&mut self, part: Operand, factor: f64) {
        *self.parts.entry(part).or_insert(0.0) += factor;
    }

    /// The variance where inputs have the variance `fresh`, fully correlated, and bootstraps `bootstrap`.
    fn variance(&self, [fresh, bootstrap]: [f64; 2]) -> f64 {
        let (mut inputs, mut bootstraps) = (0.0, 0.0);
        for (part, factor) in &self.parts {
            match part {
                Operand::Input(_) => inputs += factor.abs(),
                Operand::Bootstrap(_) => bootstraps += factor * factor,
            }
        }
        inputs * inputs * fresh + bootstraps * bootstrap
    }
}

/// Half the distance between neighbouring levels at a scale, as a part of the torus.
fn half_level(scale_log2: u32) -> f64 {
    2f64.powi(scale_log2 as i32 - 65)
}

/// Variance of an encryption noise distribution, as a part of the torus.
fn noise_variance(distribution: &DynamicDistribution<u64>) -> f64 {
    match distribution {
        DynamicDistribution::Gaussian(gaussian) => gaussian.std * gaussian.std,
        // 2^(b+1) + 1 values from -2^b to 2^b, the two ends half as likely: (2^(2b+1) + 1) / 6.
        DynamicDistribution::TUniform(uniform) => {
            (2f64.powi(2 * uniform.bound_log2() as i32 + 1) + 1.0) / 6.0 / (TORUS * TORUS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiny_probabilities_add_up() {
        let sum = |log2: &[f64]| log2_sum(log2.iter().copied());
        assert_eq!(sum(&[]), f64::NEG_INFINITY);
        assert_eq!(sum(&[-3000.0, -3000.0]), -2999.0);
        assert_eq!(sum(&[-5000.0, -2.0]), -2.0);
    }

    #[test]
    fn the_librarys_own_failure_figure_is_reproduced() {
        // The set promises 2^-129.58 for a bootstrap whose input has the squared norm 25.
        let promised = log2_gaussian_tail(
            25.0 * bootstrap_variance() + bootstrap_input_variance(),
            half_level(59),
        );
        assert!(
            (promised - SET.log2_p_fail).abs() < 1.0,
            "{promised} against {}",
            SET.log2_p_fail
        );
    }
}
