//! MQTT connections over rumqttc: one that sends ([`Publisher`]), one that receives
//! ([`Subscriber`]), and one that sends to a broker that is not the bus ([`Notifier`]).
//!
//! A connection that both sends and receives large messages can deadlock with the broker, so a node
//! that does both holds two. Sessions are clean and messages have QoS 1: a connection that comes
//! back subscribes again, and a publisher sends again what the broker had not confirmed. A message
//! may therefore arrive twice, and may still be lost by the broker; who needs more asks for a
//! receipt from the far end.
//!
//! Everything is bounded. A publisher waits while [`UNCONFIRMED_LIMIT`] messages are unconfirmed; a
//! subscriber stops reading while [`RECEIVE_QUEUE`] messages wait to be taken, and goes on pinging
//! so that the broker does not hang up. A notifier waits for nobody: it drops the oldest news while
//! [`WAITING_LIMIT`] wait.
//!
//! rumqttc has no TLS here: what it is built with elsewhere is older than what this crate uses. For
//! a broker that speaks TLS this module dials by itself and hands rumqttc a local socket.

mod address;
mod backoff;
mod bulletin;
mod config;
mod dial;
mod echo;
mod notices;
mod notifier;
mod outbound;
mod publisher;
mod same_broker;
mod sending;
mod session;
mod state;
mod subscriber;
mod trouble;
mod tunnel;

pub use address::{AddressError, BrokerAddress};
pub use bulletin::Bulletin;
pub use config::{
    DEFAULT_CONNECTION_TIMEOUT, DEFAULT_KEEP_ALIVE, DEFAULT_MAX_PACKET_BYTES, Login, MqttConfig,
    PACKET_BYTES_RANGE,
};
pub use echo::{ECHO_FILTER, Echo, is_echo};
pub use notices::{KEPT_LIMIT, Notice, WAITING_LIMIT};
pub use notifier::{Notifier, NotifierConfig, OFFLINE, ONLINE};
pub use publisher::Publisher;
pub(crate) use same_broker::BUS_IS_READ;
pub use same_broker::{meeting_point, refuse_the_bus, same_as_typed};
pub use sending::{PublishError, UNCONFIRMED_LIMIT};
pub use state::is_online;
pub use subscriber::{Incoming, RECEIVE_QUEUE, Subscriber};
