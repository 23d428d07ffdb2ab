//! One connection that comes back: rumqttc's event loop, its losses logged and waited out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rumqttc::{ConnectionError, Event, EventLoop, MqttState, Packet, Request, StateError};
use tokio::sync::watch;
use tokio::time;

use super::backoff::Backoff;
use super::dial::Dial;
use super::trouble::Trouble;
use super::tunnel::Tunnel;
use crate::random::chance;

/// How long a tunnel may take to say why it ended, and to carry the last words.
const TUNNEL_PATIENCE: Duration = Duration::from_millis(200);
const LAST_WORDS: Duration = Duration::from_millis(1500);

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
    dial: Dial,
    address: String,
    /// Behind the current connection, if it is one over TLS.
    tunnel: Option<Tunnel>,
    backoff: Backoff,
    connected_at: Option<Instant>,
    trouble: watch::Sender<Option<Trouble>>,
}

impl Session {
    /// Also returns the latest reason why there is no connection, `None` at first.
    pub(super) fn new(
        eventloop: EventLoop,
        dial: Dial,
    ) -> (Self, watch::Receiver<Option<Trouble>>) {
        let (trouble, seen) = watch::channel(None);
        let session = Self {
            eventloop,
            address: dial.config.address(),
            dial,
            tunnel: None,
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
        if self.eventloop.network.is_none() {
            match self.dial.prepare(&mut self.eventloop).await {
                Ok(tunnel) => self.tunnel = tunnel,
                Err(trouble) => return self.lost(trouble),
            }
        }
        match self.eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let (broker, purpose) = (&self.address, &self.dial.purpose);
                tracing::info!(broker, purpose, "connected");
                self.connected_at = Some(Instant::now());
                Happening::Connected
            }
            Ok(event) => Happening::Event(event),
            Err(error) => {
                if let ConnectionError::MqttState(StateError::Unsolicited(_)) = error {
                    // Told before it was found to confirm nothing.
                    self.forget_last_confirmation();
                }
                let trouble = self.trouble_of(&error).await;
                self.lost(trouble)
            }
        }
    }

    /// Closes the connection once everything that was written is on its way.
    pub(super) async fn close(&mut self) {
        self.eventloop.network = None;
        if let Some(mut tunnel) = self.tunnel.take() {
            // Its errors change nothing any more.
            let _ = tunnel.error(LAST_WORDS).await;
        }
    }

    /// Waits before the next attempt.
    pub(super) async fn pause(&mut self) {
        let lasted = self.connected_at.take().map(|at| at.elapsed());
        time::sleep(self.backoff.next(lasted, chance())).await;
    }

    /// Notes why the connection is of no use.
    pub(super) fn note_trouble(&self, trouble: Trouble) {
        self.trouble.send_replace(Some(trouble));
    }

    /// What rumqttc had taken over and not got rid of when the connection was lost.
    ///
    /// It would forget this at the next connection, but for packet identifiers: going on with those of the lost one, it
    /// would next time give back what was written in another order. So the next connection begins with none.
    pub(super) fn take_unsent(&mut self) -> VecDeque<Request> {
        let mut unsent = std::mem::take(&mut self.eventloop.pending);
        let inflight = self.eventloop.mqtt_options.inflight();
        let state = &mut self.eventloop.state;
        let old = std::mem::replace(state, MqttState::new(inflight, false));
        // What came is still to be told; what went was told, or failed.
        state.events = old.events;
        state
            .events
            .retain(|event| matches!(event, Event::Incoming(_)));
        unsent.extend(old.collision.map(Request::Publish));
        unsent
    }

    /// How many messages the broker confirmed just before the connection was lost. rumqttc would tell only after the next
    /// connection.
    pub(super) fn take_last_confirmations(&mut self) -> usize {
        let events = &mut self.eventloop.state.events;
        let before = events.len();
        events.retain(|event| !matches!(event, Event::Incoming(Packet::PubAck(_))));
        before - events.len()
    }

    fn forget_last_confirmation(&mut self) {
        let events = &mut self.eventloop.state.events;
        let last = events
            .iter()
            .rposition(|event| matches!(event, Event::Incoming(Packet::PubAck(_))));
        last.map(|at| events.remove(at));
    }

    /// A connection over TLS knows better than rumqttc why it ended.
    async fn trouble_of(&mut self, error: &ConnectionError) -> Trouble {
        let trouble = Trouble::of(error, &self.dial.config);
        if let (Some(mut tunnel), Trouble::Passing(_)) = (self.tunnel.take(), &trouble)
            && let Some(error) = tunnel.error(TUNNEL_PATIENCE).await
        {
            return self.dial.remote(&error);
        }
        trouble
    }

    fn lost(&mut self, trouble: Trouble) -> Happening {
        let trouble = self.dial.in_its_words(trouble);
        let (broker, purpose) = (&self.address, &self.dial.purpose);
        let was_connected = self.connected_at.is_some();
        if was_connected {
            tracing::warn!(broker, purpose, error = %trouble, "connection lost, trying again");
        } else if self.backoff.attempts().is_power_of_two() || self.backoff.attempts() == 0 {
            // Rarer and rarer, so that a broker that is away for a night does not fill the log.
            tracing::warn!(broker, purpose, error = %trouble, "cannot connect, trying again");
        } else {
            tracing::debug!(broker, purpose, error = %trouble, "cannot connect, trying again");
        }
        self.note_trouble(trouble);
        Happening::Lost { was_connected }
    }
}
