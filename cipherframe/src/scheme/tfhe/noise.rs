//! Noise of every value of the pooling circuit and the failure probabilities that follow.
//!
//! Variances are in units of the torus (1 = the whole torus squared). Formulas for keyswitch, modulus switch, bootstrap
//! and packing are the library's own, `tfhe::core_crypto::commons::noise_formulas`, at 132-bit security. Noise of
//! different operands is taken as independent, as those formulas do.

use super::circuit::{Circuit, Operand};
use super::parameters::{
    BOOTSTRAP_SCALE_LOG2, OUTPUT_SCALE_LOG2, PACKING, SET, TILE_WORD_BYTES, big_lwe_dimension,
    fresh_scale_log2,
};
use crate::scheme::FailureReport;
use crate::scheme::failure::log2_gaussian_tail;
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

/// What pooling with a `kernel` costs and how likely its worst step is to fail, over every shape that padding can leave
/// of a window.
pub fn failure_report(kernel: u8) -> FailureReport {
    let side = usize::from(kernel);
    let mut report = FailureReport {
        bootstraps_per_window: 0,
        ..FailureReport::EXACT
    };
    for (height, width) in
        (1..=side).flat_map(|height| (1..=side).map(move |width| (height, width)))
    {
        let rows: Vec<Vec<usize>> = (0..height)
            .map(|y| (y * width..(y + 1) * width).collect())
            .collect();
        let mut circuit = Circuit::default();
        circuit.add_window(&rows, fresh_scale_log2(kernel));
        let noise = CircuitNoise::of(&circuit);
        let bootstraps: Vec<f64> = noise
            .bootstrap_inputs
            .iter()
            .map(|variance| log2_gaussian_tail(*variance, half_level(BOOTSTRAP_SCALE_LOG2)))
            .collect();
        let decryption = log2_gaussian_tail(noise.worst_result, half_level(OUTPUT_SCALE_LOG2));
        // Union bound over the steps of the window.
        let window = bootstraps.iter().map(|log2| log2.exp2()).sum::<f64>() + decryption.exp2();
        let worst = bootstraps.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        report = FailureReport {
            bootstraps_per_window: report
                .bootstraps_per_window
                .max(circuit.maxima().len() as u32),
            log2_bootstrap_failure: report.log2_bootstrap_failure.max(worst),
            log2_decryption_failure: report.log2_decryption_failure.max(decryption),
            log2_window_failure: report.log2_window_failure.max(window.log2()),
        };
    }
    report
}

/// The variances that decide whether a circuit fails.
#[derive(Clone, Debug)]
pub struct CircuitNoise {
    /// Of each bootstrap's input, after keyswitch and modulus switch.
    pub bootstrap_inputs: Vec<f64>,
    /// Of any packed result.
    pub worst_result: f64,
}

impl CircuitNoise {
    /// Follows the variance through every maximum.
    pub fn of(circuit: &Circuit) -> Self {
        let mut variances: Vec<f64> = Vec::with_capacity(circuit.maxima().len());
        let variance = |variances: &[f64], operand: Operand| match operand {
            Operand::Pixel { shift, .. } => fresh_variance() * power_of_four(shift),
            Operand::Maximum(index) => variances.get(index).copied().unwrap_or(f64::INFINITY),
        };
        let mut bootstrap_inputs = Vec::with_capacity(circuit.maxima().len());
        for maximum in circuit.maxima() {
            let operands = variance(&variances, maximum.left) + variance(&variances, maximum.right);
            let scaled_up = power_of_four(BOOTSTRAP_SCALE_LOG2.saturating_sub(maximum.scale_log2));
            bootstrap_inputs.push(operands * scaled_up + bootstrap_input_variance());
            variances.push(operands + bootstrap_variance());
        }
        let outputs = circuit
            .outputs()
            .iter()
            .map(|output| variance(&variances, *output));
        let worst_result = outputs.fold(0.0, f64::max) + packing_variance();
        Self {
            bootstrap_inputs,
            worst_result,
        }
    }
}

/// Half the distance between neighbouring levels at a scale, as a part of the torus.
fn half_level(scale_log2: u32) -> f64 {
    2f64.powi(scale_log2 as i32 - 65)
}

fn power_of_four(exponent: u32) -> f64 {
    4f64.powi(exponent as i32)
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
    fn every_step_fails_with_probability_at_most_2_to_the_minus_128() {
        for (kernel, bootstraps) in [(2, 3), (3, 8)] {
            let report = failure_report(kernel);
            assert_eq!(report.bootstraps_per_window, bootstraps);
            assert!(report.log2_failure() <= -128.0, "kernel {kernel}: {report}");
            // The window as a whole, all its steps together, keeps the bound too.
            assert!(
                report.log2_window_failure <= -128.0,
                "kernel {kernel}: {report}"
            );
            assert!(report.log2_window_failure >= report.log2_failure());
            // A bound so good that it must be a mistake is as suspicious as a bad one.
            assert!(report.log2_failure() > -400.0, "kernel {kernel}: {report}");
        }
    }

    #[test]
    fn the_librarys_own_failure_figure_is_reproduced() {
        // The set promises 2^-129.58 for a bootstrap whose input has the squared norm 25.
        let promised = log2_gaussian_tail(
            25.0 * bootstrap_variance() + bootstrap_input_variance(),
            half_level(BOOTSTRAP_SCALE_LOG2),
        );
        assert!(
            (promised - SET.log2_p_fail).abs() < 1.0,
            "{promised} against {}",
            SET.log2_p_fail
        );
    }
}
