//! The peaks of a training, thinned out evenly so that they never take more than a fixed room.

use super::filters::Peak;
use super::settings::RETAINED_MAPS;

/// What is kept of one map of the training.
#[derive(Clone, Debug)]
pub(super) struct Retained {
    /// The clip it came from, counted from 0.
    pub(super) clip: u64,
    /// The strengths of its peaks, in the order of [`super::filters::Peaks`].
    pub(super) strengths: Vec<f32>,
}

/// Keeps every map at first; whenever it is full, every second one of those kept goes, and only every second one of
/// those to come is taken.
#[derive(Clone, Debug)]
pub(super) struct Thinned {
    kept: Vec<Retained>,
    /// One in `stride` maps is kept.
    stride: u64,
    seen: u64,
}

impl Thinned {
    /// Nothing yet.
    pub(super) fn new() -> Thinned {
        Thinned {
            kept: Vec::new(),
            stride: 1,
            seen: 0,
        }
    }

    /// Offers the peaks of the next map.
    pub(super) fn offer(&mut self, clip: u64, peaks: &[Peak]) {
        if self.seen.is_multiple_of(self.stride) {
            let strengths = peaks.iter().map(|peak| peak.strength).collect();
            self.kept.push(Retained { clip, strengths });
        }
        self.seen = self.seen.saturating_add(1);
        if self.kept.len() >= RETAINED_MAPS {
            let mut even = false;
            self.kept.retain(|_| {
                even = !even;
                even
            });
            self.stride = self.stride.saturating_mul(2);
        }
    }

    /// As it was when this was `kept`.
    pub(super) fn restored(kept: Vec<Retained>, stride: u64, seen: u64) -> Thinned {
        Thinned { kept, stride, seen }
    }

    /// One in how many maps is kept.
    pub(super) fn stride(&self) -> u64 {
        self.stride
    }

    /// How many maps were offered.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// The maps kept, in order.
    pub(super) fn kept(&self) -> &[Retained] {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_bounded_and_what_is_kept_is_spread_evenly() {
        let mut thinned = Thinned::new();
        let total = 5 * RETAINED_MAPS as u64;
        for clip in 0..total {
            thinned.offer(
                clip,
                &[Peak {
                    strength: 1.0,
                    column: 0,
                }],
            );
            assert!(thinned.kept().len() < RETAINED_MAPS);
        }
        assert_eq!(thinned.seen(), total);
        let clips: Vec<u64> = thinned.kept().iter().map(|kept| kept.clip).collect();
        assert!(clips.len() >= RETAINED_MAPS / 2);
        assert_eq!(clips[0], 0);
        assert!(
            clips
                .windows(2)
                .all(|pair| pair[1] - pair[0] == thinned.stride)
        );
    }
}
