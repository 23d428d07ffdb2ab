//! Turns scores into events.

use super::event::{Event, EventChange, EventSettings};
use super::scorer::Score;

/// Follows the scores of one camera. It keeps one event at most.
#[derive(Clone, Debug)]
pub struct EventTracker<K> {
    settings: EventSettings,
    next_id: u64,
    /// The event, or what may become one.
    current: Option<Event<K>>,
    /// Whether `current` has begun.
    begun: bool,
    /// Frames in a row that speak for beginning it, or for ending it once it has begun.
    run: u32,
    /// When it was last told of.
    told_ms: u64,
}

impl<K: Clone> EventTracker<K> {
    /// A tracker without an event.
    pub fn new(settings: EventSettings) -> EventTracker<K> {
        EventTracker {
            settings,
            next_id: 0,
            current: None,
            begun: false,
            run: 0,
            told_ms: 0,
        }
    }

    /// Takes the score of the next frame, and says what came of it. `time_ms` is any clock in milliseconds; it spaces
    /// the updates.
    pub fn observe(&mut self, frame: K, time_ms: u64, score: &Score) -> Option<EventChange<K>> {
        if self.begun {
            self.go_on(frame, time_ms, score)
        } else {
            self.wait(frame, time_ms, score)
        }
    }

    /// No frame will come, or none that goes on where the last one was: ends an event that has begun.
    pub fn finish(&mut self) -> Option<EventChange<K>> {
        let event = self.current.take();
        self.run = 0;
        std::mem::take(&mut self.begun)
            .then_some(event?)
            .map(EventChange::Ended)
    }

    fn wait(&mut self, frame: K, time_ms: u64, score: &Score) -> Option<EventChange<K>> {
        // Not `<`: what is no number begins nothing.
        let enters = score.value >= self.settings.enter;
        if !enters {
            self.current = None;
            self.run = 0;
            return None;
        }
        let event = match self.current.take() {
            Some(event) => event.extended(frame, time_ms, score),
            None => Event::of(self.next_id, frame, time_ms, score, self.settings.enter),
        };
        self.current = Some(event.clone());
        self.run = self.run.saturating_add(1);
        if self.run < self.settings.frames_on {
            return None;
        }
        self.next_id = self.next_id.wrapping_add(1);
        (self.begun, self.run, self.told_ms) = (true, 0, time_ms);
        Some(EventChange::Began(event))
    }

    fn go_on(&mut self, frame: K, time_ms: u64, score: &Score) -> Option<EventChange<K>> {
        if score.value >= self.settings.leave.min(self.settings.enter) {
            self.run = 0;
            self.current = self
                .current
                .take()
                .map(|event| event.extended(frame, time_ms, score));
        } else {
            self.run = self.run.saturating_add(1);
            if self.run >= self.settings.frames_off {
                return self.finish();
            }
        }
        // A clock that goes back waits until it has caught up.
        if time_ms.saturating_sub(self.told_ms) < self.settings.update_ms {
            return None;
        }
        self.told_ms = time_ms;
        self.current.clone().map(EventChange::Updated)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::region::Region;
    use super::*;

    const SETTINGS: EventSettings = EventSettings {
        enter: 2.0,
        leave: 1.0,
        frames_on: 2,
        frames_off: 2,
        update_ms: 1000,
    };

    fn score(value: f64) -> Score {
        let region = Some(Region {
            x: value as u32,
            y: 0,
            width: 1,
            height: 1,
        });
        Score {
            value,
            raw: value,
            region,
        }
    }

    /// The changes that `values` cause, at 4 frames a second, and that of finishing.
    fn changes(values: &[f64]) -> Vec<EventChange<usize>> {
        let mut tracker = EventTracker::new(SETTINGS);
        let frames = values.iter().enumerate();
        let mut changes: Vec<EventChange<usize>> = frames
            .filter_map(|(at, value)| tracker.observe(at, 250 * at as u64, &score(*value)))
            .collect();
        changes.extend(tracker.finish());
        changes
    }

    #[test]
    fn an_event_begins_and_ends_with_its_frames() {
        let changes = changes(&[0.0, 2.0, 5.0, 1.5, 0.5, 1.0, 0.5, 0.5, 9.0]);
        let [
            EventChange::Began(began),
            EventChange::Updated(_),
            EventChange::Ended(ended),
        ] = &changes[..]
        else {
            panic!("{changes:?}");
        };
        assert_eq!(
            (began.began, began.began_ms, began.last, began.peak),
            (1, 250, 2, 5.0)
        );
        assert_eq!(
            (ended.id, ended.last, ended.last_ms, ended.peak_at),
            (0, 5, 1250, 2)
        );
        assert_eq!(
            ended.region,
            Some(Region {
                x: 1,
                y: 0,
                width: 5,
                height: 1
            })
        );
    }

    #[test]
    fn one_frame_is_no_event() {
        assert!(changes(&[2.0, 0.0, 2.0, 1.9, f64::NAN, 9.0]).is_empty());
    }

    #[test]
    fn updates_come_once_a_second_and_finishing_ends() {
        let changes = changes(&[3.0; 12]);
        let names: String = changes
            .iter()
            .map(|change| match change {
                EventChange::Began(_) => 'b',
                EventChange::Updated(_) => 'u',
                EventChange::Ended(_) => 'e',
            })
            .collect();
        assert_eq!(names, "buue");
    }

    proptest! {
        #[test]
        fn events_begin_and_end_in_turn(values in prop::collection::vec(0.0..3.0_f64, 0..80)) {
            let mut open = None;
            let mut next = 0;
            for change in changes(&values) {
                match change {
                    EventChange::Began(event) => {
                        prop_assert_eq!((open, event.id), (None, next));
                        open = Some(event.id);
                        next += 1;
                    }
                    EventChange::Updated(event) => prop_assert_eq!(open, Some(event.id)),
                    EventChange::Ended(event) => {
                        prop_assert_eq!(open.take(), Some(event.id));
                        prop_assert!(event.began <= event.last && event.peak >= event.threshold);
                    }
                }
            }
            prop_assert_eq!(open, None);
        }
    }
}
