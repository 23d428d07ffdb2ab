//! How long to wait before connecting again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// A connection that lasted this long was a good one: the next wait is short again.
const GOOD: Duration = Duration::from_secs(10);

/// Waits that double from 100 ms to 5 s, each shortened by a random part of up to a half.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The next wait. `lasted` is how long the connection held, if there was one; `random` is
    /// 0..=255 and spreads the waits of nodes that lost the same broker at the same moment.
    pub(super) fn next(&mut self, lasted: Option<Duration>, random: u8) -> Duration {
        if lasted.is_some_and(|lasted| lasted >= GOOD) {
            self.attempts = 0;
        }
        let doubled = FIRST.saturating_mul(1 << self.attempts.min(6)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        doubled - doubled.mul_f64(f64::from(random) / 510.0)
    }

    /// How many waits there were since the last good connection.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_seconds() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.next(None, 0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn chance_takes_at_most_half() {
        assert_eq!(
            Backoff::default().next(None, 255),
            Duration::from_millis(50)
        );
    }

    #[test]
    fn only_a_lasting_connection_resets_the_wait() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.next(Some(Duration::from_secs(1)), 0);
        }
        assert_eq!(
            backoff.next(Some(Duration::from_secs(1)), 0),
            Duration::from_millis(3200)
        );
        assert_eq!(backoff.next(Some(GOOD), 0), FIRST);
        assert_eq!(backoff.attempts(), 1);
    }
}
