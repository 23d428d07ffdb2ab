//! The sending connection of a node.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::MqttConfig;
use super::bulletin::Bulletin;
use super::dial::Dial;
use super::sending::{PublishError, Sending};
use super::state::StateTopic;
use crate::topic::Topic;

/// How long [`Publisher::stop`] tries to get rid of what is unconfirmed.
const STOP_DEADLINE: Duration = Duration::from_secs(2);

/// Sends messages, announces the node's state, and comes back after every loss of the connection.
///
/// Dropping it without [`Publisher::stop`] makes the broker publish the last will.
#[derive(Debug)]
pub struct Publisher {
    sending: Sending,
    state: StateTopic,
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
        let dial = Dial::new(config, purpose).with_will(state.will());
        let sending = Sending::connect(dial, state.birth(), heard, cancel);
        Self { sending, state }
    }

    /// Takes on a message: QoS 1, never retained. Waits while
    /// [`UNCONFIRMED_LIMIT`](super::UNCONFIRMED_LIMIT) messages are unconfirmed.
    ///
    /// `Ok` means that it will be sent, and sent again until the broker confirms it or the
    /// publisher ends.
    ///
    /// # Errors
    /// [`PublishError::TooLarge`] at once; [`PublishError::Closed`] when cancelled while it waits.
    pub async fn publish(&self, topic: &Topic, bytes: Vec<u8>) -> Result<(), PublishError> {
        self.sending.publish(topic.to_string(), false, bytes).await
    }

    /// Says once more that the node is online, now that its subscriptions are in force again: who waits for it sends
    /// what it may have missed. A hint; lost when the queue to the broker is full.
    pub fn announce(&self) {
        let birth = self.state.birth();
        let (topic, payload) = (birth.topic, birth.payload.to_vec());
        let _ = self
            .sending
            .client
            .try_publish(topic, birth.qos, birth.retain, payload);
    }

    /// Whether there is a connection, as it changes.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.sending.connected()
    }

    /// Says things on `topic` that nobody waits for.
    #[must_use]
    pub fn bulletin(&self, topic: &Topic) -> Bulletin {
        Bulletin {
            client: self.sending.client.clone(),
            connected: self.sending.connected(),
            topic: topic.to_string(),
        }
    }

    /// Waits until the broker has confirmed everything that was taken on, or the publisher has given it up.
    pub async fn confirmed(&self) {
        // Without a connection that can be used nothing will be confirmed any more.
        let _ = self.sending.confirmed().await;
    }

    /// Waits until the broker has confirmed everything, says that the node has stopped, and
    /// disconnects.
    ///
    /// Gives up after 2 s. The broker then publishes the last will.
    pub async fn stop(mut self, reason: &str) {
        let leave = self.sending.leave(self.state.stopped(reason));
        if time::timeout(STOP_DEADLINE, leave).await.is_err() {
            tracing::warn!("stopped before the broker confirmed every message");
        }
    }
}
