//! The task behind a [`Publisher`](super::Publisher): sends, counts confirmations, sends again
//! after a loss.

use std::collections::VecDeque;
use std::sync::Arc;

use rumqttc::{Event, Outgoing, Packet, Publish, QoS, Request};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::UNCONFIRMED_LIMIT;
use super::session::{Happening, Session};

/// Connections in a row that end without a single confirmation before the oldest message is given
/// up. A broker with a lower packet limit hangs up without a word, and that message must not stop
/// all others for ever.
const BARREN_CONNECTIONS: u32 = 3;

pub(super) struct Outbound {
    pub(super) session: Session,
    pub(super) birth: Publish,
    /// One permit for each message that may still be taken on; returned when the broker confirms.
    pub(super) slots: Arc<Semaphore>,
    pub(super) connected: watch::Sender<bool>,
    /// Ends the task at once; the broker then publishes the last will.
    pub(super) abandon: CancellationToken,
    /// Taken over from lost connections, to be sent again.
    pub(super) unconfirmed: VecDeque<Publish>,
    pub(super) barren: u32,
}

impl Outbound {
    pub(super) async fn run(mut self) {
        let abandon = self.abandon.clone();
        tokio::select! {
            () = abandon.cancelled() => {}
            () = self.drive() => self.session.close().await,
        }
    }

    async fn drive(&mut self) {
        loop {
            match self.session.next().await {
                Happening::Connected => self.resume(),
                Happening::Event(Event::Incoming(Packet::PubAck(_))) => {
                    self.barren = 0;
                    self.release_slot();
                }
                Happening::Event(Event::Outgoing(Outgoing::Disconnect)) => return,
                Happening::Event(_) => {}
                Happening::Lost { was_connected } => {
                    self.connected.send_replace(false);
                    if self.keep_unsent().is_break() {
                        return;
                    }
                    if was_connected {
                        self.give_up_on_a_refused_message();
                    }
                    self.session.pause().await;
                }
            }
        }
    }

    /// The birth message first, then what the last connection left behind, then what is queued.
    fn resume(&mut self) {
        let pending = &mut self.session.eventloop.pending;
        pending.push_back(self.birth.clone().into());
        pending.extend(self.unconfirmed.drain(..).map(Request::from));
        self.connected.send_replace(true);
    }

    /// Takes over what was not confirmed. Breaks when the publisher was saying goodbye.
    fn keep_unsent(&mut self) -> std::ops::ControlFlow<()> {
        for request in self.session.take_unsent() {
            match request {
                Request::Publish(mut publish) if publish.qos == QoS::AtLeastOnce => {
                    // A new session: the old packet identifier means nothing there.
                    publish.pkid = 0;
                    self.unconfirmed.push_back(publish);
                }
                Request::Disconnect(_) => return std::ops::ControlFlow::Break(()),
                _ => {}
            }
        }
        std::ops::ControlFlow::Continue(())
    }

    fn give_up_on_a_refused_message(&mut self) {
        if self.unconfirmed.is_empty() {
            return;
        }
        self.barren += 1;
        if self.barren < BARREN_CONNECTIONS {
            return;
        }
        self.barren = 0;
        if let Some(publish) = self.unconfirmed.pop_front() {
            tracing::warn!(
                topic = publish.topic,
                bytes = publish.payload.len(),
                "the broker hung up {BARREN_CONNECTIONS} times on this message, dropped it; \
                 compare the broker's packet limit with `mqtt.max_packet_bytes`"
            );
            self.release_slot();
        }
    }

    fn release_slot(&self) {
        // A broker that confirms what was never sent must not widen the window.
        if self.slots.available_permits() < UNCONFIRMED_LIMIT {
            self.slots.add_permits(1);
        }
    }
}

impl Drop for Outbound {
    /// However the task ended: nobody shall wait for a slot that will never be free.
    fn drop(&mut self) {
        self.connected.send_replace(false);
        self.slots.close();
    }
}
