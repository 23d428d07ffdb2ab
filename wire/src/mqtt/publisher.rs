//! The sending connection of a node.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, QoS};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::MqttConfig;
use super::bulletin::Bulletin;
use super::dial::Dial;
use super::outbound::Outbound;
use super::session::Session;
use super::state::StateTopic;
use crate::topic::Topic;

/// Messages that may be queued or on their way to the broker at once. Further ones wait.
pub const UNCONFIRMED_LIMIT: usize = 8;
/// How long [`Publisher::stop`] tries to get rid of what is unconfirmed.
const STOP_DEADLINE: Duration = Duration::from_secs(2);
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

/// Sends messages, announces the node's state, and comes back after every loss of the connection.
///
/// Dropping it without [`Publisher::stop`] makes the broker publish the last will.
#[derive(Debug)]
pub struct Publisher {
    client: AsyncClient,
    slots: Arc<Semaphore>,
    state: StateTopic,
    connected: watch::Receiver<bool>,
    max_packet_bytes: usize,
    cancel: CancellationToken,
    abandon: CancellationToken,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Starts connecting and returns at once. `purpose` becomes part of the client identifier:
    /// `a-z`, `0-9` and `-`.
    ///
    /// Once `cancel` is cancelled, [`Publisher::publish`] no longer waits for room. Needs a tokio
    /// runtime.
    #[must_use]
    pub fn connect(config: &MqttConfig, purpose: &str, cancel: CancellationToken) -> Self {
        Self::connect_once(watch::channel(true).1, config, purpose, cancel)
    }

    /// As [`Publisher::connect`], but waits with connecting until `heard` says true for the first
    /// time: the site then sees the node as online only when it can hear.
    #[must_use]
    pub fn connect_once(
        heard: watch::Receiver<bool>,
        config: &MqttConfig,
        purpose: &str,
        cancel: CancellationToken,
    ) -> Self {
        let state = StateTopic::new(config);
        let dial = Dial::new(config, purpose)
            .with_will(state.will())
            // Wider than the window, so that what is sent again after a loss never collides with an
            // identifier in use.
            .with_inflight(2 * UNCONFIRMED_LIMIT as u16);
        let (client, eventloop) = dial.event_loop(REQUEST_QUEUE);

        let slots = Arc::new(Semaphore::new(UNCONFIRMED_LIMIT));
        let (connected_sender, connected) = watch::channel(false);
        let abandon = CancellationToken::new();
        let (session, _) = Session::new(eventloop, dial);
        let outbound = Outbound {
            session,
            birth: state.birth(),
            slots: slots.clone(),
            connected: connected_sender,
            abandon: abandon.clone(),
            unconfirmed: VecDeque::new(),
            barren: 0,
        };
        let task = tokio::spawn(outbound.run(heard));
        let max_packet_bytes = config.max_packet_bytes;
        Self {
            client,
            slots,
            state,
            connected,
            max_packet_bytes,
            cancel,
            abandon,
            task,
        }
    }

    /// Takes on a message: QoS 1, never retained. Waits while [`UNCONFIRMED_LIMIT`] messages are
    /// unconfirmed.
    ///
    /// `Ok` means that it will be sent, and sent again until the broker confirms it or the
    /// publisher ends.
    ///
    /// # Errors
    /// [`PublishError::TooLarge`] at once; [`PublishError::Closed`] when cancelled while it waits.
    pub async fn publish(&self, topic: &Topic, bytes: Vec<u8>) -> Result<(), PublishError> {
        let topic = topic.to_string();
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
            .publish(topic, QoS::AtLeastOnce, false, bytes)
            .await;
        // From here the broker's confirmation gives the slot back.
        slot.forget();
        sent.map_err(|_| PublishError::Closed)
    }

    /// Says once more that the node is online, now that its subscriptions are in force again: who waits for it sends
    /// what it may have missed. A hint; lost when the queue to the broker is full.
    pub fn announce(&self) {
        let birth = self.state.birth();
        let (topic, payload) = (birth.topic, birth.payload.to_vec());
        let _ = self
            .client
            .try_publish(topic, birth.qos, birth.retain, payload);
    }

    /// Whether there is a connection, as it changes.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// Says things on `topic` that nobody waits for.
    #[must_use]
    pub fn bulletin(&self, topic: &Topic) -> Bulletin {
        Bulletin {
            client: self.client.clone(),
            connected: self.connected.clone(),
            topic: topic.to_string(),
        }
    }

    /// Waits until the broker has confirmed everything that was taken on, or the publisher has given it up.
    pub async fn confirmed(&self) {
        // An error: it has ended, and nothing will be confirmed any more.
        let _ = self.slots.acquire_many(UNCONFIRMED_LIMIT as u32).await;
    }

    /// Waits until the broker has confirmed everything, says that the node has stopped, and
    /// disconnects.
    ///
    /// Gives up after 2 s. The broker then publishes the last will.
    pub async fn stop(mut self, reason: &str) {
        let goodbye = self.state.stopped(reason);
        let task = &mut self.task;
        let leave = async {
            let everything = self.slots.acquire_many(UNCONFIRMED_LIMIT as u32).await;
            if everything.is_err() {
                return;
            }
            let (topic, payload) = (goodbye.topic, goodbye.payload);
            let said = self
                .client
                .publish_bytes(topic, goodbye.qos, goodbye.retain, payload)
                .await;
            if said.is_ok() && self.client.disconnect().await.is_ok() {
                // The task ends once the goodbye is written.
                let _ = task.await;
            }
        };
        if time::timeout(STOP_DEADLINE, leave).await.is_err() {
            tracing::warn!("stopped before the broker confirmed every message");
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.abandon.cancel();
    }
}
