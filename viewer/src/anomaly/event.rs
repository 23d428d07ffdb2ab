//! Events, and when they begin and end.

use super::region::Region;
use super::scorer::Score;

/// When an event begins and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EventSettings {
    /// The score from which on a frame can begin an event.
    pub enter: f64,
    /// The score below which a frame can end it; at most `enter`.
    pub leave: f64,
    /// How many frames in a row it takes to begin an event; 0 counts as 1.
    pub frames_on: u32,
    /// How many frames in a row it takes to end it; 0 counts as 1.
    pub frames_off: u32,
    /// An event that goes on is told of again after this many milliseconds.
    pub update_ms: u64,
}

impl EventSettings {
    /// The settings that suit a model with `threshold`: scores are smoothed already, so that two frames are enough to
    /// begin; the end waits for four, for objects that pass behind others.
    pub fn at(threshold: f64) -> EventSettings {
        EventSettings {
            enter: threshold,
            leave: 0.8 * threshold,
            frames_on: 2,
            frames_off: 4,
            update_ms: 1000,
        }
    }
}

/// A stretch of unusual frames. `K` is what the caller calls a frame by.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<K> {
    /// Counted from the tracker's first, which is 0.
    pub id: u64,
    /// The first frame.
    pub began: K,
    /// The first frame's time in milliseconds, as the caller gave it.
    pub began_ms: u64,
    /// The last unusual frame so far.
    pub last: K,
    /// That frame's time in milliseconds.
    pub last_ms: u64,
    /// The highest score so far.
    pub peak: f64,
    /// The frame that has it.
    pub peak_at: K,
    /// The score that it took to begin.
    pub threshold: f64,
    /// What covers all places it was at.
    pub region: Option<Region>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum EventChange<K> {
    /// It has begun.
    Began(Event<K>),
    /// It goes on.
    Updated(Event<K>),
    /// It is over.
    Ended(Event<K>),
}

impl<K: Clone> Event<K> {
    /// An event of one frame.
    pub(super) fn of(id: u64, frame: K, time_ms: u64, score: &Score, threshold: f64) -> Event<K> {
        Event {
            id,
            began: frame.clone(),
            began_ms: time_ms,
            last: frame.clone(),
            last_ms: time_ms,
            peak: score.value,
            peak_at: frame,
            threshold,
            region: score.region,
        }
    }

    /// The event with one more unusual frame.
    pub(super) fn extended(mut self, frame: K, time_ms: u64, score: &Score) -> Event<K> {
        if score.value > self.peak {
            (self.peak, self.peak_at) = (score.value, frame.clone());
        }
        (self.last, self.last_ms) = (frame, time_ms);
        self.region = match (self.region, score.region) {
            (Some(before), Some(now)) => Some(before.union(now)),
            (before, now) => before.or(now),
        };
        self
    }
}
