//! How many frames may be on their way: at most `credit` without a receipt.
//!
//! A frame whose receipt does not come gives its place free after a timeout, so a worker that died
//! with two frames in its hands does not stop the stream. The timeout grows with the measured times
//! ([`RoundTrip`]), so a worker that is merely slow is not given more than it can do.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::round_trip::RoundTrip;

/// How many frames without a receipt are remembered after their timeout.
const REMEMBERED: usize = 256;

/// A frame that was sent and has no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    seq: u64,
    at: Instant,
    /// When its place becomes free without a receipt.
    deadline: Instant,
}

/// What a receipt meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The frame had a place, which is free now.
    Confirmed {
        /// From sending to the receipt.
        elapsed: Duration,
    },
    /// The frame's place was already given free; it did arrive.
    Late {
        /// From sending to the receipt.
        elapsed: Duration,
    },
    /// Never sent, already settled, or too long ago.
    Unknown,
}

/// A frame that gave its place free without a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The frame's sequence number.
    pub seq: u64,
    /// How long its receipt was waited for.
    pub waited: Duration,
}

/// The places for frames on their way. Knows no clock: every method is told `now`.
#[derive(Clone, Debug)]
pub struct Credit {
    limit: usize,
    round_trip: RoundTrip,
    /// At most `limit` frames, in the order they were sent.
    on_the_way: Vec<Sent>,
    /// The last frames that expired, for receipts that come late.
    expired: VecDeque<Sent>,
    unconfirmed: u64,
}

impl Credit {
    /// Places for `limit` frames. A receipt is waited for at least `receipt_timeout`.
    pub fn new(limit: NonZeroU32, receipt_timeout: Duration) -> Credit {
        Credit {
            limit: limit.get() as usize,
            round_trip: RoundTrip::new(receipt_timeout),
            on_the_way: Vec::new(),
            expired: VecDeque::new(),
            unconfirmed: 0,
        }
    }

    /// Whether one more frame may be sent.
    pub fn available(&self) -> bool {
        self.on_the_way.len() < self.limit
    }

    /// How many frames hold a place.
    pub fn on_the_way(&self) -> usize {
        self.on_the_way.len()
    }

    /// How many frames timed out and have not been confirmed late.
    pub fn unconfirmed(&self) -> u64 {
        self.unconfirmed
    }

    /// Frame `seq` was sent at `now` and takes a place. Ask [`Credit::available`] before; sequence
    /// numbers are never used twice.
    pub fn sent(&mut self, seq: u64, now: Instant) {
        let deadline = now + self.round_trip.timeout();
        self.on_the_way.push(Sent {
            seq,
            at: now,
            deadline,
        });
    }

    /// The receipt of frame `seq` came at `now`.
    pub fn receipt(&mut self, seq: u64, now: Instant) -> Settled {
        if let Some(place) = self.on_the_way.iter().position(|sent| sent.seq == seq) {
            let elapsed = now.saturating_duration_since(self.on_the_way.remove(place).at);
            self.round_trip.measure(elapsed);
            return Settled::Confirmed { elapsed };
        }
        let place = self.expired.iter().position(|sent| sent.seq == seq);
        if let Some(sent) = place.and_then(|place| self.expired.remove(place)) {
            let elapsed = now.saturating_duration_since(sent.at);
            self.round_trip.measure(elapsed);
            self.unconfirmed -= 1;
            return Settled::Late { elapsed };
        }
        Settled::Unknown
    }

    /// Gives free the places of all frames whose deadline is `now` or earlier, oldest first.
    pub fn expire(&mut self, now: Instant) -> Vec<Expired> {
        let due: Vec<Sent> = self
            .on_the_way
            .extract_if(.., |sent| sent.deadline <= now)
            .collect();
        for sent in &due {
            self.unconfirmed += 1;
            self.expired.push_back(*sent);
            if self.expired.len() > REMEMBERED {
                self.expired.pop_front();
            }
        }
        due.iter()
            .map(|sent| Expired {
                seq: sent.seq,
                waited: now.saturating_duration_since(sent.at),
            })
            .collect()
    }

    /// When [`Credit::expire`] has something to do next; `None` while no frame is on its way.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.on_the_way.iter().map(|sent| sent.deadline).min()
    }
}

#[cfg(test)]
mod tests;
