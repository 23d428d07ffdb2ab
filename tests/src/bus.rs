//! What a stranger hears and says on the broker, which knows nobody and lets everybody.

use bytes::Bytes;
use tokio::time::timeout;
use wire::mqtt::{Incoming, MqttConfig, Publisher, Subscriber};
use wire::shutdown::Shutdown;
use wire::topic::Topic;

use crate::PATIENCE;

/// A message as the broker passed it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic that it came on.
    pub topic: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Hears messages.
pub struct Listener(Subscriber);

impl Listener {
    /// Subscribes to `filter`.
    pub async fn start(mqtt: &MqttConfig, filter: &str) -> Self {
        let filters = vec![filter.to_owned()];
        let mut subscriber = Subscriber::connect(mqtt, "in", filters, Shutdown::new());
        subscriber.ready(PATIENCE).await.unwrap();
        Self(subscriber)
    }

    /// The next message.
    pub async fn next(&mut self) -> Message {
        loop {
            let incoming = timeout(PATIENCE, self.0.recv()).await;
            match incoming.expect("no message came").expect("it ended") {
                Incoming::Message { topic, payload, .. } => {
                    return Message {
                        topic,
                        bytes: payload,
                    };
                }
                Incoming::Connected | Incoming::Reconnected => {}
            }
        }
    }

    /// All messages up to and with the first one that `is_last` accepts.
    pub async fn until(&mut self, mut is_last: impl FnMut(&Message) -> bool) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = self.next().await;
            let last = is_last(&message);
            messages.push(message);
            if last {
                return messages;
            }
        }
    }
}

/// Says whatever a test makes up.
pub struct Stranger(Publisher);

impl Stranger {
    /// Connects.
    pub fn connect(mqtt: &MqttConfig) -> Self {
        Self(Publisher::connect(mqtt, "out", Shutdown::new()))
    }

    /// Publishes `bytes` on `topic`.
    pub async fn say(&self, topic: &Topic, bytes: Vec<u8>) {
        self.0.publish(topic, bytes).await.unwrap();
    }

    /// Leaves once the broker has confirmed everything.
    pub async fn leave(self) {
        // A broker that hangs up on what it does not allow takes longer than a node waits when it stops.
        let confirmed = timeout(PATIENCE, self.0.confirmed()).await;
        confirmed.expect("the broker does not confirm");
        self.0.stop("done").await;
    }

    /// Waits until it is connected, or not any more.
    pub async fn until_connected(&self, wanted: bool) {
        let mut connected = self.0.connected();
        let changed = connected.wait_for(|connected| *connected == wanted);
        let changed = timeout(PATIENCE, changed).await;
        changed.expect("the connection did not change").unwrap();
    }
}
