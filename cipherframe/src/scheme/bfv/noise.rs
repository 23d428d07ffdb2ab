//! The noise of every value of the pooling circuit and the failure probability that follows.
//!
//! A ciphertext `(c0, c1)` modulo Q satisfies `c0 + c1 s = (Q/t) m + e` modulo Q; `e` is its noise, in absolute units, and
//! decryption is right while `|e| < Q / 2t`. What is followed here is the variance of a coefficient of `e`, by powers of
//! the secret `s`: a term with `s^i` has `i!` times the variance that independent factors would give it, because at a
//! root of unity `s` is nearly a complex Gaussian z, and `E |z|^2i = i! (E |z|^2)^i`. The method is that of Biasioli, Marcolla,
//! Calderini and Mono, "Improving and automating BFV parameters selection: an average-case approach" (eprint 2023/600).
//! `docs/design/bfv.md` derives each line and gives the numbers.

use super::circuit::{Arithmetic, none_reached};
use super::parameters::{NOISE_VARIANCE, PLAINTEXT_MODULUS, ParameterSet, for_kernel};
use crate::scheme::FailureReport;
use crate::scheme::failure::log2_gaussian_tail;

/// The variance of a secret coefficient, uniform in {-1, 0, 1}.
const SECRET_VARIANCE: f64 = 2.0 / 3.0;

/// Powers of the secret that are told apart: the deepest circuit ends at 5.
const POWERS: usize = 8;

/// The noise of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// Variance of a coefficient, by the power of the secret it comes with.
    by_power: [f64; POWERS],
    /// How many primes the value has.
    pub primes: usize,
    /// How many products lie behind it.
    pub depth: usize,
}

/// Follows the noise through a circuit under a parameter set.
#[derive(Clone, Debug)]
pub struct NoiseModel {
    degree: f64,
    moduli: Vec<f64>,
}

impl Noise {
    /// The variance of a coefficient.
    pub fn variance(&self) -> f64 {
        self.by_power.iter().sum()
    }

    /// log2 of the standard deviation.
    pub fn log2_deviation(&self) -> f64 {
        self.variance().log2() / 2.0
    }

    fn scaled(mut self, factor: f64) -> Self {
        self.by_power
            .iter_mut()
            .for_each(|variance| *variance *= factor);
        self
    }

    /// Adds independent noise that comes without the secret, with it, and with its square.
    fn plus<const N: usize>(mut self, variances: [f64; N]) -> Self {
        for (sum, variance) in self.by_power.iter_mut().zip(variances) {
            *sum += variance;
        }
        self
    }

    /// Adds noise that may well be the same: deviations add up, not variances.
    fn plus_dependent(mut self, other: &Self) -> Self {
        for (sum, other) in self.by_power.iter_mut().zip(other.by_power) {
            *sum = (sum.sqrt() + other.sqrt()).powi(2);
        }
        self
    }

    /// Times a polynomial whose coefficients are `s` times independent ones: variance `per_power` per coefficient of the
    /// product.
    fn times_secret(&self, per_power: f64) -> Self {
        let mut product = Self {
            by_power: [0.0; POWERS],
            ..*self
        };
        let raised = product.by_power.iter_mut().skip(1);
        for ((power, to), from) in (1..).zip(raised).zip(self.by_power) {
            // power! / (power - 1)!
            *to = f64::from(power) * per_power * from;
        }
        product
    }
}

impl NoiseModel {
    /// The model of a parameter set.
    pub fn new(set: &ParameterSet) -> Self {
        Self {
            degree: set.degree as f64,
            moduli: set.moduli().into_iter().map(f64::from).collect(),
        }
    }

    /// The sum of `ciphertexts` fresh ones under the public key: `e_pk u + e1 + e2 s` each, and the rounding of `Q m / t`.
    pub fn fresh_sum(&self, ciphertexts: usize) -> Noise {
        let noise = NOISE_VARIANCE as f64;
        let fresh = Noise {
            by_power: [0.0; POWERS],
            primes: self.moduli.len(),
            depth: 0,
        };
        let fresh = fresh.plus([
            self.degree * noise * noise + noise + 1.0,
            self.degree * noise * SECRET_VARIANCE,
        ]);
        fresh.scaled(ciphertexts as f64)
    }

    /// Dividing by the last prime: the noise shrinks with it, and each part is rounded.
    pub fn switch_down(&self, noise: &Noise) -> Noise {
        let Some(last) = noise
            .primes
            .checked_sub(1)
            .and_then(|last| self.moduli.get(last))
        else {
            return noise.clone();
        };
        let switched = noise.clone().scaled(1.0 / (last * last));
        Noise {
            primes: noise.primes - 1,
            ..switched.plus([1.0 / 12.0, self.degree * SECRET_VARIANCE / 12.0])
        }
    }

    /// Down to `primes` primes.
    pub fn switch_to(&self, noise: &Noise, primes: usize) -> Noise {
        let mut noise = noise.clone();
        while noise.primes > primes.max(1) {
            noise = self.switch_down(&noise);
        }
        noise
    }

    /// log2 of half the distance between neighbouring plaintexts under `primes` primes: `Q / 2t`.
    pub fn log2_limit(&self, primes: usize) -> f64 {
        let log2: f64 = self.moduli.iter().take(primes).map(|q| q.log2()).sum();
        log2 - 1.0 - f64::from(PLAINTEXT_MODULUS).log2()
    }

    /// log2 of the probability that a slot decrypts wrongly: that of any coefficient of its ciphertext, because every
    /// slot depends on all of them.
    pub fn log2_failure(&self, noise: &Noise) -> f64 {
        let limit = self.log2_limit(noise.primes).exp2();
        (log2_gaussian_tail(noise.variance(), limit) + self.degree.log2()).min(0.0)
    }

    /// What relinearisation adds: each digit, uniform between plus and minus half its prime, times a coefficient of the key's noise.
    fn relinearisation(&self, primes: usize) -> f64 {
        let digits = self.moduli.iter().take(primes);
        let squares: f64 = digits.map(|q| q * q / 12.0).sum();
        self.degree * NOISE_VARIANCE as f64 * squares
    }

    fn product(&self, a: &Noise, b: &Noise) -> Noise {
        let depth = a.depth.max(b.depth);
        let primes = self.moduli.len().saturating_sub(depth);
        let (a, b) = (self.switch_to(a, primes), self.switch_to(b, primes));
        let (n, t) = (self.degree, f64::from(PLAINTEXT_MODULUS));
        // Each noise meets (t/Q)(c0 + c1 s) of the other operand, whose c are uniform in [-Q/2, Q/2].
        let per_power = n * t * t * (1.0 + n * SECRET_VARIANCE) / 12.0;
        let crossed = a
            .times_secret(per_power)
            .plus_dependent(&b.times_secret(per_power));
        let secret = n * SECRET_VARIANCE;
        // The scaled parts are rounded, each with an error of at most 1: 1, s and s^2 times it.
        let rounded = crossed.plus([1.0, secret, 2.0 * secret * secret]);
        Noise {
            depth: depth + 1,
            primes,
            ..rounded.plus([self.relinearisation(primes)])
        }
    }
}

impl Arithmetic for NoiseModel {
    type Value = Noise;

    fn multiply(&self, a: &Noise, b: &Noise) -> Noise {
        self.product(a, b)
    }

    fn square(&self, a: &Noise) -> Noise {
        self.product(a, a)
    }

    fn combine(&self, terms: &[(i64, &Noise)], _constant: i64) -> Noise {
        let primes = terms
            .iter()
            .map(|(_, noise)| noise.primes)
            .min()
            .unwrap_or(0);
        let zero = Noise {
            by_power: [0.0; POWERS],
            primes,
            depth: terms
                .iter()
                .map(|(_, noise)| noise.depth)
                .max()
                .unwrap_or(0),
        };
        let sum = terms.iter().fold(zero, |sum, (factor, noise)| {
            let factor = *factor as f64;
            sum.plus_dependent(&self.switch_to(noise, primes).scaled(factor * factor))
        });
        // A constant is rounded when it is scaled by Q / t.
        sum.plus([1.0])
    }
}

/// The noise of a result of a `kernel`, switched down to one prime; `None` for a kernel without a circuit.
pub fn result(kernel: u8) -> Option<(NoiseModel, Noise)> {
    let model = NoiseModel::new(&for_kernel(kernel));
    let sum = model.fresh_sum(usize::from(kernel) * usize::from(kernel));
    let result = none_reached(&model, kernel, &sum)?;
    let result = model.switch_to(&result, 1);
    Some((model, result))
}

/// How likely pooling with a `kernel` is to fail. Windows that padding cuts are the same circuit on zeros.
pub fn failure_report(kernel: u8) -> FailureReport {
    let log2_failure = result(kernel).map_or(0.0, |(model, noise)| model.log2_failure(&noise));
    FailureReport {
        log2_decryption_failure: log2_failure,
        // All slots of a window are in one ciphertext, and the bound is that of its coefficients together.
        log2_window_failure: log2_failure,
        ..FailureReport::EXACT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_fails_with_probability_at_most_2_to_the_minus_128_per_slot() {
        for kernel in [2, 3, 4] {
            let (model, noise) = result(kernel).unwrap();
            let report = failure_report(kernel);
            assert!(report.log2_failure() <= -128.0, "kernel {kernel}: {report}");
            assert!(report.log2_window_failure <= -128.0);
            assert_eq!(noise.primes, 1);
            // A result that is not switched down decrypts as surely.
            let sum = model.fresh_sum(usize::from(kernel) * usize::from(kernel));
            let unswitched = none_reached(&model, kernel, &sum).unwrap();
            assert!(unswitched.primes > 1);
            assert!(model.log2_failure(&unswitched) <= -128.0);
        }
    }
}
