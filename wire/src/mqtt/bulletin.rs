//! Short messages that nobody waits for.

use rumqttc::{AsyncClient, QoS};
use tokio::sync::watch;

/// Says things on one topic over the connection of a [`Publisher`](super::Publisher), if that can be done at once.
///
/// QoS 0 and never retained: such a message takes no place from those that must arrive.
#[derive(Clone, Debug)]
pub struct Bulletin {
    pub(super) client: AsyncClient,
    pub(super) connected: watch::Receiver<bool>,
    pub(super) topic: String,
}

impl Bulletin {
    /// Sends `bytes`. Gives whether it could: not without a connection, and not while many other messages wait.
    pub fn say(&self, bytes: Vec<u8>) -> bool {
        // Without a connection messages would pile up, to be old news when it comes back.
        let connected = *self.connected.borrow();
        let topic = self.topic.as_str();
        connected
            && self
                .client
                .try_publish(topic, QoS::AtMostOnce, false, bytes)
                .is_ok()
    }
}
