//! The scores of a camera over time: the largest of each short interval, for an hour.
//!
//! Times are those of the viewer's clock, which does not jump with the camera's.

use std::collections::VecDeque;
use std::sync::Arc;

use wire::message::SessionId;

/// The intervals that are kept.
pub(crate) const INTERVAL_MS: u64 = 250;
/// How far back they go.
pub(crate) const SPAN_MS: u64 = 3_600_000;
/// Intervals that are told at once; who was away for longer asks for all of them.
const TOLD: usize = 600;

/// The largest score of an interval.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) session: SessionId,
    pub(crate) seq: u64,
    pub(crate) shown_unix_ms: u64,
    pub(crate) captured_unix_ms: u64,
    pub(crate) score: f64,
    pub(crate) threshold: f64,
    /// The event that goes on in the interval.
    pub(crate) event: Option<Arc<str>>,
}

impl Point {
    fn interval(&self, interval_ms: u64) -> u64 {
        self.shown_unix_ms / interval_ms
    }

    /// Takes in another point of the same interval; says whether anything changed.
    fn absorb(&mut self, other: &Point) -> bool {
        let event = self.event.clone().or_else(|| other.event.clone());
        let is_larger = other.score > self.score;
        let is_new = is_larger || event != self.event;
        if is_larger {
            *self = other.clone();
        }
        // An event that is shorter than the interval must not vanish.
        self.event = self.event.take().or(event);
        is_new
    }
}

/// An interval, and the revision of the line that changed it last.
struct Interval {
    point: Point,
    revision: u64,
}

/// The scores of a camera, the oldest first.
#[derive(Default)]
pub(super) struct ScoreLine {
    intervals: VecDeque<Interval>,
    /// Grows with each change; those of the intervals never fall from the oldest to the newest.
    revision: u64,
}

impl ScoreLine {
    pub(super) fn add(&mut self, point: Point) {
        let interval = point.interval(INTERVAL_MS);
        let is_later = |last: &Interval| last.point.interval(INTERVAL_MS) > interval;
        // The clock was set back: it writes this time once more.
        while self.intervals.back().is_some_and(is_later) {
            self.intervals.pop_back();
        }
        let is_over = |first: &Interval| first.point.shown_unix_ms + SPAN_MS <= point.shown_unix_ms;
        while self.intervals.front().is_some_and(is_over) {
            self.intervals.pop_front();
        }
        let revision = self.revision + 1;
        match self.intervals.back_mut() {
            Some(last) if last.point.interval(INTERVAL_MS) == interval => {
                if !last.point.absorb(&point) {
                    return;
                }
                last.revision = revision;
            }
            _ => self.intervals.push_back(Interval { point, revision }),
        }
        self.revision = revision;
    }

    /// Marks what was scored since the frame `seq`, with which an event began before it was known as one.
    pub(super) fn mark(&mut self, event: &Arc<str>, session: SessionId, seq: u64) {
        self.revision += 1;
        let newest_first = self.intervals.iter_mut().rev();
        let is_part = |point: &Point| point.session == session && point.seq >= seq;
        for interval in newest_first.take_while(|interval| is_part(&interval.point)) {
            interval.point.event = Some(event.clone());
            interval.revision = self.revision;
        }
    }

    /// The running number of the latest change.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The intervals that changed after `revision`, the oldest first.
    pub(super) fn after(&self, revision: u64) -> Vec<Point> {
        let newest_first = self.intervals.iter().rev();
        let changed = newest_first.take_while(|interval| interval.revision > revision);
        let points = changed.take(TOLD).map(|interval| interval.point.clone());
        let mut points: Vec<_> = points.collect();
        points.reverse();
        points
    }

    /// The last `span_ms` until `now`, as at most `points` intervals of equal length, and that length. Intervals are
    /// multiples of it since 1970, so that two answers agree. `span_ms` and `points` are at least 1.
    pub(super) fn thinned(&self, span_ms: u64, points: u64, now_unix_ms: u64) -> (u64, Vec<Point>) {
        let interval_ms = span_ms.div_ceil(points).next_multiple_of(INTERVAL_MS);
        let count = span_ms.div_ceil(interval_ms);
        let first = (now_unix_ms / interval_ms + 1).saturating_sub(count);
        let mut thinned: Vec<Point> = Vec::new();
        for Interval { point, .. } in &self.intervals {
            let interval = point.interval(interval_ms);
            if interval < first {
                continue;
            }
            match thinned.last_mut() {
                Some(last) if last.interval(interval_ms) == interval => {
                    last.absorb(point);
                }
                _ => thinned.push(point.clone()),
            }
        }
        (interval_ms, thinned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::frame;

    /// Any round time will do.
    const START: u64 = 1_000_000_000;

    fn point(seq: u64, ms: u64, score: f64) -> Point {
        Point {
            session: frame("gate", 1, seq).session,
            seq,
            shown_unix_ms: START + ms,
            captured_unix_ms: 5,
            score,
            threshold: 10.0,
            event: None,
        }
    }

    fn line(points: impl IntoIterator<Item = Point>) -> ScoreLine {
        let mut line = ScoreLine::default();
        points.into_iter().for_each(|point| line.add(point));
        line
    }

    fn seqs(points: &[Point]) -> Vec<u64> {
        points.iter().map(|point| point.seq).collect()
    }

    #[test]
    fn the_largest_of_each_interval_is_kept() {
        let line = line([
            point(0, 0, 1.0),
            point(1, 100, 3.0),
            point(2, 249, 2.0),
            point(3, 250, 0.5),
        ]);
        assert_eq!(seqs(&line.after(0)), [1, 3]);
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let hours = (0..2 * SPAN_MS).step_by(100);
        let line = line(hours.map(|ms| point(ms, ms, 1.0)));
        let bound = usize::try_from(SPAN_MS / INTERVAL_MS).unwrap();
        assert!(line.intervals.len() <= bound, "{}", line.intervals.len());
        assert!(line.intervals[0].point.shown_unix_ms > START + SPAN_MS - 1000);
        assert_eq!(line.after(0).len(), TOLD);
    }

    #[test]
    fn no_peak_is_lost_however_few_points_are_wanted() {
        let mut points: Vec<_> = (0..36_000).map(|seq| point(seq, 100 * seq, 1.0)).collect();
        points[12_345].score = 99.0;
        let line = line(points);
        for wanted in [1, 7, 100, 600, 20_000] {
            let now = START + SPAN_MS - 1;
            let (interval_ms, thinned) = line.thinned(SPAN_MS, wanted, now);
            assert!(thinned.len() as u64 <= wanted, "{wanted}");
            assert_eq!(interval_ms % INTERVAL_MS, 0);
            let peaks = thinned.iter().filter(|point| point.score == 99.0);
            assert_eq!(peaks.map(|point| point.seq).collect::<Vec<_>>(), [12_345]);
        }
        let (_, minute) = line.thinned(60_000, 600, START + SPAN_MS - 1);
        assert_eq!(minute.len(), 240);
    }

    #[test]
    fn an_event_survives_thinning_and_is_marked_from_its_beginning() {
        let event: Arc<str> = "gate-1-0".into();
        let mut line = line((0..10).map(|seq| point(seq, 1000 * seq, 20.0 - seq as f64)));
        let told = line.revision();
        line.mark(&event, point(0, 0, 0.0).session, 8);
        assert_eq!(seqs(&line.after(told)), [8, 9]);
        let (_, thinned) = line.thinned(60_000, 1, START + 10_000);
        assert_eq!(seqs(&thinned), [0]);
        assert_eq!(thinned[0].event, Some(event));
    }

    #[test]
    fn only_what_changed_is_told_again() {
        let mut line = line([point(0, 0, 1.0), point(1, 300, 1.0)]);
        let told = line.revision();
        line.add(point(2, 310, 0.5));
        assert_eq!((line.revision(), line.after(told)), (told, Vec::new()));
        line.add(point(3, 320, 2.0));
        line.add(point(4, 600, 0.1));
        assert_eq!(seqs(&line.after(told)), [3, 4]);
    }

    #[test]
    fn a_clock_that_is_set_back_begins_its_time_again() {
        let mut line = line([point(0, 0, 1.0), point(1, 5000, 1.0), point(2, 9000, 9.0)]);
        line.add(point(3, 4000, 1.0));
        assert_eq!(seqs(&line.after(0)), [0, 3]);
    }
}
