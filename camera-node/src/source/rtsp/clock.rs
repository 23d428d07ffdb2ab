//! When a frame was captured: RTP timestamps mapped to the local clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, SystemTime};

/// Timestamps of samples whose pictures have not come out of the decoder. There are no more
/// pictures to put in order in H.264.
const PENDING: usize = 16;
/// A clock of the camera that is further off than this is not followed.
const FARTHEST: Duration = Duration::from_secs(1);
/// Capture times are told apart by the millisecond.
const STEP: Duration = Duration::from_millis(1);

/// Maps the timestamps of a camera, over all its connections. Knows no clock: it is told when
/// samples arrived.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// A timestamp of this connection, and when it was.
    anchor: Option<(Duration, SystemTime)>,
    /// Samples in the decoder, the earliest first.
    pending: BinaryHeap<Reverse<Duration>>,
    /// The capture time of the last frame.
    last: Option<SystemTime>,
}

impl Clock {
    /// Timestamps start anew, and so does the decoder.
    pub(super) fn connected(&mut self) {
        self.anchor = None;
        self.restarted();
    }

    /// The decoder starts anew: samples that are in it give no pictures.
    pub(super) fn restarted(&mut self) {
        self.pending.clear();
    }

    /// A sample with this timestamp arrived and goes into the decoder.
    pub(super) fn arrived(&mut self, timestamp: Duration, now: SystemTime) {
        let mapped = self.anchor.map(|anchor| map(anchor, timestamp));
        match mapped {
            // No sample arrives before it was captured: what was the anchor had been delayed more.
            Some(mapped) if mapped <= now && off(now, mapped) <= FARTHEST => {}
            _ => self.anchor = Some((timestamp, now)),
        }
        if self.pending.len() == PENDING {
            self.pending.pop();
        }
        self.pending.push(Reverse(timestamp));
    }

    /// When the picture that came out of the decoder was captured. Pictures come out in the order
    /// in which they were captured, so it is the earliest that went in.
    pub(super) fn captured(&mut self, now: SystemTime) -> SystemTime {
        let timestamp = self.pending.pop();
        let mapped = match (timestamp, self.anchor) {
            (Some(Reverse(timestamp)), Some(anchor)) => map(anchor, timestamp),
            _ => now,
        };
        let captured = match self.last {
            Some(last) => mapped.max(last + STEP),
            None => mapped,
        };
        self.last = Some(captured);
        captured
    }
}

fn map((timestamp, at): (Duration, SystemTime), other: Duration) -> SystemTime {
    let mapped = if other >= timestamp {
        at.checked_add(other - timestamp)
    } else {
        at.checked_sub(timestamp - other)
    };
    mapped.unwrap_or(at)
}

fn off(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Capture times in milliseconds of samples that give their pictures at once: each with its
    /// timestamp and its arrival, in milliseconds. `None` is a new connection.
    fn captured(samples: &[Option<(u64, u64)>]) -> Vec<u128> {
        let mut clock = Clock::default();
        let mut captured = Vec::new();
        for sample in samples {
            let Some((timestamp, arrival)) = *sample else {
                clock.connected();
                continue;
            };
            let now = START + ms(arrival);
            clock.arrived(ms(timestamp), now);
            let at = clock.captured(now).duration_since(START).unwrap();
            captured.push(at.as_millis());
        }
        captured
    }

    #[test]
    fn the_network_may_delay_samples_and_times_stay_even() {
        let samples = [(0, 1000), (100, 1170), (200, 1205), (300, 1390)].map(Some);
        assert_eq!(captured(&samples), [1000, 1100, 1200, 1300]);
    }

    #[test]
    fn a_first_sample_that_was_late_is_corrected_by_a_faster_one() {
        let samples = [(0, 1500), (100, 1510), (200, 1600), (300, 1700)].map(Some);
        assert_eq!(captured(&samples), [1500, 1510, 1600, 1700]);
    }

    #[test]
    fn a_clock_that_jumps_is_not_followed() {
        let samples = [(0, 1000), (100, 1100), (900_000, 1200), (900_100, 1300)].map(Some);
        assert_eq!(captured(&samples), [1000, 1100, 1200, 1300]);
        let samples = [(900_000, 1000), (0, 1100), (100, 1200)].map(Some);
        assert_eq!(captured(&samples), [1000, 1100, 1200]);
    }

    #[test]
    fn over_a_new_connection_no_time_comes_twice_or_goes_back() {
        let samples = [
            Some((500, 1000)),
            Some((600, 1100)),
            None,
            // The local clock was set back meanwhile.
            Some((0, 900)),
            Some((100, 1000)),
            Some((300, 1200)),
        ];
        assert_eq!(captured(&samples), [1000, 1100, 1101, 1102, 1200]);
    }

    #[test]
    fn pictures_that_come_out_later_have_the_times_of_their_samples() {
        let mut clock = Clock::default();
        // Decoded out of order: the picture at 300 is needed for those at 100 and 200.
        for (timestamp, arrival) in [(0, 1000), (300, 1300), (100, 1310), (200, 1320)] {
            clock.arrived(ms(timestamp), START + ms(arrival));
        }
        let mut captured = |now| {
            clock
                .captured(START + ms(now))
                .duration_since(START)
                .unwrap()
        };
        assert_eq!([(); 3].map(|()| captured(1320)), [1000, 1100, 1200].map(ms));
        // One of them is in the decoder when that starts anew.
        clock.restarted();
        clock.arrived(ms(500), START + ms(1500));
        assert_eq!(clock.captured(START + ms(1500)), START + ms(1500));
    }
}
