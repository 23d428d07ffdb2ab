//! How long to wait for a receipt: the configured time, and longer where the receipts that came took long.
//!
//! After RFC 6298, with one change: the RFC waits `SRTT + 4 RTTVAR`; here a wait is never shorter than three times the
//! smoothed time, for a worker that has to share its cores with a busy neighbour must not be given more work for it.
//! As there, the wait doubles with each time that it was too short, until a frame that was sent once has its receipt.

use std::time::Duration;

/// The longest wait, whatever was measured.
const CEILING: Duration = Duration::from_secs(3600);

/// Doubling ends here, but for a wait that is longer without it.
const BACKED_OFF: Duration = Duration::from_secs(300);

/// Estimates the timeout for receipts.
#[derive(Clone, Debug)]
pub struct RoundTrip {
    /// The shortest timeout.
    floor: Duration,
    /// SRTT and RTTVAR of the RFC, once there was a measurement.
    measured: Option<(Duration, Duration)>,
    /// How often the timeout is doubled.
    doublings: u32,
}

impl RoundTrip {
    /// An estimator that waits `floor`, until it has measured that more is needed.
    pub fn new(floor: Duration) -> RoundTrip {
        RoundTrip {
            floor: floor.min(CEILING),
            measured: None,
            doublings: 0,
        }
    }

    /// How long to wait for the receipt of a frame sent now.
    pub fn timeout(&self) -> Duration {
        let (smoothed, variation) = self.measured.unwrap_or_default();
        let estimate = smoothed + (variation * 4).max(smoothed * 2);
        let estimate = estimate.clamp(self.floor, CEILING);
        let doubled = estimate.saturating_mul(1 << self.doublings.min(16));
        doubled.min(estimate.max(BACKED_OFF))
    }

    /// A frame that was sent `sent` times has no receipt in time: the timeout is that of the first
    /// time, doubled at least so often.
    pub fn back_off(&mut self, sent: u32) {
        self.doublings = self.doublings.max(sent);
    }

    /// What waits were too short for is over.
    pub fn forget_backing_off(&mut self) {
        self.doublings = 0;
    }

    /// A receipt came `elapsed` after its frame was sent, for the first and only time: which copy the
    /// receipt of a frame that was sent twice belongs to cannot be known (Karn's rule).
    pub fn measure(&mut self, elapsed: Duration) {
        self.doublings = 0;
        // Keeps the sums far from overflow.
        let elapsed = elapsed.min(CEILING);
        self.measured = Some(match self.measured {
            None => (elapsed, elapsed / 2),
            Some((smoothed, variation)) => (
                (smoothed * 7 + elapsed) / 8,
                (variation * 3 + smoothed.abs_diff(elapsed)) / 4,
            ),
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn after(floor: u64, round_trips: &[u64]) -> RoundTrip {
        let mut round_trip = RoundTrip::new(secs(floor));
        round_trips
            .iter()
            .for_each(|&seconds| round_trip.measure(secs(seconds)));
        round_trip
    }

    #[test]
    fn the_configured_time_is_the_floor() {
        assert_eq!(after(60, &[]).timeout(), secs(60));
        assert_eq!(after(60, &[8; 20]).timeout(), secs(60));
        assert_eq!(after(2, &[0; 50]).timeout(), secs(2));
    }

    #[test]
    fn long_round_trips_extend_it() {
        // SRTT = 8, RTTVAR = 4: 8 + 4 * 4.
        assert_eq!(after(1, &[8]).timeout(), secs(24));
        // SRTT = 9, RTTVAR = 3 / 4 * 4 + 1 / 4 * 8 = 5.
        assert_eq!(after(1, &[8, 16]).timeout(), secs(29));
        assert_eq!(after(2, &[u64::MAX; 3]).timeout(), CEILING);
    }

    #[test]
    fn waits_that_were_too_short_double_until_there_is_a_measurement() {
        let mut round_trip = after(10, &[]);
        for (sent, expected) in [(1, 20), (2, 40), (1, 40), (5, 300), (60, 300)] {
            round_trip.back_off(sent);
            assert_eq!(round_trip.timeout(), secs(expected), "{sent}");
        }
        round_trip.measure(secs(40));
        assert_eq!(round_trip.timeout(), secs(120));
        // What is measured to be needed is no backing off.
        let mut slow = after(1, &[200]);
        slow.back_off(3);
        assert_eq!(slow.timeout(), secs(600));
        slow.forget_backing_off();
        assert_eq!(slow.timeout(), secs(600));
    }

    #[test]
    fn a_steady_worker_still_has_three_times_its_time() {
        let waits = after(1, &[10; 200]).timeout();
        assert!((secs(30)..secs(31)).contains(&waits), "{waits:?}");
    }

    proptest! {
        /// The same formulas in floating point, as the RFC writes them.
        #[test]
        fn agrees_with_the_rfc(times in proptest::collection::vec(0_u64..400_000, 1..60)) {
            let mut round_trip = RoundTrip::new(secs(5));
            let (mut srtt, mut rttvar) = (0.0_f64, 0.0_f64);
            for (nth, &ms) in times.iter().enumerate() {
                round_trip.measure(Duration::from_millis(ms));
                let r = ms as f64 / 1000.0;
                if nth == 0 {
                    (srtt, rttvar) = (r, r / 2.0);
                } else {
                    rttvar = 0.75 * rttvar + 0.25 * (srtt - r).abs();
                    srtt = 0.875 * srtt + 0.125 * r;
                }
                let expected = (srtt + (4.0 * rttvar).max(2.0 * srtt)).clamp(5.0, 3600.0);
                let got = round_trip.timeout().as_secs_f64();
                prop_assert!((got - expected).abs() < 1e-3, "{got} is not {expected}");
            }
        }
    }
}
