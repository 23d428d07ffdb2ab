//! `[delivery]`: how much may be on its way.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use wire::config::Problems;

const DEFAULT_CREDIT: u32 = 2;
/// Bytes of frames without a receipt unless configured: half of what a broker keeps unless
/// configured, so that two cameras share it.
pub const DEFAULT_BYTES_ON_THE_WAY: u64 = 32_000_000;
/// From little more than a packet to the largest ring log.
const BYTES_ON_THE_WAY: RangeInclusive<u64> = 65_536..=16 << 30;
const DEFAULT_RECEIPT_TIMEOUT_S: u64 = 60;

/// `[delivery]` as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// Frames that may be without a receipt.
    pub credit: NonZeroU32,
    /// Bytes of all frames that may be without a receipt, as [`crate::frame_bytes`] counts them.
    pub bytes_on_the_way: u64,
    /// How long to wait for a receipt at least; longer where receipts take longer.
    pub receipt_timeout: Duration,
}

/// `[delivery]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryToml {
    credit: Option<u32>,
    bytes_on_the_way: Option<u64>,
    receipt_timeout_s: Option<u64>,
}

impl DeliveryToml {
    /// What was typed.
    pub(super) fn meaning(self, problems: &mut Problems) -> Option<DeliveryConfig> {
        let credit = self.credit.unwrap_or(DEFAULT_CREDIT);
        let credit = problems.in_range("delivery.credit", credit, 1..=64);
        let bytes = self.bytes_on_the_way.unwrap_or(DEFAULT_BYTES_ON_THE_WAY);
        let bytes = problems.in_range("delivery.bytes_on_the_way", bytes, BYTES_ON_THE_WAY);
        let timeout = self.receipt_timeout_s.unwrap_or(DEFAULT_RECEIPT_TIMEOUT_S);
        let timeout = problems.in_range("delivery.receipt_timeout_s", timeout, 1..=3600);
        Some(DeliveryConfig {
            credit: NonZeroU32::new(credit?)?,
            bytes_on_the_way: bytes?,
            receipt_timeout: Duration::from_secs(timeout?),
        })
    }
}
