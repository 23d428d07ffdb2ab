//! How often a camera's maps come by the viewer's clock, and when it has gone silent. Pure.

use std::time::{Duration, Instant};

/// No map for so long is silence,
const SILENCE: Duration = Duration::from_secs(30);
/// or none for so many usual intervals, if that is longer.
const INTERVALS: u32 = 5;
/// No longer one is usual: who makes maps late, once, is not waited for much longer from then on.
const LONGEST_INTERVAL: Duration = Duration::from_secs(600);
/// How much of the usual interval the latest one is.
const LATEST: f64 = 1.0 / 8.0;

/// When the maps of a camera come.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    /// The mean time between two maps, the latest ones counting most.
    interval: Option<Duration>,
    silent: bool,
}

impl Pace {
    /// Whether the camera has gone silent since this was asked last.
    pub(super) fn falls_silent(&mut self, now: Instant) -> bool {
        let Some(last) = self.last.filter(|_| !self.silent) else {
            return false;
        };
        let patience = SILENCE.max(INTERVALS * self.interval.unwrap_or_default());
        self.silent = now.saturating_duration_since(last) > patience;
        self.silent
    }

    /// The viewer took no maps for so long, of any camera: that is no silence.
    pub(super) fn held_up(&mut self, time: Duration) {
        self.last = self.last.map(|last| last + time);
    }

    /// Takes note of a map, and gives the time since the one before, if the camera was not silent in between.
    pub(super) fn arrival(&mut self, now: Instant) -> Option<Duration> {
        let was_silent = self.falls_silent(now) || self.silent;
        self.silent = false;
        let since = now.saturating_duration_since(self.last.replace(now)?);
        let latest = since.min(LONGEST_INTERVAL);
        let usual = self.interval.unwrap_or(latest);
        self.interval = Some(usual.mul_f64(1.0 - LATEST) + latest.mul_f64(LATEST));
        (!was_silent).then_some(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn half_a_minute_without_a_map_is_silence_once() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!pace.falls_silent(at(1_000_000)), "nobody was there");
        assert_eq!(pace.arrival(start), None);
        assert_eq!(pace.arrival(at(100)), Some(Duration::from_millis(100)));
        assert!(!pace.falls_silent(at(30_100)));
        assert!(pace.falls_silent(at(30_101)));
        assert!(!pace.falls_silent(at(90_000)));
        assert_eq!(pace.arrival(at(100_000)), None, "silence is no interval");
        assert_eq!(pace.arrival(at(100_100)), Some(Duration::from_millis(100)));
    }

    #[test]
    fn silence_is_noticed_by_the_next_map_too() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.arrival(start);
        assert_eq!(pace.arrival(start + MINUTE), None);
        assert!(!pace.falls_silent(start + MINUTE));
    }

    #[test]
    fn a_viewer_that_is_held_up_makes_no_camera_silent() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.arrival(start);
        pace.held_up(MINUTE);
        let second = Duration::from_secs(1);
        assert_eq!(pace.arrival(start + MINUTE + second), Some(second));
    }

    #[test]
    fn a_slow_camera_is_waited_for() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for minute in 0..3 {
            pace.arrival(start + minute * MINUTE);
        }
        assert!(!pace.falls_silent(start + 7 * MINUTE));
        assert!(pace.falls_silent(start + 8 * MINUTE));
    }

    #[test]
    fn no_camera_is_waited_for_all_day() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for day in 0..10 {
            pace.arrival(start + day * 1440 * MINUTE);
        }
        assert!(pace.falls_silent(start + (9 * 1440 + 51) * MINUTE));
    }
}
