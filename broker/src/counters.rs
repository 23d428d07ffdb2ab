//! What has come in at the door since the start, for whoever watches the broker.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a client was turned away, or its connection ended from this side before it was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The TLS handshake failed, or a client certificate was missing or of a stranger.
    Handshake,
    /// The handshake or the first packet took too long.
    TooSlow,
    /// Newer connections needed the place of one that had said nothing yet.
    Displaced,
    /// It left before it had said who it is.
    Left,
    /// The first packet is not a CONNECT packet of MQTT 3.1.1.
    Malformed,
    /// The first packet is of another version of MQTT.
    Version,
    /// User name or password are missing or wrong.
    Credentials,
    /// As many clients as are allowed are connected.
    Full,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Handshake,
        Self::TooSlow,
        Self::Displaced,
        Self::Left,
        Self::Malformed,
        Self::Version,
        Self::Credentials,
        Self::Full,
    ];

    /// One word for logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::TooSlow => "too_slow",
            Self::Displaced => "displaced",
            Self::Left => "left",
            Self::Malformed => "malformed",
            Self::Version => "version",
            Self::Credentials => "credentials",
            Self::Full => "full",
        }
    }
}

/// Counters that only rise, but for the two numbers of open connections. Reading them costs
/// nothing; they may be read at any time from any thread.
#[derive(Debug, Default)]
pub struct Counters {
    connections: AtomicU64,
    waiting: AtomicU64,
    clients: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Counters {
    /// TCP connections accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections, now, that have not said who they are.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Clients that are connected now.
    #[must_use]
    pub fn clients(&self) -> u64 {
        self.clients.load(Ordering::Relaxed)
    }

    /// Connections refused for this reason.
    #[must_use]
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.of(reason).load(Ordering::Relaxed)
    }

    /// Bytes received from clients that were let in, without TLS.
    #[must_use]
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes sent to clients, without TLS.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    pub(crate) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refused(&self, reason: Refusal) {
        self.of(reason).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_in(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_out(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts one that waits, until the result is dropped.
    pub(crate) fn one_waiting(&self) -> One<'_> {
        One::of(&self.waiting)
    }

    /// Counts one client, until the result is dropped.
    pub(crate) fn one_client(&self) -> One<'_> {
        One::of(&self.clients)
    }

    fn of(&self, reason: Refusal) -> &AtomicU64 {
        &self.refused[reason as usize]
    }
}

/// One more while it lives.
#[derive(Debug)]
pub(crate) struct One<'c>(&'c AtomicU64);

impl<'c> One<'c> {
    fn of(gauge: &'c AtomicU64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_counter_and_label() {
        let counters = Counters::default();
        for (count, reason) in Refusal::ALL.into_iter().enumerate() {
            for _ in 0..count {
                counters.count_refused(reason);
            }
        }
        let mut labels = std::collections::BTreeSet::new();
        for (count, reason) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(counters.refused(reason), count as u64);
            assert!(labels.insert(reason.label()));
        }
    }

    #[test]
    fn gauges_fall_again() {
        let counters = Counters::default();
        let (one, two) = (counters.one_client(), counters.one_client());
        drop(one);
        assert_eq!((counters.clients(), counters.waiting()), (1, 0));
        drop(two);
        assert_eq!(counters.clients(), 0);
    }
}
