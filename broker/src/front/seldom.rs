//! Log lines that strangers can cause: one in a while, with the number of those left out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::counters::Refusal;

/// At most one line for each reason in this time.
const EVERY: Duration = Duration::from_secs(5);

/// What was said last about each reason, and about the listener.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    lines: Mutex<[Line; Refusal::ALL.len() + 1]>,
}

impl Seldom {
    /// Whether to say something about a refusal now: the number of those nothing was said about.
    pub(super) fn refusal(&self, reason: Refusal) -> Option<u64> {
        self.ask(reason as usize)
    }

    /// As [`Self::refusal`], about a connection that could not be accepted.
    pub(super) fn accept_error(&self) -> Option<u64> {
        self.ask(Refusal::ALL.len())
    }

    fn ask(&self, place: usize) -> Option<u64> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines[place].ask(Instant::now())
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    said: Option<Instant>,
    left_out: u64,
}

impl Line {
    fn ask(&mut self, now: Instant) -> Option<u64> {
        if self
            .said
            .is_some_and(|said| now.duration_since(said) < EVERY)
        {
            self.left_out += 1;
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_in_a_while_and_its_number() {
        let start = Instant::now();
        let mut line = Line::default();
        assert_eq!(line.ask(start), Some(0));
        for _ in 0..1000 {
            assert_eq!(line.ask(start + Duration::from_secs(4)), None);
        }
        assert_eq!(line.ask(start + EVERY), Some(1000));
        assert_eq!(line.ask(start + 2 * EVERY), Some(0));
    }

    #[test]
    fn reasons_do_not_silence_each_other() {
        let seldom = Seldom::default();
        for reason in Refusal::ALL {
            assert_eq!(seldom.refusal(reason), Some(0));
            assert_eq!(seldom.refusal(reason), None);
        }
        assert_eq!(seldom.accept_error(), Some(0));
    }
}
