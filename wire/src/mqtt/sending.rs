//! A connection that sends: what a [`Publisher`](super::Publisher) and a [`Notifier`](super::Notifier) have in common.

use std::collections::VecDeque;
use std::sync::Arc;

use rumqttc::{AsyncClient, Publish, QoS};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::dial::Dial;
use super::outbound::Outbound;
use super::session::Session;

/// Messages that may be queued or on their way to the broker at once. Further ones wait.
pub const UNCONFIRMED_LIMIT: usize = 8;
/// Room beside the window for the two requests of a goodbye and one message of a bulletin.
const REQUEST_QUEUE: usize = UNCONFIRMED_LIMIT + 3;
/// What a PUBLISH packet with QoS 1 holds beside topic and payload: their lengths, type, flags and
/// identifier.
const PUBLISH_OVERHEAD_BYTES: usize = 16;

/// Why a message was not taken on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The publisher was cancelled while the message waited.
    #[error("the connection to the MQTT broker is closed")]
    Closed,
    /// The message is larger than a packet may be.
    #[error(
        "a message of {bytes} bytes does not fit the packet limit of {limit} bytes; raise \
         `max_packet_bytes` here and at the broker, or send smaller tiles"
    )]
    TooLarge {
        /// Length of the message.
        bytes: usize,
        /// The configured limit of a packet.
        limit: usize,
    },
}

/// Sends messages with QoS 1, and sends again after every loss of the connection what the broker
/// has not confirmed.
///
/// Dropping it without [`Sending::leave`] makes the broker publish the last will of its [`Dial`].
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) client: AsyncClient,
    slots: Arc<Semaphore>,
    connected: watch::Receiver<bool>,
    max_packet_bytes: usize,
    cancel: CancellationToken,
    abandon: CancellationToken,
    task: JoinHandle<()>,
}

impl Sending {
    /// Connects once `heard` says true, and says `birth` first on every connection.
    ///
    /// Once `cancel` is cancelled, [`Sending::publish`] no longer waits for room.
    pub(super) fn connect(
        dial: Dial,
        birth: Publish,
        heard: watch::Receiver<bool>,
        cancel: CancellationToken,
    ) -> Self {
        // Wider than the window, so that what is sent again after a loss never collides with an
        // identifier in use.
        let dial = dial.with_inflight(2 * UNCONFIRMED_LIMIT as u16);
        let max_packet_bytes = dial.config.max_packet_bytes;
        let (client, eventloop) = dial.event_loop(REQUEST_QUEUE);
        let slots = Arc::new(Semaphore::new(UNCONFIRMED_LIMIT));
        let (connected_sender, connected) = watch::channel(false);
        let abandon = CancellationToken::new();
        let (session, _) = Session::new(eventloop, dial);
        let outbound = Outbound {
            session,
            birth,
            slots: slots.clone(),
            connected: connected_sender,
            abandon: abandon.clone(),
            unconfirmed: VecDeque::new(),
            barren: 0,
            fruitful: false,
        };
        let task = tokio::spawn(outbound.run(heard));
        Self {
            client,
            slots,
            connected,
            max_packet_bytes,
            cancel,
            abandon,
            task,
        }
    }

    /// Takes on a message. Waits while [`UNCONFIRMED_LIMIT`] messages are unconfirmed.
    pub(super) async fn publish(
        &self,
        topic: String,
        retained: bool,
        bytes: Vec<u8>,
    ) -> Result<(), PublishError> {
        if bytes.len() + topic.len() + PUBLISH_OVERHEAD_BYTES > self.max_packet_bytes {
            let limit = self.max_packet_bytes;
            return Err(PublishError::TooLarge {
                bytes: bytes.len(),
                limit,
            });
        }
        let slot = tokio::select! {
            biased;
            slot = self.slots.acquire() => slot.map_err(|_| PublishError::Closed)?,
            () = self.cancel.cancelled() => return Err(PublishError::Closed),
        };
        let sent = self
            .client
            .publish(topic, QoS::AtLeastOnce, retained, bytes)
            .await;
        // From here the broker's confirmation gives the slot back.
        slot.forget();
        sent.map_err(|_| PublishError::Closed)
    }

    /// Whether there is a connection, as it changes.
    pub(super) fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// Waits until the broker has confirmed everything that was taken on, or it has been given up.
    /// Gives whether the connection can still be used.
    pub(super) async fn confirmed(&self) -> bool {
        let everything = self.slots.acquire_many(UNCONFIRMED_LIMIT as u32).await;
        everything.is_ok()
    }

    /// Waits until the broker has confirmed everything, says `goodbye` and disconnects. For as long
    /// as the caller likes: dropped half-way, it says no goodbye.
    pub(super) async fn leave(&mut self, goodbye: Publish) {
        if !self.confirmed().await {
            return;
        }
        let Publish {
            topic,
            qos,
            retain,
            payload,
            ..
        } = goodbye;
        let said = self.client.publish_bytes(topic, qos, retain, payload).await;
        if said.is_ok() && self.client.disconnect().await.is_ok() {
            // The task ends once the goodbye is written.
            let _ = (&mut self.task).await;
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.abandon.cancel();
    }
}
