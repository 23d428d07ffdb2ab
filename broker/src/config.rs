//! The broker's configuration file, as typed and as meant.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use serde::Deserialize;
use wire::config::{self, ConfigErrors, LogConfig, LogToml, Problems};
use wire::mqtt::{DEFAULT_MAX_PACKET_BYTES, PACKET_BYTES_RANGE};
use wire::name::Name;

use crate::listen::{LOOPBACK_MEND, loopback_problem};

/// Bytes of messages kept for each subscribed filter unless configured: about 30 of the largest
/// packets, or 250 tiles of half a megabyte.
pub const DEFAULT_RING_LOG_BYTES: usize = 128 << 20;
/// A ring log holds at least this many packets of the largest size: it has two parts or more, and
/// each may exceed its size by one packet.
const RING_LOG_PACKETS: usize = 4;
/// The largest ring log.
pub(crate) const MAX_RING_LOG_BYTES: usize = 16 << 30;
const DEFAULT_PORT: u16 = 18830;
const DEFAULT_MAX_CONNECTIONS: usize = 64;

/// The whole file as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerToml {
    /// `[broker]`.
    pub broker: Option<BrokerSection>,
    /// `[log]`.
    pub log: Option<LogToml>,
}

/// `[broker]` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSection {
    /// Address and port to listen on.
    pub listen: Option<String>,
    /// Largest MQTT packet in bytes.
    pub max_packet_bytes: Option<usize>,
    /// Clients that may be connected at once.
    pub max_connections: Option<usize>,
    /// Bytes of messages kept for each subscribed filter.
    pub ring_log_bytes: Option<usize>,
    /// Name of the broker in its log lines.
    pub name: Option<String>,
}

/// The configuration as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Address and port to listen on; a loopback address.
    pub listen: SocketAddr,
    /// Largest MQTT packet in bytes. A client that sends a larger one is disconnected without a
    /// word.
    pub max_packet_bytes: usize,
    /// Clients that may be connected at once; a node takes two. More are not answered.
    pub max_connections: usize,
    /// Bytes of messages kept for each subscribed filter at most. A subscriber that falls further
    /// behind than [`BrokerConfig::surely_kept_bytes`] loses messages. So much memory is taken and
    /// kept for each busy filter. A subscriber that
    /// stands still takes up to 100 messages besides, twice: 0.8 GB with packets of 4 MiB.
    pub ring_log_bytes: usize,
    /// Name of the broker in its log lines.
    pub name: String,
    /// Its log.
    pub log: LogConfig,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            max_packet_bytes: DEFAULT_MAX_PACKET_BYTES,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            ring_log_bytes: DEFAULT_RING_LOG_BYTES,
            name: "broker".to_owned(),
            log: LogConfig::default(),
        }
    }
}

impl BrokerConfig {
    /// Reads the file at `path`. Every key has a default.
    ///
    /// # Errors
    /// All problems of the file at once.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        config::load(path, Self::meaning)
    }

    /// What a typed file means.
    pub fn meaning(typed: BrokerToml, problems: &mut Problems) -> Option<Self> {
        let default = Self::default();
        let section = typed.broker.unwrap_or_default();
        let listen = match section.listen {
            Some(text) => listen(&text, problems),
            None => Some(default.listen),
        };
        let packet = section.max_packet_bytes.unwrap_or(default.max_packet_bytes);
        let packet = problems.in_range("broker.max_packet_bytes", packet, PACKET_BYTES_RANGE);
        let connections = section.max_connections.unwrap_or(default.max_connections);
        let connections = problems.in_range("broker.max_connections", connections, 2..=10_000);
        let ring_log = section.ring_log_bytes.unwrap_or(default.ring_log_bytes);
        let lowest = RING_LOG_PACKETS * packet.unwrap_or(default.max_packet_bytes);
        let highest = MAX_RING_LOG_BYTES.max(lowest);
        let ring_log = problems.in_range("broker.ring_log_bytes", ring_log, lowest..=highest);
        let name = section.name.unwrap_or(default.name);
        let mend = "use 1 to 32 of the characters a-z, 0-9, _ and -";
        let name = problems.parsed::<Name>("broker.name", &name, mend);
        Some(Self {
            listen: listen?,
            max_packet_bytes: packet?,
            max_connections: connections?,
            ring_log_bytes: ring_log?,
            name: name?.to_string(),
            log: LogToml::meaning(typed.log),
        })
    }
}

fn listen(text: &str, problems: &mut Problems) -> Option<SocketAddr> {
    let mend = "write an IP address and a port, for example 127.0.0.1:18830";
    let address = problems.parsed::<SocketAddr>("broker.listen", text, mend)?;
    if let Some(problem) = loopback_problem(address) {
        problems.push("broker.listen", problem, LOOPBACK_MEND);
        return None;
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BrokerConfig, String> {
        let path = Path::new("broker.toml");
        config::parse(path, text, BrokerConfig::meaning).map_err(|errors| errors.to_string())
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        assert_eq!(read("").unwrap(), BrokerConfig::default());
    }

    #[test]
    fn the_demo_file_spells_out_the_defaults() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/demo/broker.toml");
        assert_eq!(BrokerConfig::load(&path).unwrap(), BrokerConfig::default());
    }

    #[test]
    fn problems_are_named_with_their_lines() {
        let text = "[broker]\nlisten = \"0.0.0.0:1883\"\nmax_connections = 1\nring_log_bytes = \
        1000\nname = \"\"\n";
        let expected = "\
broker.toml:2: broker.listen: 0.0.0.0:1883 can be reached from other machines and the broker \
cannot tell clients apart; listen on 127.0.0.1 and let other machines in through a proxy that \
authenticates them, or point the nodes at a broker that does
broker.toml:3: broker.max_connections: 1 is out of range; write a value from 2 to 10000
broker.toml:4: broker.ring_log_bytes: 1000 is out of range; write a value from 17039360 to \
17179869184
broker.toml:5: broker.name: a name is empty; write 1 to 32 characters of a-z, 0-9, `_` and `-`";
        assert_eq!(read(text).unwrap_err(), expected);
        assert_eq!(
            read("[broker]\nlisten = \"localhost\"\n").unwrap_err(),
            "broker.toml:2: broker.listen: invalid socket address syntax; write an IP address and \
             a port, for example 127.0.0.1:18830"
        );
    }

    #[test]
    fn the_ring_log_must_fit_the_packets() {
        let text = "[broker]\nmax_packet_bytes = 100000000\n";
        assert_eq!(
            read(text).unwrap_err(),
            "broker.toml:1: broker.ring_log_bytes: 134217728 is out of range; write a value from \
             400000000 to 17179869184"
        );
    }
}
