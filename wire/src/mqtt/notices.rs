//! What a [`Notifier`](super::Notifier) has to say, and what it says again on a new connection. Pure.

use std::collections::VecDeque;

/// Messages that are not retained and may wait for the broker; of more the oldest are dropped.
pub const WAITING_LIMIT: usize = 256;
/// Topics whose retained message is kept to be said again; further ones are refused.
pub const KEPT_LIMIT: usize = 1024;

/// One message for the readers of a broker that is not the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where it is published.
    pub topic: String,
    /// What is said. With [`Notice::retained`], nothing at all takes back what was said before.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it for later readers: it is then a state, of which only the latest
    /// counts, and is said again on every connection.
    pub retained: bool,
}

/// Notices that wait, in the order in which they were posted, and the retained ones to repeat.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// The latest of each topic, in the order in which the topics were first spoken of: a discovery
    /// message comes before the state that it announces.
    kept: Vec<Notice>,
    waiting: VecDeque<Notice>,
    dropped: u64,
}

impl Notices {
    /// Takes on `notice`. Gives how many were dropped so far if that made it one more.
    pub(super) fn post(&mut self, notice: Notice) -> Option<u64> {
        let room = if notice.retained {
            self.post_state(notice)
        } else {
            self.post_news(notice)
        };
        (!room).then(|| self.note_dropped())
    }

    /// The next one to be said.
    pub(super) fn next(&mut self) -> Option<Notice> {
        self.waiting.pop_front()
    }

    /// On a new connection: first what is kept, then what is not among it.
    ///
    /// The broker may have been replaced by one that knows nothing, or have lost what it confirmed.
    pub(super) fn greet(&mut self) {
        let mut waiting: VecDeque<_> = self.kept.iter().cloned().collect();
        let kept = &self.kept;
        let is_new = |notice: &Notice| !notice.retained || position(kept, &notice.topic).is_none();
        waiting.extend(self.waiting.drain(..).filter(is_new));
        self.waiting = waiting;
    }

    /// Notes that one could not be said. Gives how many there are now.
    pub(super) fn note_dropped(&mut self) -> u64 {
        self.dropped = self.dropped.saturating_add(1);
        self.dropped
    }

    /// How many were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// A state takes the place of the one before it. Gives whether there was room.
    fn post_state(&mut self, notice: Notice) -> bool {
        let kept = position(&self.kept, &notice.topic);
        // Each topic once: as many as are kept, and as many that were taken back.
        let full = self.waiting.len() >= 2 * KEPT_LIMIT + WAITING_LIMIT;
        let waits = |other: &&mut Notice| other.retained && other.topic == notice.topic;
        let waiting = self.waiting.iter_mut().find(waits);
        match kept {
            Some(place) if notice.payload.is_empty() => {
                self.kept.remove(place);
            }
            Some(place) => {
                if let Some(before) = self.kept.get_mut(place) {
                    before.payload.clone_from(&notice.payload);
                }
            }
            None if notice.payload.is_empty() => {}
            None if self.kept.len() >= KEPT_LIMIT => return false,
            None => self.kept.push(notice.clone()),
        }
        match waiting {
            Some(before) => before.payload = notice.payload,
            None if full => return false,
            None => self.waiting.push_back(notice),
        }
        true
    }

    /// Old news goes for new. Gives whether there was room without that.
    fn post_news(&mut self, notice: Notice) -> bool {
        let news = |notice: &&Notice| !notice.retained;
        let full = self.waiting.iter().filter(news).count() >= WAITING_LIMIT;
        if full && let Some(oldest) = self.waiting.iter().position(|notice| !notice.retained) {
            self.waiting.remove(oldest);
        }
        self.waiting.push_back(notice);
        !full
    }
}

fn position(notices: &[Notice], topic: &str) -> Option<usize> {
    notices.iter().position(|notice| notice.topic == topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(topic: &str, payload: &str) -> Notice {
        Notice {
            topic: topic.to_owned(),
            payload: payload.into(),
            retained: true,
        }
    }

    fn news(payload: impl ToString) -> Notice {
        Notice {
            topic: "news".to_owned(),
            payload: payload.to_string().into_bytes(),
            retained: false,
        }
    }

    fn said(notices: &mut Notices) -> Vec<Notice> {
        std::iter::from_fn(|| notices.next()).collect()
    }

    #[test]
    fn everything_is_said_once_and_in_order() {
        let mut notices = Notices::default();
        let all = [state("config", "c"), state("gate", "ON"), news(1), news(2)];
        for notice in all.clone() {
            assert_eq!(notices.post(notice), None);
        }
        assert_eq!(said(&mut notices), all);
        assert_eq!(notices.next(), None);
    }

    #[test]
    fn of_a_state_only_the_latest_waits() {
        let mut notices = Notices::default();
        for notice in [
            state("gate", "ON"),
            news(1),
            state("gate", "OFF"),
            state("yard", "ON"),
        ] {
            assert_eq!(notices.post(notice), None);
        }
        let expected = [state("gate", "OFF"), news(1), state("yard", "ON")];
        assert_eq!(said(&mut notices), expected);
    }

    #[test]
    fn a_new_connection_hears_every_state_again_and_no_news_twice() {
        let mut notices = Notices::default();
        for notice in [state("config", "c"), state("gate", "ON"), news(1)] {
            notices.post(notice);
        }
        said(&mut notices);
        notices.post(news(2));
        notices.post(state("gate", "OFF"));
        notices.greet();
        notices.greet();
        let expected = [state("config", "c"), state("gate", "OFF"), news(2)];
        assert_eq!(said(&mut notices), expected);
    }

    #[test]
    fn what_is_taken_back_is_not_repeated() {
        let mut notices = Notices::default();
        notices.post(state("gate", "ON"));
        said(&mut notices);
        notices.post(state("gate", ""));
        notices.greet();
        assert_eq!(said(&mut notices), [state("gate", "")]);
        notices.greet();
        assert_eq!(said(&mut notices), []);
    }

    #[test]
    fn old_news_goes_for_new_and_states_stay() {
        let mut notices = Notices::default();
        notices.post(state("gate", "ON"));
        for number in 0..WAITING_LIMIT {
            assert_eq!(notices.post(news(number)), None);
        }
        for dropped in 1..=3 {
            assert_eq!(notices.post(news("late")), Some(dropped));
        }
        assert_eq!(notices.dropped(), 3);
        let said = said(&mut notices);
        assert_eq!(said.len(), 1 + WAITING_LIMIT);
        assert_eq!(said[..2], [state("gate", "ON"), news(3)]);
        assert_eq!(said.last(), Some(&news("late")));
    }

    #[test]
    fn topics_without_number_find_an_end() {
        let mut notices = Notices::default();
        for number in 0..KEPT_LIMIT {
            assert_eq!(notices.post(state(&number.to_string(), "ON")), None);
        }
        assert_eq!(notices.post(state("one more", "ON")), Some(1));
        assert_eq!(notices.post(state("0", "OFF")), None);
        // Taken back and others in their place, again and again, while nobody listens.
        for number in 0..4 * KEPT_LIMIT {
            notices.post(state(&number.to_string(), ""));
            notices.post(state(&(number + KEPT_LIMIT).to_string(), "ON"));
        }
        assert!(notices.waiting.len() <= 2 * KEPT_LIMIT + WAITING_LIMIT);
        assert!(notices.dropped() > 1);
    }
}
