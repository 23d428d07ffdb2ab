//! Asks a broker to send back what it was sent: the only proof that it works.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS, Request, Subscribe,
};
use tokio::time;

use super::config::unique;
use crate::failure::{Failure, FailureKind};

/// Where echoes are published. No node subscribes to it.
pub const ECHO_TOPIC: &str = "blindsight/echo";

/// Subscribes, publishes a few bytes and waits for them, over a connection of its own. Returns how
/// long it took.
///
/// `caller` becomes part of the client identifier: two calls at once with the same one disturb each
/// other, and rumqttd remembers each that it has ever seen. `login` is a user name and a password.
///
/// # Errors
/// [`FailureKind::Unavailable`] when there is no connection or no answer within `patience`.
pub async fn echo(
    broker: SocketAddr,
    caller: &str,
    login: Option<(&str, &str)>,
    patience: Duration,
) -> Result<Duration, Failure> {
    let started = Instant::now();
    let reason = match time::timeout(patience, exchange(broker, caller, login)).await {
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

async fn exchange(
    broker: SocketAddr,
    caller: &str,
    login: Option<(&str, &str)>,
) -> Result<(), ConnectionError> {
    let nonce = unique();
    let host = match broker {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    let id = format!("blindsight-echo-{caller}");
    let mut options = MqttOptions::new(id, host, broker.port());
    options.set_keep_alive(Duration::from_secs(60));
    if let Some((username, password)) = login {
        options.set_credentials(username, password);
    }
    let (client, mut eventloop) = AsyncClient::new(options, 1);
    loop {
        match eventloop.poll().await? {
            Event::Incoming(Packet::ConnAck(_)) => {
                let subscribe = Subscribe::new(ECHO_TOPIC, QoS::AtLeastOnce);
                eventloop.pending.push_back(subscribe.into());
            }
            Event::Incoming(Packet::SubAck(_)) => send(&mut eventloop, &nonce),
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

fn send(eventloop: &mut EventLoop, nonce: &str) {
    let publish = rumqttc::Publish::new(ECHO_TOPIC, QoS::AtLeastOnce, nonce);
    eventloop.pending.push_back(Request::Publish(publish));
}
