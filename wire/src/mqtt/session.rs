//! One connection that comes back: rumqttc's event loop, its losses logged and waited out.

use std::collections::VecDeque;
use std::time::Instant;

use rumqttc::{ConnectionError, Event, EventLoop, Packet, Request};
use tokio::sync::watch;
use tokio::time;

use super::backoff::Backoff;
use crate::random::chance;

/// What happened on the connection.
pub(super) enum Happening {
    /// The broker accepted the connection.
    Connected,
    /// A packet came or went.
    Event(Event),
    /// There is no connection, or not any more.
    Lost {
        /// Whether there was one.
        was_connected: bool,
    },
}

pub(super) struct Session {
    pub(super) eventloop: EventLoop,
    address: String,
    purpose: String,
    backoff: Backoff,
    connected_at: Option<Instant>,
    trouble: watch::Sender<String>,
}

impl Session {
    /// Also returns the latest reason why there is no connection, empty at first.
    pub(super) fn new(
        eventloop: EventLoop,
        address: String,
        purpose: &str,
    ) -> (Self, watch::Receiver<String>) {
        let (trouble, seen) = watch::channel(String::new());
        let session = Self {
            eventloop,
            address,
            purpose: purpose.to_owned(),
            backoff: Backoff::default(),
            connected_at: None,
            trouble,
        };
        (session, seen)
    }

    /// Drives the connection to the next happening. After a loss, call [`Self::pause`] before the
    /// next call.
    ///
    /// Not cancel safe: dropping the future may leave a packet half written, so only do that to end
    /// the connection.
    pub(super) async fn next(&mut self) -> Happening {
        match self.eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                tracing::info!(broker = self.address, purpose = self.purpose, "connected");
                self.connected_at = Some(Instant::now());
                Happening::Connected
            }
            Ok(event) => Happening::Event(event),
            Err(error) => {
                self.report(&error);
                Happening::Lost {
                    was_connected: self.connected_at.is_some(),
                }
            }
        }
    }

    /// Waits before the next attempt.
    pub(super) async fn pause(&mut self) {
        let lasted = self.connected_at.take().map(|at| at.elapsed());
        time::sleep(self.backoff.next(lasted, chance())).await;
    }

    /// Notes a reason why the connection is of no use.
    pub(super) fn note_trouble(&self, reason: String) {
        self.trouble.send_replace(reason);
    }

    /// What rumqttc had taken over and not got rid of when the connection was lost.
    ///
    /// It would forget this at the next connection.
    pub(super) fn take_unsent(&mut self) -> VecDeque<Request> {
        std::mem::take(&mut self.eventloop.pending)
    }

    fn report(&self, error: &ConnectionError) {
        let (broker, purpose) = (&self.address, &self.purpose);
        if self.connected_at.is_some() {
            tracing::warn!(broker, purpose, %error, "connection lost, trying again");
        } else if self.backoff.attempts().is_power_of_two() || self.backoff.attempts() == 0 {
            // Rarer and rarer, so that a broker that is away for a night does not fill the log.
            tracing::warn!(broker, purpose, %error, "cannot connect, trying again");
        } else {
            tracing::debug!(broker, purpose, %error, "cannot connect, trying again");
        }
        self.note_trouble(error.to_string());
    }
}
