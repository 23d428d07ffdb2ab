//! What the broker shows of itself at `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wire::telemetry::{Family, Need};

use crate::config::BrokerConfig;
use crate::counters::{Counters, Refusal};

/// How the echoes went that the broker asks itself for.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    answered: AtomicU64,
    missing: AtomicU64,
    last_micros: AtomicU64,
}

impl Echoes {
    pub(crate) fn answered(&self, after: Duration) {
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        self.last_micros.store(micros, Ordering::Relaxed);
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn missing(&self) {
        self.missing.fetch_add(1, Ordering::Relaxed);
    }
}

/// Where the result of each echo is noted.
#[derive(Debug)]
pub(crate) struct EchoNotes<'e> {
    pub(crate) echoes: &'e Echoes,
    /// The broker is ready while echoes come back.
    pub(crate) works: Need,
}

impl EchoNotes<'_> {
    pub(crate) fn answered(&self, after: Duration) {
        self.echoes.answered(after);
        self.works.set(true);
    }

    pub(crate) fn missing(&self) {
        self.echoes.missing();
        self.works.set(false);
    }
}

/// The configured sizes, which metrics repeat so that alerts can be written against them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    ring_log_bytes: u64,
    surely_kept_bytes: u64,
    max_connections: u64,
}

impl Sizes {
    pub(crate) fn of(config: &BrokerConfig) -> Self {
        Self {
            ring_log_bytes: config.ring_log_bytes as u64,
            surely_kept_bytes: config.surely_kept_bytes() as u64,
            max_connections: config.max_connections as u64,
        }
    }
}

/// All metrics of the broker.
pub(crate) fn families(sizes: Sizes, echoes: &Echoes, counters: &Counters) -> Vec<Family> {
    let refused = Refusal::ALL.map(|reason| (reason.label(), counters.refused(reason)));
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    vec![
        Family::gauge(
            "blindsight_broker_ring_log_bytes",
            "Configured bytes that are kept for each subscribed filter at most.",
            sizes.ring_log_bytes,
        ),
        Family::gauge(
            "blindsight_broker_surely_kept_bytes",
            "Bytes that a subscriber may be behind without losing a message.",
            sizes.surely_kept_bytes,
        ),
        Family::gauge(
            "blindsight_broker_connections_limit",
            "Configured clients at once.",
            sizes.max_connections,
        ),
        Family::gauge(
            "blindsight_broker_clients",
            "Clients that are connected now.",
            counters.clients(),
        ),
        Family::gauge(
            "blindsight_broker_visitors_waiting",
            "Connections, now, that have not said who they are.",
            counters.waiting(),
        ),
        Family::counter(
            "blindsight_broker_connections",
            "Connections accepted, those of its own watch included.",
            counters.connections(),
        ),
        Family::counters(
            "blindsight_broker_refused",
            "Connections that were not let in, by reason.",
            "reason",
            refused,
        ),
        Family::counter(
            "blindsight_broker_received_bytes",
            "Bytes received from clients, without TLS.",
            counters.bytes_in(),
        ),
        Family::counter(
            "blindsight_broker_sent_bytes",
            "Bytes sent to clients, without TLS.",
            counters.bytes_out(),
        ),
        Family::counter(
            "blindsight_broker_echoes",
            "Messages to itself that came back.",
            load(&echoes.answered),
        ),
        Family::counter(
            "blindsight_broker_echoes_missing",
            "Messages to itself that did not come back in time.",
            load(&echoes.missing),
        ),
        Family::duration(
            "blindsight_broker_echo_seconds",
            "How long the last message to itself took to come back, connecting included.",
            Duration::from_micros(load(&echoes.last_micros)),
        ),
    ]
}
