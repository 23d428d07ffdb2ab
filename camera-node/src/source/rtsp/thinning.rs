//! Which frames of a camera are taken that sends more than are wanted. Pure.

use std::time::{Duration, Instant};

/// Takes a frame each interval at most, by the time of arrival: times of capture are corrected, and
/// nearly stand still when the system clock is set back.
#[derive(Debug)]
pub(super) struct Thinning {
    interval: Option<Duration>,
    /// When the next frame is due.
    due: Option<Instant>,
}

impl Thinning {
    /// Takes all frames without an `interval`.
    pub(super) fn new(interval: Option<Duration>) -> Thinning {
        Thinning {
            interval,
            due: None,
        }
    }

    /// Whether the frame that arrived then, after all before it, is taken.
    pub(super) fn wants(&mut self, arrived: Instant) -> bool {
        let Some(interval) = self.interval else {
            return true;
        };
        let due = self.due.unwrap_or(arrived);
        if arrived < due {
            return false;
        }
        // Frames seldom come when they are due: who counts from each one taken takes too few.
        self.due = Some((due + interval).max(arrived + interval / 2));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames that are taken of a camera that sends one each `every_ms`.
    fn taken(interval_ms: Option<u64>, every_ms: &[u64]) -> Vec<u64> {
        let mut thinning = Thinning::new(interval_ms.map(Duration::from_millis));
        let began = Instant::now();
        let at = |ms: &u64| began + Duration::from_millis(*ms);
        let wanted = every_ms.iter().filter(|ms| thinning.wants(at(ms)));
        wanted.copied().collect()
    }

    #[test]
    fn without_an_interval_all_frames_are_taken() {
        assert_eq!(taken(None, &[0, 1, 2, 50]), [0, 1, 2, 50]);
    }

    #[test]
    fn as_many_are_taken_as_are_wanted() {
        // 30 a second, of which 20 are wanted.
        let all: Vec<u64> = (0..300).map(|frame| frame * 1000 / 30).collect();
        assert_eq!(taken(Some(50), &all).len(), 200);
        assert_eq!(taken(Some(10), &all).len(), 300, "a slow camera gives all");
    }

    #[test]
    fn after_a_gap_no_frames_are_made_up_for() {
        assert_eq!(
            taken(Some(100), &[0, 1000, 1010, 1040, 1060, 1150, 1170]),
            [0, 1000, 1060, 1150]
        );
    }
}
