//! How far the log goes: for each camera session, the next sequence number, and the ones that were missed.
//!
//! Frames are logged in order, so one number says which of a session are in the log: all below, but for those that
//! were missed. A frame that was missed and comes after all is refused, and so is one of a session after which a later
//! one of the same camera was logged: the log is in order. Which session is later, cameras say by their clocks; where one
//! was set back, the session that is logged is the current one. Memory is bounded; the
//! session that logged nothing for the longest time is forgotten first, and first among those of the same camera, so
//! that no camera makes a viewer forget the sessions of another.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use wire::message::{FrameId, SessionId};
use wire::name::Name;

/// Sessions that are remembered for each camera.
pub(crate) const SESSIONS_OF_A_CAMERA: usize = 256;
/// Sessions that are remembered in all.
pub(crate) const SESSIONS: usize = 8192;
/// Gaps that are remembered for each session.
pub(crate) const GAPS: usize = 256;

/// What a frame is to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is not in the log and may come.
    New,
    /// It is in the log.
    Logged,
    /// It is not in the log, and later frames of the camera are.
    Missed,
}

/// What is missing between a frame and the one logged before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gap {
    /// Sequence numbers that never came.
    pub missing: u64,
    /// Frames that the camera captured and did not send.
    pub dropped: u64,
}

/// One session of a camera.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    camera: Name,
    session: SessionId,
    /// When it began, by the camera's clock.
    began_unix_ms: u64,
    /// One more than the last sequence number in the log.
    next: u64,
    /// Frames that the camera had dropped before the last one in the log.
    dropped: u64,
    /// Sequence numbers below `next` that are not in the log, rising.
    missed: VecDeque<Range<u64>>,
    /// Below this, gaps have been forgotten.
    forgotten: u64,
}

/// All sessions of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sessions {
    /// The one that logged a frame last is at the back.
    sessions: VecDeque<Session>,
}

impl Sessions {
    /// Whether a frame of the session is in the log.
    #[must_use]
    pub(crate) fn knows(&self, frame: &FrameId) -> bool {
        self.find(frame).is_some()
    }

    /// The sequence number after the last one of the session in the log.
    #[must_use]
    pub(crate) fn next(&self, frame: &FrameId) -> u64 {
        self.find(frame).map_or(0, |session| session.next)
    }

    /// How many frames the camera had dropped before the last one of the session in the log.
    #[must_use]
    pub(crate) fn dropped(&self, frame: &FrameId) -> u64 {
        self.find(frame).map_or(0, |session| session.dropped)
    }

    /// What `frame` is to the log.
    #[must_use]
    pub(crate) fn standing(&self, frame: &FrameId) -> Standing {
        let Some(at) = self.position(frame) else {
            return Standing::New;
        };
        let session = &self.sessions[at];
        if frame.seq >= session.next {
            let later = self.sessions.iter().skip(at + 1);
            let mut later = later.filter(|later| later.camera == session.camera);
            if later.any(|later| later.began_unix_ms > session.began_unix_ms) {
                Standing::Missed
            } else {
                Standing::New
            }
        } else if frame.seq < session.forgotten
            || session.missed.iter().any(|gap| gap.contains(&frame.seq))
        {
            Standing::Missed
        } else {
            Standing::Logged
        }
    }

    /// The next frame of its session goes into the log; when the session began, and the count of dropped frames, are
    /// those of its header. A frame that is not [`Standing::New`] changes nothing.
    pub(crate) fn record(&mut self, frame: &FrameId, began_unix_ms: u64, dropped: u64) -> Gap {
        if self.standing(frame) != Standing::New {
            return Gap::default();
        }
        let mut session = self.take(frame, began_unix_ms);
        let gap = Gap {
            missing: frame.seq - session.next,
            dropped: dropped.saturating_sub(session.dropped),
        };
        if gap.missing > 0 {
            session.missed.push_back(session.next..frame.seq);
            if session.missed.len() > GAPS
                && let Some(oldest) = session.missed.pop_front()
            {
                session.forgotten = oldest.end;
            }
        }
        // No camera counts so far; the last number of all is then logged again and again, and never missed.
        session.next = frame.seq.saturating_add(1);
        session.dropped = session.dropped.max(dropped);
        self.sessions.push_back(session);
        gap
    }

    /// Takes a session out of its place, or makes it and room for it.
    fn take(&mut self, frame: &FrameId, began_unix_ms: u64) -> Session {
        if let Some(at) = self.position(frame)
            && let Some(session) = self.sessions.remove(at)
        {
            return session;
        }
        let mut of_camera =
            (0..self.sessions.len()).filter(|&at| self.sessions[at].camera == frame.camera);
        let oldest_of_camera = of_camera.next();
        if of_camera.count() + 1 >= SESSIONS_OF_A_CAMERA
            && let Some(at) = oldest_of_camera
        {
            self.sessions.remove(at);
        } else if self.sessions.len() >= SESSIONS {
            self.sessions.pop_front();
        }
        Session {
            camera: frame.camera.clone(),
            session: frame.session,
            began_unix_ms,
            next: 0,
            dropped: 0,
            missed: VecDeque::new(),
            forgotten: 0,
        }
    }

    fn find(&self, frame: &FrameId) -> Option<&Session> {
        self.position(frame).map(|at| &self.sessions[at])
    }

    fn position(&self, frame: &FrameId) -> Option<usize> {
        // The session that is asked for is nearly always one that logged a frame just now.
        self.sessions
            .iter()
            .rposition(|known| known.camera == frame.camera && known.session == frame.session)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::frame;

    #[test]
    fn what_is_logged_and_what_was_missed_is_told_apart() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.record(&frame("gate", 1, 0), 1, 0), Gap::default());
        let gap = Gap {
            missing: 2,
            dropped: 7,
        };
        assert_eq!(sessions.record(&frame("gate", 1, 3), 1, 7), gap);
        let standings = [0, 1, 2, 3, 4].map(|seq| sessions.standing(&frame("gate", 1, seq)));
        use Standing::{Logged, Missed, New};
        assert_eq!(standings, [Logged, Missed, Missed, Logged, New]);
        // The same numbers of others are others.
        assert_eq!(sessions.standing(&frame("gate", 2, 0)), New);
        assert_eq!(sessions.standing(&frame("yard", 1, 0)), New);
        // What the log does not take changes nothing.
        assert_eq!(sessions.record(&frame("gate", 1, 1), 1, 9), Gap::default());
        assert_eq!(sessions.next(&frame("gate", 1, 0)), 4);
    }

    #[test]
    fn a_session_that_begins_late_has_missed_what_was_before() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.record(&frame("gate", 1, 5), 1, 2).missing, 5);
        assert_eq!(sessions.standing(&frame("gate", 1, 4)), Standing::Missed);
    }

    #[test]
    fn an_earlier_session_is_over_once_a_later_one_is_logged() {
        let mut sessions = Sessions::default();
        sessions.record(&frame("gate", 1, 0), 10, 0);
        sessions.record(&frame("gate", 2, 0), 20, 0);
        assert_eq!(sessions.standing(&frame("gate", 1, 1)), Standing::Missed);
        assert_eq!(sessions.standing(&frame("gate", 1, 0)), Standing::Logged);
        assert_eq!(sessions.standing(&frame("gate", 2, 1)), Standing::New);
        // The clock was set back: what is logged goes on.
        sessions.record(&frame("gate", 3, 0), 5, 0);
        assert_eq!(sessions.standing(&frame("gate", 3, 1)), Standing::New);
        assert_eq!(sessions.standing(&frame("gate", 2, 1)), Standing::New);
        // Another camera's sessions have nothing to do with it.
        sessions.record(&frame("yard", 4, 0), 99, 0);
        assert_eq!(sessions.standing(&frame("gate", 3, 1)), Standing::New);
    }

    #[test]
    fn forgotten_gaps_count_as_missed() {
        let mut sessions = Sessions::default();
        for nth in 0..=GAPS as u64 {
            sessions.record(&frame("gate", 1, 2 * nth + 1), 1, 0);
        }
        // The gap of frame 0 is forgotten; frame 0 must get no receipt all the same.
        assert_eq!(sessions.standing(&frame("gate", 1, 0)), Standing::Missed);
        assert_eq!(sessions.standing(&frame("gate", 1, 1)), Standing::Logged);
        assert_eq!(sessions.standing(&frame("gate", 1, 2)), Standing::Missed);
    }

    #[test]
    fn a_camera_makes_room_among_its_own_sessions() {
        let mut sessions = Sessions::default();
        sessions.record(&frame("yard", 7, 0), 1, 0);
        for session in 0..SESSIONS_OF_A_CAMERA as u32 {
            sessions.record(&frame("gate", session, 0), 1, 0);
        }
        assert!(sessions.knows(&frame("gate", 0, 0)));
        sessions.record(&frame("gate", 0, 1), 1, 0);
        sessions.record(&frame("gate", 1000, 0), 1, 0);
        let known = [0, 1, 2, 1000].map(|session| sessions.knows(&frame("gate", session, 0)));
        assert_eq!(known, [true, false, true, true]);
        assert!(sessions.knows(&frame("yard", 7, 0)));
    }

    #[test]
    fn the_highest_number_of_all_is_no_special_case() {
        let mut sessions = Sessions::default();
        sessions.record(&frame("gate", 1, u64::MAX), 1, 0);
        assert_eq!(
            sessions.standing(&frame("gate", 1, u64::MAX - 1)),
            Standing::Missed
        );
    }

    proptest! {
        /// Against the naive model: the set of all frames that were logged.
        #[test]
        fn agrees_with_the_naive_model(seqs in proptest::collection::vec(0_u64..300, 1..200)) {
            let mut sessions = Sessions::default();
            let mut model = BTreeSet::new();
            for seq in seqs {
                let highest = model.last().copied();
                let is_new = highest.is_none_or(|highest| seq > highest);
                let gap = sessions.record(&frame("gate", 1, seq), 1, 0);
                let missing = if is_new { seq - highest.map_or(0, |highest| highest + 1) } else { 0 };
                prop_assert_eq!(gap.missing, missing);
                if is_new {
                    model.insert(seq);
                }
                for asked in 0..300 {
                    let expected = if model.contains(&asked) {
                        Standing::Logged
                    } else if model.last().is_some_and(|highest| asked < *highest) {
                        Standing::Missed
                    } else {
                        Standing::New
                    };
                    prop_assert_eq!(sessions.standing(&frame("gate", 1, asked)), expected, "{}", asked);
                }
            }
        }
    }
}
