//! Frames between encryption and receipt: which one to send next, and when to send one again.
//!
//! A frame waits until fewer than `credit` frames are on their way, is sent, and leaves with its
//! receipt. Where no receipt comes in time it is sent again, later and later (RFC 6298, with Karn's
//! rule), or given up: that is the [`Policy`]. When the connection or another node has come back,
//! everything on its way is sent again at once, for it may have been lost with the old one.
//!
//! Knows no clock and holds no bytes: every method is told `now`, and frames are known by name.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::{Duration, Instant};

use wire::message::SessionId;

use crate::round_trip::RoundTrip;

/// How many given-up frames are remembered, for receipts that come late.
const REMEMBERED: usize = 256;
/// Waiting times are lengthened by a random part of up to this fraction, so that the cameras that
/// lost the same worker do not all send again at the same moment.
const JITTER: f64 = 0.25;

/// What a camera owes to frames that find no free place or get no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Every frame is sent until its receipt comes; the source waits. For recordings.
    All,
    /// Frames that find no free place are dropped, and one that gets no receipt in time is given
    /// up. For live views.
    Latest,
}

/// A text that names no [`Policy`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown policy `{0}`; known are: all, latest")]
pub struct UnknownPolicy(String);

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Policy, UnknownPolicy> {
        match text {
            "all" => Ok(Policy::All),
            "latest" => Ok(Policy::Latest),
            other => Err(UnknownPolicy(other.to_owned())),
        }
    }
}

/// Names a frame of this camera. Frames of earlier sessions may lie in its spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameKey {
    /// The run of the camera in which it was captured.
    pub session: SessionId,
    /// Its sequence number.
    pub seq: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not sent, or to be sent again.
    Waiting,
    /// It could not be read; it waits again from `until` on.
    Unreadable { until: Instant },
    /// Being sent since `began`.
    Sending { began: Instant },
    /// Sent whole at `at`; without a receipt at `deadline`, something is wrong.
    OnTheWay {
        began: Instant,
        at: Instant,
        deadline: Instant,
    },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: FrameKey,
    state: State,
    /// How often it was sent whole.
    sent: u32,
    /// When a live view gives it up, once it was sent whole.
    give_up_at: Option<Instant>,
    /// Whether it could once not be read.
    was_unreadable: bool,
}

impl Entry {
    /// When it runs out of time. Nothing is decided about a frame that is being sent.
    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::OnTheWay { deadline, .. } => Some(deadline),
            State::Waiting | State::Unreadable { .. } => self.give_up_at,
            State::Sending { .. } => None,
        }
    }
}

/// What a receipt meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The frame was in the outbox, and is not any more.
    Confirmed {
        /// From sending to the receipt, where it was sent just once.
        elapsed: Option<Duration>,
    },
    /// The frame had been given up; it did arrive.
    Late,
    /// Never sent, already settled, or too long ago.
    Unknown,
}

/// Frames without a receipt, in the order in which they were captured.
#[derive(Clone, Debug)]
pub struct Outbox {
    policy: Policy,
    credit: usize,
    round_trip: RoundTrip,
    entries: VecDeque<Entry>,
    /// The last frames that were given up.
    given_up: VecDeque<FrameKey>,
    given_up_count: u64,
    late_count: u64,
}

impl Outbox {
    /// An empty outbox with `credit` places. A receipt is waited for at least `receipt_timeout`.
    pub fn new(policy: Policy, credit: NonZeroU32, receipt_timeout: Duration) -> Outbox {
        Outbox {
            policy,
            credit: credit.get() as usize,
            round_trip: RoundTrip::new(receipt_timeout),
            entries: VecDeque::new(),
            given_up: VecDeque::new(),
            given_up_count: 0,
            late_count: 0,
        }
    }

    /// Whether one more frame would get a place at once.
    pub fn has_place(&self) -> bool {
        self.entries.len() < self.credit
    }

    /// How many frames have no receipt.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether every frame has its receipt or was given up.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the frame still has no receipt.
    pub fn contains(&self, key: FrameKey) -> bool {
        self.position(key).is_some()
    }

    /// How many frames were given up for want of a receipt in time.
    pub fn given_up(&self) -> u64 {
        self.given_up_count
    }

    /// How many of those were confirmed all the same, later.
    pub fn late(&self) -> u64 {
        self.late_count
    }

    /// The lowest sequence number of `session` that may still be sent, if any is left.
    pub fn oldest(&self, session: SessionId) -> Option<u64> {
        let of_session = |entry: &&Entry| entry.key.session == session;
        let seqs = self.entries.iter().filter(of_session);
        seqs.map(|entry| entry.key.seq).min()
    }

    /// Takes a frame in. Frames are sent in the order in which they were taken in.
    pub fn accept(&mut self, key: FrameKey) {
        self.entries.push_back(Entry {
            key,
            state: State::Waiting,
            sent: 0,
            give_up_at: None,
            was_unreadable: false,
        });
    }

    /// The frame to send now, and how often it was sent before: the first one that waits, if a place
    /// is free. A frame of a later session waits until those of the earlier ones are settled, for
    /// the viewer takes it as their end.
    pub fn take_turn(&mut self, now: Instant) -> Option<(FrameKey, u32)> {
        let under_way =
            |entry: &&Entry| matches!(entry.state, State::Sending { .. } | State::OnTheWay { .. });
        let on_the_way = self.entries.iter().filter(under_way).count();
        if on_the_way >= self.credit {
            return None;
        }
        let session = self.entries.front()?.key.session;
        let entry = self
            .entries
            .iter_mut()
            .take_while(|entry| entry.key.session == session)
            .find(|entry| entry.state == State::Waiting)?;
        entry.state = State::Sending { began: now };
        Some((entry.key, entry.sent))
    }

    /// The frame was sent whole. `random`, 0..=255, spreads the waits.
    pub fn sent(&mut self, key: FrameKey, now: Instant, random: u8) {
        let timeout = self.round_trip.timeout();
        let jitter = timeout.mul_f64(f64::from(random) / 255.0 * JITTER);
        let mut deadline = now + timeout + jitter;
        let is_live = self.policy == Policy::Latest;
        if let Some(entry) = self.entry(key) {
            let began = match entry.state {
                State::Sending { began } => began,
                _ => now,
            };
            if is_live {
                // A frame that kills each worker must not hold a live view up for ever.
                deadline = *entry.give_up_at.get_or_insert(deadline);
            }
            entry.sent = entry.sent.saturating_add(1);
            entry.state = State::OnTheWay {
                began,
                at: now,
                deadline,
            };
        }
    }

    /// The frame could not be sent whole: it waits again.
    pub fn unsent(&mut self, key: FrameKey) {
        if let Some(entry) = self.entry(key) {
            entry.state = State::Waiting;
        }
    }

    /// The frame cannot be read now: it waits again from `until` on, and others go first. Whether
    /// that is news.
    pub fn unreadable(&mut self, key: FrameKey, until: Instant) -> bool {
        let Some(entry) = self.entry(key) else {
            return false;
        };
        entry.state = State::Unreadable { until };
        !std::mem::replace(&mut entry.was_unreadable, true)
    }

    /// The frame is of no use any more; it will not be sent again.
    pub fn forget(&mut self, key: FrameKey) {
        if let Some(at) = self.position(key) {
            self.entries.remove(at);
        }
    }

    /// The receipt of a frame came at `now`.
    pub fn receipt(&mut self, key: FrameKey, now: Instant) -> Settled {
        if let Some(at) = self.position(key)
            && let Some(entry) = self.entries.remove(at)
        {
            let elapsed = match entry.state {
                State::OnTheWay { at, .. } if entry.sent == 1 => {
                    Some(now.saturating_duration_since(at))
                }
                _ => None,
            };
            if let Some(elapsed) = elapsed {
                self.round_trip.measure(elapsed);
            }
            return Settled::Confirmed { elapsed };
        }
        match self.given_up.iter().position(|known| *known == key) {
            Some(at) => {
                self.given_up.remove(at);
                self.late_count += 1;
                Settled::Late
            }
            None => Settled::Unknown,
        }
    }

    /// Deals with all frames whose deadline is `now` or earlier, and names them: with
    /// [`Policy::All`] they wait to be sent again, with [`Policy::Latest`] they are given up.
    pub fn expire(&mut self, now: Instant) -> Vec<FrameKey> {
        for entry in &mut self.entries {
            if matches!(entry.state, State::Unreadable { until } if until <= now) {
                entry.state = State::Waiting;
            }
        }
        let due = |entry: &&Entry| entry.deadline().is_some_and(|deadline| deadline <= now);
        let expired: Vec<Entry> = self.entries.iter().filter(due).copied().collect();
        for entry in &expired {
            self.round_trip.back_off(entry.sent);
            match self.policy {
                Policy::All => self.unsent(entry.key),
                Policy::Latest => self.give_up(entry.key),
            }
        }
        expired.iter().map(|entry| entry.key).collect()
    }

    /// The connection, or another node, has come back at `since`: what was sent before, and be it
    /// one tile of a frame, may be lost. Every such frame waits to be sent again. Returns how many.
    pub fn send_all_again(&mut self, since: Instant) -> usize {
        self.round_trip.forget_backing_off();
        let mut again = 0;
        for entry in &mut self.entries {
            if matches!(entry.state, State::OnTheWay { began, .. } if began <= since) {
                entry.state = State::Waiting;
                again += 1;
            }
        }
        again
    }

    /// When the next frame runs out of time, or waits again.
    pub fn next_deadline(&self) -> Option<Instant> {
        let times = self.entries.iter().filter_map(|entry| match entry.state {
            State::Unreadable { until } => Some(until),
            _ => entry.deadline(),
        });
        times.min()
    }

    fn give_up(&mut self, key: FrameKey) {
        self.forget(key);
        self.given_up_count += 1;
        self.given_up.push_back(key);
        if self.given_up.len() > REMEMBERED {
            self.given_up.pop_front();
        }
    }

    fn position(&self, key: FrameKey) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == key)
    }

    fn entry(&mut self, key: FrameKey) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }
}

#[cfg(test)]
mod tests;
