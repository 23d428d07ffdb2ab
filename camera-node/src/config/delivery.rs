//! `[delivery]`: how much may be on its way, and what becomes of frames that find no place.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use wire::config::Problems;

use crate::outbox::Policy;

const DEFAULT_CREDIT: u32 = 2;
/// Bytes of frames without a receipt unless configured: half of what a broker keeps unless
/// configured, so that two cameras share it.
pub const DEFAULT_BYTES_ON_THE_WAY: u64 = 32_000_000;
/// From little more than a packet to the largest ring log.
const BYTES_ON_THE_WAY: RangeInclusive<u64> = 65_536..=16 << 30;
const DEFAULT_RECEIPT_TIMEOUT_S: u64 = 60;
const DEFAULT_SPOOL_BYTES: u64 = 1 << 30;
/// From a small frame to the largest disk.
const SPOOL_BYTES: RangeInclusive<u64> = 65_536..=1 << 50;

/// `[delivery]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// What becomes of frames that find no free place or get no receipt.
    pub policy: Policy,
    /// Frames that may be without a receipt.
    pub credit: NonZeroU32,
    /// Bytes of all frames that may be without a receipt, as [`crate::FrameSize`] counts them.
    pub bytes_on_the_way: u64,
    /// How long to wait for a receipt at least; longer where receipts take longer.
    pub receipt_timeout: Duration,
    /// Where frames wait on the disk; `None` keeps them in memory.
    pub spool: Option<SpoolConfig>,
}

/// The spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolConfig {
    /// Its folder; made where it is missing.
    pub folder: PathBuf,
    /// How many bytes of files it may hold.
    pub bytes: u64,
}

/// `[delivery]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryToml {
    policy: Option<String>,
    credit: Option<u32>,
    bytes_on_the_way: Option<u64>,
    receipt_timeout_s: Option<u64>,
    spool: Option<PathBuf>,
    spool_bytes: Option<u64>,
}

impl DeliveryToml {
    /// What was typed, for a source that gives frames at a pace of its own or not.
    pub(super) fn meaning(self, is_paced: bool, problems: &mut Problems) -> Option<DeliveryConfig> {
        let policy = self.policy.as_deref().unwrap_or("all");
        let policy = problems.parsed::<Policy>("delivery.policy", policy, "");
        if policy == Some(Policy::Latest) {
            check_latest(&self, is_paced, problems);
        }
        let credit = self.credit.unwrap_or(DEFAULT_CREDIT);
        let credit = problems.in_range("delivery.credit", credit, 1..=64);
        let bytes = self.bytes_on_the_way.unwrap_or(DEFAULT_BYTES_ON_THE_WAY);
        let bytes = problems.in_range("delivery.bytes_on_the_way", bytes, BYTES_ON_THE_WAY);
        let timeout = self.receipt_timeout_s.unwrap_or(DEFAULT_RECEIPT_TIMEOUT_S);
        let timeout = problems.in_range("delivery.receipt_timeout_s", timeout, 1..=3600);
        if self.spool.is_none() && self.spool_bytes.is_some() {
            let mend = "add the folder as `delivery.spool`, or remove this key";
            problems.push("delivery.spool_bytes", "there is no spool", mend);
        }
        let spool_bytes = self.spool_bytes.unwrap_or(DEFAULT_SPOOL_BYTES);
        let spool_bytes = problems.in_range("delivery.spool_bytes", spool_bytes, SPOOL_BYTES);
        let spool = match self.spool {
            Some(folder) => Some(SpoolConfig {
                folder: problems.resolve(&folder),
                bytes: spool_bytes?,
            }),
            None => None,
        };
        Some(DeliveryConfig {
            policy: policy?,
            credit: NonZeroU32::new(credit?)?,
            bytes_on_the_way: bytes?,
            receipt_timeout: Duration::from_secs(timeout?),
            spool,
        })
    }
}

/// A live view has a pace, and nothing to spool.
fn check_latest(typed: &DeliveryToml, is_paced: bool, problems: &mut Problems) {
    if typed.spool.is_some() {
        problems.push(
            "delivery.spool",
            "policy `latest` drops frames that find no place, it has no use for a spool",
            "remove it, or set `policy = \"all\"`",
        );
    }
    if !is_paced {
        problems.push(
            "delivery.policy",
            "policy `latest` drops the frames that come while no place is free, and this source \
             gives as many as are asked for",
            "set `source.fps`, or `policy = \"all\"`",
        );
    }
}
