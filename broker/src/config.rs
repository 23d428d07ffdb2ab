//! The broker's configuration file, as typed and as meant.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use wire::config::{
    self, ConfigErrors, LogConfig, LogToml, Problems, TelemetryConfig, TelemetryToml,
};
use wire::mqtt::{DEFAULT_MAX_PACKET_BYTES, PACKET_BYTES_RANGE};
use wire::name::Name;

use crate::listen::{Guard, exposure};

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
const DEFAULT_HANDSHAKE_TIMEOUT_S: u64 = 10;

/// The whole file as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerToml {
    /// `[broker]`.
    pub broker: Option<BrokerSection>,
    /// `[tls]`.
    pub tls: Option<TlsToml>,
    /// `[auth]`.
    pub auth: Option<AuthToml>,
    /// `[telemetry]`.
    pub telemetry: Option<TelemetryToml>,
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

/// `[tls]` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsToml {
    /// PEM file with the broker's certificate.
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    pub key: Option<PathBuf>,
    /// PEM file with the authorities that sign clients' certificates.
    pub client_ca: Option<PathBuf>,
    /// Seconds that a handshake may take.
    pub handshake_timeout_s: Option<u64>,
}

/// `[auth]` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthToml {
    /// File with the users.
    pub users: Option<PathBuf>,
}

/// `[tls]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM file with the broker's certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// PEM file with its private key; nobody but the owner may have any right to it.
    pub key: PathBuf,
    /// PEM file with authorities; with it, every client must show a certificate that one of them
    /// has signed.
    pub client_ca: Option<PathBuf>,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
}

/// The configuration as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Address and port to listen on; one that others can reach only with TLS and with users or
    /// client certificates.
    pub listen: SocketAddr,
    /// TLS; without it, connections are not encrypted.
    pub tls: Option<TlsConfig>,
    /// File with the users, each with the hash of a password; without it, no password is asked for.
    pub users: Option<PathBuf>,
    /// Largest MQTT packet in bytes. A client that sends a larger one is disconnected without a
    /// word.
    pub max_packet_bytes: usize,
    /// Clients that may be connected at once; a node takes two. More are not answered.
    pub max_connections: usize,
    /// Bytes of messages kept for each subscribed filter at most. A subscriber that falls further
    /// behind than [`BrokerConfig::surely_kept_bytes`] loses messages. So much memory is taken and
    /// kept for each busy filter, but for those of receipts, states and health, which have small
    /// logs of their own. A subscriber that stands still takes up to 100 messages besides, twice:
    /// 0.8 GB with packets of 4 MiB.
    pub ring_log_bytes: usize,
    /// Name of the broker in its log lines.
    pub name: String,
    /// Where its metrics and health are served.
    pub telemetry: TelemetryConfig,
    /// Its log.
    pub log: LogConfig,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            tls: None,
            users: None,
            max_packet_bytes: DEFAULT_MAX_PACKET_BYTES,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            ring_log_bytes: DEFAULT_RING_LOG_BYTES,
            name: "broker".to_owned(),
            telemetry: TelemetryConfig::default(),
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
        let guard = Guard {
            tls: typed.tls.is_some(),
            clients_known: typed.auth.as_ref().is_some_and(|auth| auth.users.is_some())
                || typed
                    .tls
                    .as_ref()
                    .is_some_and(|tls| tls.client_ca.is_some()),
        };
        let listen = match section.listen {
            Some(text) => listen(&text, guard, problems),
            None => Some(default.listen),
        };
        let (tls_typed, auth_typed) = (typed.tls.is_some(), typed.auth.is_some());
        let tls = typed.tls.and_then(|tls| tls.meaning(problems));
        let users = typed.auth.and_then(|auth| auth.meaning(problems));
        let guarded = tls.is_some() == tls_typed && users.is_some() == auth_typed;
        let packet = section.max_packet_bytes.unwrap_or(default.max_packet_bytes);
        let packet = problems.in_range("broker.max_packet_bytes", packet, PACKET_BYTES_RANGE);
        let connections = section.max_connections.unwrap_or(default.max_connections);
        let connections = problems.in_range("broker.max_connections", connections, 2..=10_000);
        let lowest = RING_LOG_PACKETS * packet.unwrap_or(default.max_packet_bytes);
        let ring_log = section.ring_log_bytes;
        let ring_log = ring_log.unwrap_or(default.ring_log_bytes.max(lowest));
        let highest = MAX_RING_LOG_BYTES.max(lowest);
        let ring_log = problems.in_range("broker.ring_log_bytes", ring_log, lowest..=highest);
        let name = section.name.unwrap_or(default.name);
        let mend = "use 1 to 32 of the characters a-z, 0-9, _ and -";
        let name = problems.parsed::<Name>("broker.name", &name, mend);
        let telemetry = TelemetryToml::meaning(typed.telemetry, problems);
        guarded.then_some(())?;
        Some(Self {
            listen: listen?,
            tls,
            users,
            max_packet_bytes: packet?,
            max_connections: connections?,
            ring_log_bytes: ring_log?,
            name: name?.to_string(),
            telemetry: telemetry?,
            log: LogToml::meaning(typed.log),
        })
    }
}

impl TlsToml {
    fn meaning(self, problems: &mut Problems) -> Option<TlsConfig> {
        let mend = "add the path of the broker's certificate, a PEM file";
        let certificate = problems.required("tls.certificate", self.certificate, mend);
        let mend = "add the path of the certificate's private key, a PEM file";
        let key = problems.required("tls.key", self.key, mend);
        let timeout = self
            .handshake_timeout_s
            .unwrap_or(DEFAULT_HANDSHAKE_TIMEOUT_S);
        let timeout = problems.in_range("tls.handshake_timeout_s", timeout, 1..=60);
        Some(TlsConfig {
            certificate: problems.resolve(&certificate?),
            key: problems.resolve(&key?),
            client_ca: self.client_ca.map(|path| problems.resolve(&path)),
            handshake_timeout: Duration::from_secs(timeout?),
        })
    }
}

impl AuthToml {
    fn meaning(self, problems: &mut Problems) -> Option<PathBuf> {
        let mend = "add the path of the users file, made by `broker passwd`";
        let users = problems.required("auth.users", self.users, mend)?;
        Some(problems.resolve(&users))
    }
}

fn listen(text: &str, guard: Guard, problems: &mut Problems) -> Option<SocketAddr> {
    let mend = "write an IP address and a port, for example 127.0.0.1:18830";
    let address = problems.parsed::<SocketAddr>("broker.listen", text, mend)?;
    if let Some((problem, mend)) = exposure(address, guard) {
        problems.push("broker.listen", problem, mend);
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
        let config = BrokerConfig::load(&path).unwrap();
        assert!(config.telemetry.listen.is_some());
        let telemetry = TelemetryConfig::default();
        let expected = BrokerConfig::default();
        assert_eq!(
            BrokerConfig {
                telemetry,
                ..config
            },
            expected
        );
    }

    #[test]
    fn problems_are_named_with_their_lines() {
        let text = "[broker]\nlisten = \"0.0.0.0:1883\"\nmax_connections = 1\nring_log_bytes = \
        1000\nname = \"\"\n";
        let expected = "\
broker.toml:2: broker.listen: 0.0.0.0:1883 can be reached from other machines and nothing tells \
clients apart; add `[tls]` with `certificate` and `key`, and `[auth]` with `users`, or listen on \
127.0.0.1
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

    const OPEN: &str = "[broker]\nlisten = \"0.0.0.0:8883\"\n";

    #[test]
    fn a_listener_that_others_can_reach_needs_tls_and_known_clients() {
        let tls = "[tls]\ncertificate = \"broker.pem\"\nkey = \"/etc/broker.key\"\n";
        let users = "[auth]\nusers = \"users.txt\"\n";
        let path = Path::new("etc/broker.toml");
        let text = format!("{OPEN}{users}{tls}handshake_timeout_s = 3\n");
        let config = config::parse(path, &text, BrokerConfig::meaning).unwrap();
        assert_eq!(config.users, Some(PathBuf::from("etc/users.txt")));
        let expected = TlsConfig {
            certificate: "etc/broker.pem".into(),
            key: "/etc/broker.key".into(),
            client_ca: None,
            handshake_timeout: Duration::from_secs(3),
        };
        assert_eq!(config.tls, Some(expected));
        assert!(read(&format!("{OPEN}{tls}client_ca = \"ca.pem\"\n")).is_ok());
        for (rest, refusal) in [
            (
                users,
                "broker.toml:2: broker.listen: 0.0.0.0:8883 can be reached from other machines and \
                 passwords would cross the network in the clear; add `[tls]` with `certificate` \
                 and `key`, or listen on 127.0.0.1",
            ),
            (
                tls,
                "broker.toml:2: broker.listen: 0.0.0.0:8883 can be reached from other machines and \
                 nothing tells clients apart; add `users` below `[auth]` or `client_ca` below \
                 `[tls]`, or listen on 127.0.0.1",
            ),
        ] {
            assert_eq!(read(&format!("{OPEN}{rest}")).unwrap_err(), refusal);
        }
    }

    #[test]
    fn half_a_section_is_refused() {
        let said = read("[tls]\nclient_ca = \"ca.pem\"\nhandshake_timeout_s = 0\n[auth]\n");
        assert_eq!(
            said.unwrap_err(),
            "broker.toml:1: tls.certificate: missing; add the path of the broker's certificate, a \
             PEM file\n\
             broker.toml:1: tls.key: missing; add the path of the certificate's private key, a PEM \
             file\n\
             broker.toml:3: tls.handshake_timeout_s: 0 is out of range; write a value from 1 to 60\n\
             broker.toml:4: auth.users: missing; add the path of the users file, made by `broker \
             passwd`"
        );
    }

    #[test]
    fn the_ring_log_must_fit_the_packets() {
        let text = "[broker]\nmax_packet_bytes = 100000000\n";
        assert_eq!(read(text).unwrap().ring_log_bytes, 400_000_000);
        let text = format!("{text}ring_log_bytes = 134217728\n");
        assert_eq!(
            read(&text).unwrap_err(),
            "broker.toml:3: broker.ring_log_bytes: 134217728 is out of range; write a value from \
             400000000 to 17179869184"
        );
    }
}
