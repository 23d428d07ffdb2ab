//! Asks a broker to send back what it was sent: the only proof that it works.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS, Request, Subscribe,
};
use tokio::time;

use super::config::unique;
use crate::failure::{Failure, FailureKind};
use crate::random;

/// The filter of all topics on which echoes are published. No node subscribes to it.
pub const ECHO_FILTER: &str = "blindsight/echo/+";
const TOPICS: &str = "blindsight/echo/";
/// By how much a broker may lengthen what it passes on: a message that came without an identifier
/// leaves with one.
const PACKET_EXCESS: usize = 16;

/// Whether a broker asks itself for echoes on `topic`.
#[must_use]
pub fn is_echo(topic: &str) -> bool {
    topic.starts_with(TOPICS)
}

/// Somebody who asks for echoes, under a name of 128 random bits. Two calls at once of the same one
/// disturb each other.
///
/// Whoever knew the name could push it off the broker, or leave messages on its topic. Who
/// subscribes to everything learns it, so what others say there is read, up to the packet limit,
/// and passed over.
#[derive(Clone, Debug)]
pub struct Echo {
    name: String,
    max_packet_bytes: usize,
}

impl Echo {
    /// Chooses a name. rumqttd remembers each that it has ever seen, so keep this one.
    /// `max_packet_bytes` is the packet limit of the broker.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(max_packet_bytes: usize) -> Result<Self, Failure> {
        let name = u128::from_le_bytes(random::bytes()?);
        Ok(Self {
            name: format!("{name:032x}"),
            max_packet_bytes,
        })
    }

    /// Where the echoes are published.
    #[must_use]
    pub fn topic(&self) -> String {
        format!("{TOPICS}{}", self.name)
    }

    /// Subscribes, publishes a few bytes and waits for them, over a connection of its own. Returns
    /// how long it took. `login` is a user name and a password.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] when there is no connection or no answer within `patience`.
    pub async fn ask(
        &self,
        broker: SocketAddr,
        login: Option<(&str, &str)>,
        patience: Duration,
    ) -> Result<Duration, Failure> {
        let started = Instant::now();
        let reason = match time::timeout(patience, exchange(self, broker, login)).await {
            Ok(Ok(())) => return Ok(started.elapsed()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", patience.as_secs_f32()),
        };
        Err(Failure::new(
            FailureKind::Unavailable,
            format!("the MQTT broker at {broker} does not send back what it is sent: {reason}"),
            "restart the broker",
        ))
    }
}

async fn exchange(
    echo: &Echo,
    broker: SocketAddr,
    login: Option<(&str, &str)>,
) -> Result<(), ConnectionError> {
    let (nonce, topic) = (unique(), echo.topic());
    let host = match broker {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    let id = format!("blindsight-echo-{}", echo.name);
    let mut options = MqttOptions::new(id, host, broker.port());
    options.set_keep_alive(Duration::from_secs(60));
    let limit = echo.max_packet_bytes.saturating_add(PACKET_EXCESS);
    options.set_max_packet_size(limit, limit);
    if let Some((username, password)) = login {
        options.set_credentials(username, password);
    }
    let (client, mut eventloop) = AsyncClient::new(options, 1);
    loop {
        match eventloop.poll().await? {
            Event::Incoming(Packet::ConnAck(_)) => {
                let subscribe = Subscribe::new(&topic, QoS::AtLeastOnce);
                eventloop.pending.push_back(subscribe.into());
            }
            Event::Incoming(Packet::SubAck(_)) => send(&mut eventloop, &topic, &nonce),
            Event::Incoming(Packet::Publish(publish)) if publish.payload == nonce.as_bytes() => {
                break;
            }
            _ => {}
        }
    }
    // The answer is here; a goodbye that fails changes nothing.
    if client.try_disconnect().is_ok() {
        let _ = eventloop.poll().await;
    }
    Ok(())
}

fn send(eventloop: &mut EventLoop, topic: &str, nonce: &str) {
    let publish = rumqttc::Publish::new(topic, QoS::AtLeastOnce, nonce);
    eventloop.pending.push_back(Request::Publish(publish));
}
