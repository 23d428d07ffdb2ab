//! `[delivery]`: how much may be on its way.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;
use wire::config::Problems;

const DEFAULT_CREDIT: u32 = 2;
const DEFAULT_RECEIPT_TIMEOUT_S: u64 = 60;

/// `[delivery]` as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// Frames that may be without a receipt.
    pub credit: NonZeroU32,
    /// How long to wait for a receipt at least; longer where receipts take longer.
    pub receipt_timeout: Duration,
}

/// `[delivery]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryToml {
    credit: Option<u32>,
    receipt_timeout_s: Option<u64>,
}

impl DeliveryToml {
    /// What was typed.
    pub(super) fn meaning(self, problems: &mut Problems) -> Option<DeliveryConfig> {
        let credit = self.credit.unwrap_or(DEFAULT_CREDIT);
        let credit = problems.in_range("delivery.credit", credit, 1..=64);
        let timeout = self.receipt_timeout_s.unwrap_or(DEFAULT_RECEIPT_TIMEOUT_S);
        let timeout = problems.in_range("delivery.receipt_timeout_s", timeout, 1..=3600);
        Some(DeliveryConfig {
            credit: NonZeroU32::new(credit?)?,
            receipt_timeout: Duration::from_secs(timeout?),
        })
    }
}
