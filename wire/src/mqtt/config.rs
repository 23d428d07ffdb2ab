//! What a connection needs to know.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use super::BrokerAddress;
use crate::name::Name;
use crate::random;
use crate::tls::ClientTls;

/// Largest MQTT packet unless configured: a tile of 4 MiB and its envelope.
pub const DEFAULT_MAX_PACKET_BYTES: usize = (4 << 20) + (64 << 10);
/// The limits that make sense: from one small envelope to the largest packet that MQTT can express.
pub const PACKET_BYTES_RANGE: RangeInclusive<usize> = 4096..=268_435_455;
/// Time between pings on an idle connection unless configured.
pub const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Time in which connecting, and sending one message, must be done unless configured.
pub const DEFAULT_CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// How to reach the broker, and who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttConfig {
    /// Host name or IP address; an IPv6 address stands in square brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Site of the calling node.
    pub site: Name,
    /// Name of the calling node.
    pub node: Name,
    /// Time between pings, whole seconds, at least 1. A packet must arrive whole within 1.5 times
    /// this.
    pub keep_alive: Duration,
    /// Time in which connecting, and sending one message, must be done; whole seconds, at least 1.
    pub connection_timeout: Duration,
    /// Largest MQTT packet, both ways. The broker's own limit must not be lower.
    pub max_packet_bytes: usize,
    /// How the connection is encrypted; `None` for one that is not.
    pub tls: Option<ClientTls>,
    /// Who the broker is told is calling; `None` for a broker that does not ask.
    pub login: Option<Login>,
}

/// A user of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// The file whose first line is the password, read at each connection; nobody but its owner may
    /// have any right to it.
    pub password_file: PathBuf,
}

impl MqttConfig {
    /// The default limits and times for a broker at `address`.
    #[must_use]
    pub fn new(address: BrokerAddress, site: Name, node: Name) -> Self {
        Self {
            host: address.host,
            port: address.port,
            site,
            node,
            keep_alive: DEFAULT_KEEP_ALIVE,
            connection_timeout: DEFAULT_CONNECTION_TIMEOUT,
            max_packet_bytes: DEFAULT_MAX_PACKET_BYTES,
            tls: address.tls.then(ClientTls::default),
            login: None,
        }
    }

    /// `host:port`, for messages.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Two clients with one identifier would push each other off the broker for ever.
pub(super) fn unique() -> String {
    match random::bytes::<4>() {
        Ok(bytes) => format!("{:08x}", u32::from_le_bytes(bytes)),
        Err(_) => format!("pid{}", process::id()),
    }
}
