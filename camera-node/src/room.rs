//! How many frames may be on their way by their bytes: a broker drops the oldest messages once more
//! of them wait than it keeps, and tells nobody.

use std::num::NonZeroU32;

use cipherframe::{EncryptionKey, SchemeError, StreamSpec};
use wire::envelope::MAX_OVERHEAD_BYTES;
use wire::failure::{Failure, FailureKind};

use crate::config::{DeliveryConfig, StreamConfig};
use crate::key_mode::KeyMode;

/// What a message has besides its tile at most: the envelope, the topic and MQTT's own bytes.
pub const MESSAGE_OVERHEAD_BYTES: u64 = MAX_OVERHEAD_BYTES as u64 + 128;

/// What the messages of a frame take at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameSize {
    /// Bytes that a broker has to keep for one frame.
    pub bytes: u64,
    /// Bytes of the largest message.
    pub largest_message: u64,
}

impl FrameSize {
    /// Known before the first frame: the length of a tile depends on the stream and the key alone.
    ///
    /// # Errors
    /// When the key is of another scheme than the stream.
    pub fn of(key: &dyn EncryptionKey, spec: &StreamSpec) -> Result<FrameSize, SchemeError> {
        Self::sum(spec, |tile| key.tile_bytes(spec, tile))
    }

    /// As [`Self::of`], before the key has been read.
    ///
    /// # Errors
    /// None for a stream that a configuration file may have.
    pub fn of_stream(stream: &StreamConfig) -> Result<FrameSize, SchemeError> {
        let (spec, secret) = (&stream.spec, stream.key.mode() == KeyMode::Secret);
        let scheme = spec.scheme().get();
        Self::sum(spec, |tile| scheme.tile_bytes(spec, tile, secret))
    }

    fn sum(
        spec: &StreamSpec,
        tile_bytes: impl Fn(u32) -> Result<usize, SchemeError>,
    ) -> Result<FrameSize, SchemeError> {
        let mut size = FrameSize::default();
        for tile in 0..spec.tile_plan().tile_count() {
            let message = tile_bytes(tile)? as u64 + MESSAGE_OVERHEAD_BYTES;
            size.bytes += message;
            size.largest_message = size.largest_message.max(message);
        }
        Ok(size)
    }

    /// What either takes at most.
    pub(crate) fn max(self, other: FrameSize) -> FrameSize {
        FrameSize {
            bytes: self.bytes.max(other.bytes),
            largest_message: self.largest_message.max(other.largest_message),
        }
    }

    /// Refuses messages that no node would take.
    pub(crate) fn check_packet(&self, max_packet_bytes: usize) -> Result<(), Failure> {
        if self.largest_message <= max_packet_bytes as u64 {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Configuration,
            format!(
                "a tile takes up to {} bytes on its way, `mqtt.max_packet_bytes` allows \
                 {max_packet_bytes}",
                self.largest_message
            ),
            "use a smaller `stream.kernel`, or `key_mode = \"secret\"` where the camera may hold \
             that key, or raise `max_packet_bytes` at every node and at the broker",
        ))
    }
}

/// How many frames of `frame_bytes` may be without a receipt: the credit, or fewer where so many
/// are more than `bytes_on_the_way`.
pub(crate) fn credit(delivery: &DeliveryConfig, frame_bytes: u64) -> Result<NonZeroU32, Failure> {
    let fit = delivery.bytes_on_the_way / frame_bytes.max(1);
    let fit = u32::try_from(fit).unwrap_or(u32::MAX);
    let fit = NonZeroU32::new(fit).ok_or_else(|| {
        Failure::new(
            FailureKind::Configuration,
            format!(
                "a frame takes up to {frame_bytes} bytes on its way, `delivery.bytes_on_the_way` \
                 allows {}",
                delivery.bytes_on_the_way
            ),
            "use a smaller `stream.size` or fewer levels, or raise `delivery.bytes_on_the_way` \
             together with the broker's `ring_log_bytes`",
        )
    })?;
    Ok(delivery.credit.min(fit))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outbox::Policy;

    fn delivery(credit: u32, bytes_on_the_way: u64) -> DeliveryConfig {
        DeliveryConfig {
            policy: Policy::All,
            credit: NonZeroU32::new(credit).unwrap(),
            bytes_on_the_way,
            receipt_timeout: Duration::from_secs(60),
            spool: None,
        }
    }

    #[test]
    fn the_credit_is_what_fits_and_no_more_than_configured() {
        for (configured, bytes, frame, expected) in [
            (2, 100, 30, 2),
            (3, 100, 30, 3),
            (4, 100, 30, 3),
            (64, 100, 51, 1),
            (64, 100, 100, 1),
            (1, u64::MAX, 1, 1),
            (64, u64::MAX, 1, 64),
        ] {
            let credit = credit(&delivery(configured, bytes), frame).unwrap();
            assert_eq!(credit.get(), expected, "{configured} {bytes} {frame}");
        }
    }

    #[test]
    fn a_tile_that_no_node_takes_is_refused_with_both_numbers() {
        let size = FrameSize {
            bytes: 500,
            largest_message: 101,
        };
        assert!(size.check_packet(101).is_ok());
        let refused = size.check_packet(100).unwrap_err();
        assert_eq!(refused.kind, FailureKind::Configuration);
        assert_eq!(
            refused.what,
            "a tile takes up to 101 bytes on its way, `mqtt.max_packet_bytes` allows 100"
        );
    }

    #[test]
    fn a_frame_that_never_fits_is_refused_with_both_numbers() {
        let refused = credit(&delivery(1, 99), 100).unwrap_err();
        assert_eq!(refused.kind, FailureKind::Configuration);
        assert_eq!(
            refused.what,
            "a frame takes up to 100 bytes on its way, `delivery.bytes_on_the_way` allows 99"
        );
    }
}
