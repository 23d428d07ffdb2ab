//! A broker with room for the demo's frames.

use broker::BrokerConfig;
use camera_node::frame_bytes;
use cipherframe::StreamSpec;
use cipherframe::keys::load_public_key;
use std::num::NonZeroU32;
use std::path::Path;
use wire::failure::{Failure, FailureKind};

/// A broker that loses no frame of the stream while `credit` of them are on their way.
pub(super) fn broker_for(
    public_key: &Path,
    spec: &StreamSpec,
    credit: NonZeroU32,
) -> Result<BrokerConfig, Failure> {
    let key = load_public_key(public_key).map_err(crate::failure::of_key)?;
    let frame = frame_bytes(key.as_ref(), spec);
    let frame = frame.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
    Ok(keeping_frames(frame, credit))
}

fn keeping_frames(frame_bytes: u64, credit: NonZeroU32) -> BrokerConfig {
    let bytes = frame_bytes.saturating_mul(credit.get().into());
    BrokerConfig::default().keeping(usize::try_from(bytes).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_log_keeps_two_frames_whatever_their_size() {
        let credit = NonZeroU32::new(2).unwrap();
        assert_eq!(keeping_frames(10_000, credit), BrokerConfig::default());
        // 640x480 at 4 bits with scheme bfv.
        let frame = 282 * (368_641 + camera_node::MESSAGE_OVERHEAD_BYTES);
        let broker = keeping_frames(frame, credit);
        assert!(broker.surely_kept_bytes() as u64 >= 2 * frame);
        assert!(broker.ring_log_bytes < 300_000_000);
    }
}
