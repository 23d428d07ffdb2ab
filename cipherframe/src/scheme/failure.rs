//! What pooling costs and how likely it is to fail.

use std::fmt;

/// Work and failure probability of one pooled window under a stream specification.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FailureReport {
    /// Bootstraps of a full window.
    pub bootstraps_per_window: u32,
    /// log2 of the largest failure probability of any bootstrap; minus infinity where there is none.
    pub log2_bootstrap_failure: f64,
    /// log2 of the largest probability that a map value decrypts wrongly although every bootstrap succeeded.
    pub log2_decryption_failure: f64,
    /// log2 of the probability that anything fails in one window: the sum over its steps.
    pub log2_window_failure: f64,
}

impl FailureReport {
    /// A scheme without noise.
    pub(crate) const EXACT: Self = Self {
        bootstraps_per_window: 0,
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
        write!(
            f,
            "{} bootstraps per window, failure probability at most 2^{:.1} per bootstrap, 2^{:.1} per decryption and \
             2^{:.1} per window",
            self.bootstraps_per_window,
            self.log2_bootstrap_failure,
            self.log2_decryption_failure,
            self.log2_window_failure
        )
    }
}
