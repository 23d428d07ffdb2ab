//! Which frames are finished: a bounded memory of sequence numbers for each camera session.
//!
//! A camera numbers its frames from a random session on. Frames may become whole out of order, so a session
//! keeps its highest finished number and one bit for each of the [`WINDOW`] numbers up to it. A number below
//! that range can no longer be told from a replay and is refused.

use std::collections::VecDeque;

use wire::message::{FrameId, SessionId};
use wire::name::Name;

/// How many sequence numbers back from the highest finished one a session remembers.
pub(crate) const WINDOW: u64 = 1024;

/// How many sessions are remembered; the one that finished nothing for the longest time is forgotten first.
pub(crate) const SESSIONS: usize = 256;

const WORDS: usize = (WINDOW / 64) as usize;

/// What a sequence number is to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not finished yet.
    New,
    /// Finished before.
    Finished,
    /// Lower than everything the session remembers.
    TooOld {
        /// The lowest sequence number that the session still takes.
        oldest: u64,
    },
}

/// The finished sequence numbers of one session.
///
/// A ring of [`WINDOW`] bits: the bit of `seq` is `seq % WINDOW`. Every number in
/// `highest - WINDOW + 1 ..= highest` has its own bit.
#[derive(Debug, Clone)]
struct SequenceWindow {
    highest: u64,
    bits: [u64; WORDS],
}

impl SequenceWindow {
    fn starting_with(seq: u64) -> Self {
        let mut window = Self {
            highest: seq,
            bits: [0; WORDS],
        };
        window.set(seq, true);
        window
    }

    fn standing(&self, seq: u64) -> Standing {
        let oldest = self.highest.saturating_sub(WINDOW - 1);
        if seq > self.highest {
            Standing::New
        } else if seq < oldest {
            Standing::TooOld { oldest }
        } else if self.get(seq) {
            Standing::Finished
        } else {
            Standing::New
        }
    }

    fn record(&mut self, seq: u64) {
        if seq > self.highest {
            if seq - self.highest >= WINDOW {
                self.bits = [0; WORDS];
            } else {
                // The bits of the numbers stepped over belonged to numbers that now leave the window.
                for skipped in self.highest + 1..seq {
                    self.set(skipped, false);
                }
            }
            self.highest = seq;
            self.set(seq, true);
        } else if self.standing(seq) == Standing::New {
            self.set(seq, true);
        }
    }

    fn get(&self, seq: u64) -> bool {
        let bit = seq % WINDOW;
        self.bits[(bit / 64) as usize] >> (bit % 64) & 1 == 1
    }

    fn set(&mut self, seq: u64, finished: bool) {
        let bit = seq % WINDOW;
        let word = &mut self.bits[(bit / 64) as usize];
        if finished {
            *word |= 1 << (bit % 64);
        } else {
            *word &= !(1 << (bit % 64));
        }
    }
}

/// The finished frames of all cameras of one site, in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct FinishedFrames {
    /// The session that finished a frame last is at the back.
    sessions: VecDeque<(Name, SessionId, SequenceWindow)>,
}

impl FinishedFrames {
    /// What `frame` is to the session that it names. A session that is not known takes every number.
    #[must_use]
    pub(crate) fn standing(&self, frame: &FrameId) -> Standing {
        self.position(frame)
            .map_or(Standing::New, |at| self.sessions[at].2.standing(frame.seq))
    }

    /// Records `frame` as finished.
    pub(crate) fn record(&mut self, frame: &FrameId) {
        let known = self.position(frame).and_then(|at| self.sessions.remove(at));
        let entry = if let Some((camera, session, mut window)) = known {
            window.record(frame.seq);
            (camera, session, window)
        } else {
            if self.sessions.len() >= SESSIONS {
                self.sessions.pop_front();
            }
            (
                frame.camera.clone(),
                frame.session,
                SequenceWindow::starting_with(frame.seq),
            )
        };
        self.sessions.push_back(entry);
    }

    fn position(&self, frame: &FrameId) -> Option<usize> {
        self.sessions
            .iter()
            .position(|(camera, session, _)| *camera == frame.camera && *session == frame.session)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::frame;

    #[test]
    fn a_finished_frame_is_finished_for_its_own_camera_and_session_only() {
        let mut finished = FinishedFrames::default();
        finished.record(&frame("gate", 1, 7));
        assert_eq!(finished.standing(&frame("gate", 1, 7)), Standing::Finished);
        assert_eq!(finished.standing(&frame("gate", 2, 7)), Standing::New);
        assert_eq!(finished.standing(&frame("yard", 1, 7)), Standing::New);
        assert_eq!(finished.standing(&frame("gate", 1, 6)), Standing::New);
    }

    #[test]
    fn a_number_below_the_window_is_too_old() {
        let mut finished = FinishedFrames::default();
        finished.record(&frame("gate", 1, WINDOW + 9));
        assert_eq!(
            finished.standing(&frame("gate", 1, 9)),
            Standing::TooOld { oldest: 10 }
        );
        assert_eq!(finished.standing(&frame("gate", 1, 10)), Standing::New);
    }

    #[test]
    fn the_session_idle_for_longest_is_forgotten_first() {
        let mut finished = FinishedFrames::default();
        for session in 0..SESSIONS {
            finished.record(&frame("gate", session as u32, 1));
        }
        finished.record(&frame("gate", 0, 2));
        finished.record(&frame("gate", SESSIONS as u32, 1));
        assert_eq!(finished.standing(&frame("gate", 0, 1)), Standing::Finished);
        assert_eq!(finished.standing(&frame("gate", 1, 1)), Standing::New);
        assert_eq!(finished.standing(&frame("gate", 2, 1)), Standing::Finished);
    }

    #[test]
    fn the_highest_number_of_all_is_no_special_case() {
        let mut finished = FinishedFrames::default();
        finished.record(&frame("gate", 1, 0));
        finished.record(&frame("gate", 1, u64::MAX));
        assert_eq!(
            finished.standing(&frame("gate", 1, u64::MAX)),
            Standing::Finished
        );
        assert_eq!(
            finished.standing(&frame("gate", 1, u64::MAX - 1)),
            Standing::New
        );
    }

    proptest! {
        /// Against the naive model: every finished number kept for ever, and the highest of them.
        #[test]
        fn the_window_agrees_with_a_plain_set(
            seqs in proptest::collection::vec(0_u64..4 * WINDOW, 1..200),
            asked in proptest::collection::vec(0_u64..5 * WINDOW, 1..100),
        ) {
            let mut finished = FinishedFrames::default();
            let mut model = HashSet::new();
            let mut highest = 0;
            for seq in seqs {
                // What is too old is never recorded: the assembler refuses it first.
                if seq + WINDOW > highest {
                    finished.record(&frame("gate", 1, seq));
                    model.insert(seq);
                    highest = highest.max(seq);
                }
            }
            for seq in asked {
                let expected = if seq + WINDOW <= highest {
                    Standing::TooOld { oldest: highest + 1 - WINDOW }
                } else if model.contains(&seq) {
                    Standing::Finished
                } else {
                    Standing::New
                };
                prop_assert_eq!(finished.standing(&frame("gate", 1, seq)), expected, "seq {}", seq);
            }
        }
    }
}
