//! A broker at its worst: it stands between a camera and its worker, between the worker and the viewer, and between the
//! viewer and the camera, and does with every message what it likes.

use std::net::SocketAddr;
use std::time::Duration;

use e2e::bus::{Listener, Message, Stranger};
use e2e::site::Site;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire::mqtt::MqttConfig;
use wire::topic::Topic;

/// When no message has come for so long, what is held back is let go.
const SILENCE: Duration = Duration::from_millis(300);
/// The largest packet of the relay's own connections, and of the brokers that it stands between.
pub(crate) const PACKET_BYTES: usize = 8 << 20;

/// What becomes of a message; `None` after a silence.
pub(crate) type Conduct = Box<dyn FnMut(Option<Message>) -> Vec<Message> + Send>;

/// Carries messages from one broker to another. Dropping it ends it.
pub(crate) struct Relay(JoinHandle<()>);

impl Relay {
    /// Carries what matches `filter`, as `conduct` makes it.
    pub(crate) async fn start(
        site: &Site,
        (from, to): (SocketAddr, SocketAddr),
        filter: &str,
        mut conduct: Conduct,
    ) -> Self {
        let mut listener = Listener::start(&mqtt(site, from), filter).await;
        let stranger = Stranger::connect(&mqtt(site, to));
        Self(tokio::spawn(async move {
            loop {
                let message = timeout(SILENCE, listener.next()).await.ok();
                for message in conduct(message) {
                    let topic = Topic::parse(&message.topic).unwrap();
                    stranger.say(&topic, message.bytes.to_vec()).await;
                }
            }
        }))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How a stranger reaches a broker.
fn mqtt(site: &Site, broker: SocketAddr) -> MqttConfig {
    MqttConfig {
        max_packet_bytes: PACKET_BYTES,
        ..site.mqtt("stranger", broker)
    }
}
