//! When the next frame is due.

use std::time::{Duration, Instant};

/// Spaces frames evenly. Knows no clock: it is told `now`.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    interval: Duration,
    due: Instant,
}

impl Pace {
    /// The first frame is due `now`, the others each an `interval` later; `None` never waits.
    pub(crate) fn new(interval: Option<Duration>, now: Instant) -> Pace {
        Pace {
            interval: interval.unwrap_or(Duration::ZERO),
            due: now,
        }
    }

    /// When the next frame is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// A frame was taken at `now`. Small delays do not add up; a longer one than the interval
    /// starts a new rhythm, so that no burst of frames makes up for it.
    pub(crate) fn taken(&mut self, now: Instant) {
        let next = self.due + self.interval;
        self.due = if next < now {
            now + self.interval
        } else {
            next
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// When frames are taken, in milliseconds, by a caller that comes `delays` after each is due.
    fn taken_at(interval: Option<Duration>, delays: &[u64]) -> Vec<u128> {
        let start = Instant::now();
        let mut pace = Pace::new(interval, start);
        let mut now = start;
        delays
            .iter()
            .map(|&delay| {
                now = now.max(pace.due()) + ms(delay);
                pace.taken(now);
                (now - start).as_millis()
            })
            .collect()
    }

    #[test]
    fn frames_come_at_even_times() {
        assert_eq!(taken_at(Some(ms(500)), &[0; 4]), [0, 500, 1000, 1500]);
    }

    #[test]
    fn small_delays_do_not_add_up() {
        assert_eq!(
            taken_at(Some(ms(500)), &[0, 20, 0, 30, 0]),
            [0, 520, 1000, 1530, 2000]
        );
    }

    #[test]
    fn a_long_delay_is_not_followed_by_a_burst() {
        assert_eq!(
            taken_at(Some(ms(500)), &[0, 2400, 0, 0]),
            [0, 2900, 3400, 3900]
        );
    }

    #[test]
    fn without_an_interval_nothing_waits() {
        assert_eq!(taken_at(None, &[0, 7, 0]), [0, 7, 7]);
    }
}
