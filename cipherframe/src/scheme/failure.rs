//! What pooling costs and how likely it is to fail.

use std::f64::consts::{LN_2, PI};
use std::fmt;

/// Work and failure probability of one pooled window under a stream specification.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FailureReport {
    /// Bootstraps of a frame for each of its windows. A fraction where neighbours share some.
    pub bootstraps_per_window: f64,
    /// log2 of the largest failure probability of any bootstrap; minus infinity where there is none.
    pub log2_bootstrap_failure: f64,
    /// log2 of the largest probability that a map value decrypts wrongly although every bootstrap succeeded.
    pub log2_decryption_failure: f64,
    /// log2 of the largest probability that a window is wrong: the sum over all steps that it depends on.
    pub log2_window_failure: f64,
}

impl FailureReport {
    /// A scheme without noise.
    pub(crate) const EXACT: Self = Self {
        bootstraps_per_window: 0.0,
        log2_bootstrap_failure: f64::NEG_INFINITY,
        log2_decryption_failure: f64::NEG_INFINITY,
        log2_window_failure: f64::NEG_INFINITY,
    };

    /// log2 of the largest failure probability of any single step.
    pub fn log2_failure(&self) -> f64 {
        self.log2_bootstrap_failure
            .max(self.log2_decryption_failure)
    }
}

impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.log2_failure() == f64::NEG_INFINITY {
            return f.write_str("no noise, no failure");
        }
        if self.bootstraps_per_window == 0.0 {
            return write!(
                f,
                "failure probability at most 2^{:.1} per slot, and 2^{:.1} per window",
                self.log2_decryption_failure, self.log2_window_failure
            );
        }
        write!(
            f,
            "{:.2} bootstraps per window, failure probability at most 2^{:.1} per bootstrap, 2^{:.1} per decryption and \
             2^{:.1} per window",
            self.bootstraps_per_window,
            self.log2_bootstrap_failure,
            self.log2_decryption_failure,
            self.log2_window_failure
        )
    }
}

/// log2 of an upper bound of the probability that Gaussian noise of this variance exceeds `bound` on either side:
/// `erfc(x) <= exp(-x^2) / (x sqrt(pi))` with `x = bound / sqrt(2 variance)`.
pub(crate) fn log2_gaussian_tail(variance: f64, bound: f64) -> f64 {
    let x = bound / (2.0 * variance).sqrt();
    let log2 = (-x * x - (x * PI.sqrt()).ln()) / LN_2;
    log2.min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_above_and_near_the_error_function() {
        // erfc(3) = 2.209e-5, erfc(9) = 4.137e-37 (Abramowitz and Stegun, table 7.1 and formula 7.1.23).
        for (x, exact) in [
            (3f64, 2.209_049_699_858_544e-5f64),
            (9.0, 4.137_031_746_513_81e-37),
        ] {
            let bound = log2_gaussian_tail(0.5, x);
            assert!(
                bound >= exact.log2() && bound < exact.log2() + 0.1,
                "{bound}"
            );
        }
    }
}
