//! A broker with room for the demo's frames.

use super::plan::Plan;
use broker::BrokerConfig;
use camera_node::FrameSize;
use cipherframe::keys::load_public_key;
use std::num::NonZeroU32;
use wire::failure::{Failure, FailureKind};

/// What the broker surely keeps, and how the cameras share it.
pub(super) struct Room {
    /// The broker's configuration.
    pub(super) broker: BrokerConfig,
    /// Bytes that the camera of each stream may have on their way.
    pub(super) bytes_on_the_way: Vec<u64>,
}

impl Room {
    /// Room for `credit` frames of each stream at the same time.
    pub(super) fn of(plan: &Plan, credit: NonZeroU32) -> Result<Self, Failure> {
        let frames = plan.streams.iter().map(|stream| {
            let public_key = plan.data.key_set(stream.spec.scheme()).public_key();
            let key = load_public_key(&public_key).map_err(crate::failure::of_key)?;
            let frame = FrameSize::of(key.as_ref(), &stream.spec);
            frame.map_err(|error| Failure::of(FailureKind::Bug, &error))
        });
        let frames = frames.collect::<Result<Vec<_>, Failure>>()?;
        Ok(Self::keeping(&frames, credit))
    }

    /// Room for `credit` frames of each of these sizes.
    fn keeping(frames: &[FrameSize], credit: NonZeroU32) -> Self {
        let credit = u64::from(credit.get());
        let needed = frames
            .iter()
            .map(|frame| frame.bytes.saturating_mul(credit));
        let sum = needed.clone().fold(0, u64::saturating_add);
        let largest = frames.iter().map(|frame| frame.largest_message).max();
        let largest = usize::try_from(largest.unwrap_or(0)).unwrap_or(usize::MAX);
        let default = BrokerConfig::default();
        let broker = BrokerConfig {
            max_packet_bytes: default.max_packet_bytes.max(largest),
            ..default
        };
        let broker = broker.keeping(usize::try_from(sum).unwrap_or(usize::MAX));
        // A ring log has a largest size: where not everything fits, each camera gets its part of what does.
        let kept = broker.surely_kept_bytes() as u128;
        let share = |needed: u64| {
            let share = kept * u128::from(needed) / u128::from(sum.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        };
        let bytes_on_the_way = needed.map(share).collect();
        Self {
            broker,
            bytes_on_the_way,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDIT: NonZeroU32 = NonZeroU32::new(2).unwrap();

    /// Frames of these sizes, in small messages.
    fn frames(bytes: &[u64]) -> Vec<FrameSize> {
        let frame = |bytes: &u64| FrameSize {
            bytes: *bytes,
            largest_message: 10_000,
        };
        bytes.iter().map(frame).collect()
    }

    #[test]
    fn packets_are_as_large_as_the_largest_tile_needs() {
        let room = |largest_message| {
            let bytes = 10 * largest_message;
            Room::keeping(
                &[FrameSize {
                    bytes,
                    largest_message,
                }],
                CREDIT,
            )
        };
        let default = BrokerConfig::default().max_packet_bytes;
        assert_eq!(room(100_000).broker.max_packet_bytes, default);
        // A tile of scheme bfv with kernel 4.
        assert_eq!(room(4_916_480).broker.max_packet_bytes, 4_916_480);
    }

    /// The room for frames of these sizes; each camera has enough, and all together no more than is kept.
    fn checked(frame_bytes: &[u64]) -> BrokerConfig {
        let room = Room::keeping(&frames(frame_bytes), CREDIT);
        for (frame, share) in frame_bytes.iter().zip(&room.bytes_on_the_way) {
            assert!(*share >= 2 * frame, "{share} for frames of {frame}");
        }
        let shared = room.bytes_on_the_way.iter().sum::<u64>();
        assert!(shared <= room.broker.surely_kept_bytes() as u64);
        room.broker
    }

    #[test]
    fn the_ring_log_keeps_two_frames_of_each_camera_whatever_their_size() {
        assert_eq!(checked(&[10_000]), BrokerConfig::default());
        assert_eq!(checked(&[370_000, 7_300]), BrokerConfig::default());
        // 640x480 at 4 bits with scheme bfv.
        let frame = 282 * (368_641 + camera_node::MESSAGE_OVERHEAD_BYTES);
        assert!(checked(&[frame]).ring_log_bytes < 300_000_000);
        assert!(checked(&[frame, 2_000_000]).ring_log_bytes < 310_000_000);
    }

    #[test]
    fn what_is_too_much_for_any_ring_log_is_shared_all_the_same() {
        let room = Room::keeping(&frames(&[1 << 40, 1 << 40]), CREDIT);
        let kept = room.broker.surely_kept_bytes() as u64;
        assert_eq!(room.bytes_on_the_way, [kept / 2, kept / 2]);
    }
}
