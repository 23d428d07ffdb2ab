//! Ring logs: what rumqttd keeps for each subscribed filter.
//!
//! A ring log is made of parts. A part is closed by the message that fills it, so it may exceed its
//! size by one packet. When all parts are full the oldest one is dropped as a whole, whoever still
//! has to read it. What was read is not dropped, so every ring log fills up in time.

use std::collections::HashMap;

use rumqttd::SegmentConfig;
use wire::mqtt::ECHO_FILTER;
use wire::topic::Topic;

use crate::config::{BrokerConfig, MAX_RING_LOG_BYTES};

/// Most parts that a ring log is made of.
const MAX_PARTS: usize = 16;
/// rumqttd panics below this.
const MIN_PART_BYTES: usize = 1024;
/// Receipts, states and health. A receipt is counted as some 200 bytes and a camera has at most 64
/// frames on their way, so this is plenty; in memory a receipt takes twice that, and more when it
/// keeps the buffer that it was read into.
const OF_SMALL_MESSAGES: Parts = Parts {
    count: 8,
    bytes: 64 << 10,
};
/// Echoes, each of which may keep the 10 KiB that its connection was read into.
const OF_ECHOES: Parts = Parts {
    count: 2,
    bytes: MIN_PART_BYTES,
};

/// The parts of a ring log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// How many.
    pub(crate) count: usize,
    /// The size at which one is full.
    pub(crate) bytes: usize,
}

impl Parts {
    /// Parts that fit `ring_log_bytes` all together, each with its excess.
    pub(crate) fn of(config: &BrokerConfig) -> Self {
        let packet = config.max_packet_bytes.max(1);
        let count = (config.ring_log_bytes / packet / 2).clamp(2, MAX_PARTS);
        let bytes = (config.ring_log_bytes / count).saturating_sub(packet);
        Self {
            count,
            bytes: bytes.max(MIN_PART_BYTES),
        }
    }

    /// The parts of the ring logs that are not like the others, by their filters. None is larger
    /// than they are.
    pub(crate) fn exceptions(config: &BrokerConfig) -> HashMap<String, SegmentConfig> {
        let Self { count, bytes } = Self::of(config);
        let small = Topic::small_messages().map(|filter| (filter, OF_SMALL_MESSAGES));
        let echoes = (ECHO_FILTER.to_owned(), OF_ECHOES);
        let exceptions = small.into_iter().chain([echoes]);
        exceptions
            .map(|(filter, parts)| {
                let segments = SegmentConfig {
                    max_segment_size: parts.bytes.min(bytes),
                    max_segment_count: parts.count.min(count),
                };
                (filter, segments)
            })
            .collect()
    }
}

impl BrokerConfig {
    /// Bytes of messages, topics included, that a subscriber may be behind without losing any: all
    /// parts but the newest, which may be empty, and without their excess.
    #[must_use]
    pub fn surely_kept_bytes(&self) -> usize {
        let Parts { count, bytes } = Parts::of(self);
        (count - 1) * bytes
    }

    /// This configuration, or one with a larger ring log that surely keeps `bytes`, as far as ring
    /// logs may grow.
    #[must_use]
    pub fn keeping(self, bytes: usize) -> Self {
        if self.surely_kept_bytes() >= bytes {
            return self;
        }
        let packet = self.max_packet_bytes;
        let part = bytes.div_ceil(MAX_PARTS - 1).saturating_add(packet);
        // With parts of two packets or more there are as many of them as there can be.
        let ring_log = MAX_PARTS.saturating_mul(part.max(2 * packet));
        Self {
            ring_log_bytes: ring_log.min(MAX_RING_LOG_BYTES),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(ring_log_bytes: usize, max_packet_bytes: usize) -> BrokerConfig {
        BrokerConfig {
            ring_log_bytes,
            max_packet_bytes,
            ..BrokerConfig::default()
        }
    }

    #[test]
    fn ring_logs_stay_within_their_bytes_even_when_every_part_overflows() {
        for (ring_log_bytes, max_packet_bytes) in [
            (128 << 20, 4_259_840),
            (4 * 4096, 4096),
            (1 << 30, 4096),
            (17_039_360, 4_259_840),
        ] {
            let Parts { count, bytes } = Parts::of(&config(ring_log_bytes, max_packet_bytes));
            let most = count * (bytes + max_packet_bytes);
            assert!(most <= ring_log_bytes, "{most} > {ring_log_bytes}");
            assert!(most > ring_log_bytes - count, "{most} wastes memory");
        }
    }

    #[test]
    fn what_is_surely_kept_is_much_less_than_the_ring_log() {
        assert_eq!(BrokerConfig::default().surely_kept_bytes(), 65_632_112);
        assert_eq!(config(4 * 4096, 4096).surely_kept_bytes(), 4096);
        assert_eq!(config(256 << 10, 8 << 10).surely_kept_bytes(), 15 * 8192);
    }

    #[test]
    fn a_ring_log_grows_to_keep_what_it_has_to() {
        for packet in [4096, 65_536, 4_259_840, 268_435_455] {
            for bytes in [
                0,
                1,
                4096,
                1_000_000,
                66_000_000,
                208_600_000,
                3_000_000_000,
            ] {
                let grown = config(4 * packet, packet).keeping(bytes);
                assert!(grown.surely_kept_bytes() >= bytes, "{packet} {bytes}");
            }
        }
        let default = BrokerConfig::default();
        assert_eq!(default.clone().keeping(65_632_112), default);
        assert!(default.clone().keeping(65_632_113).ring_log_bytes > default.ring_log_bytes);
        let most = default.keeping(usize::MAX).ring_log_bytes;
        assert_eq!(most, MAX_RING_LOG_BYTES);
    }
}
