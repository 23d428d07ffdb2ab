//! The section `[mqtt]`, as typed and as meant.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::Problems;
use super::broker::BrokerKeys;
use crate::mqtt::{self, MqttConfig};
use crate::name::Name;

/// `[mqtt]` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttToml {
    /// Address of the broker, `mqtt://host:port`, or `mqtts://host:port` for TLS.
    pub url: Option<String>,
    /// PEM file with the authorities that the broker's certificate is checked against.
    pub ca: Option<PathBuf>,
    /// Name of the user that the broker is told.
    pub username: Option<String>,
    /// File with that user's password in its first line.
    pub password_file: Option<PathBuf>,
    /// PEM file with the certificate that the broker is shown.
    pub client_certificate: Option<PathBuf>,
    /// PEM file with the private key of that certificate.
    pub client_key: Option<PathBuf>,
    /// Seconds between pings on an idle connection.
    pub keep_alive_s: Option<u64>,
    /// Seconds in which connecting, and sending one message, must be done.
    pub connection_timeout_s: Option<u64>,
    /// Largest MQTT packet in bytes, both ways.
    pub max_packet_bytes: Option<usize>,
}

impl MqttToml {
    /// What the section means for the node `node` of `site`. Only `url` is required.
    pub fn meaning(
        section: Option<Self>,
        site: &Name,
        node: &Name,
        problems: &mut Problems,
    ) -> Option<MqttConfig> {
        let typed = section.unwrap_or_default();
        let keep_alive = typed
            .keep_alive_s
            .unwrap_or(mqtt::DEFAULT_KEEP_ALIVE.as_secs());
        let keep_alive = problems.in_range("mqtt.keep_alive_s", keep_alive, 5..=3600);
        let timeout = typed
            .connection_timeout_s
            .unwrap_or(mqtt::DEFAULT_CONNECTION_TIMEOUT.as_secs());
        let timeout = problems.in_range("mqtt.connection_timeout_s", timeout, 1..=600);
        let limit = typed
            .max_packet_bytes
            .unwrap_or(mqtt::DEFAULT_MAX_PACKET_BYTES);
        let limit = problems.in_range("mqtt.max_packet_bytes", limit, mqtt::PACKET_BYTES_RANGE);
        let keys = BrokerKeys {
            section: "mqtt",
            url: typed.url,
            ca: typed.ca,
            username: typed.username,
            password_file: typed.password_file,
            client_certificate: typed.client_certificate,
            client_key: typed.client_key,
        };
        let broker = keys.meaning("mqtt://127.0.0.1:18830", problems)?;
        Some(MqttConfig {
            tls: broker.tls,
            login: broker.login,
            keep_alive: Duration::from_secs(keep_alive?),
            connection_timeout: Duration::from_secs(timeout?),
            max_packet_bytes: limit?,
            ..MqttConfig::new(broker.address, site.clone(), node.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;
    use crate::mqtt::Login;
    use crate::tls::{ClientIdentity, ClientTls};

    #[derive(Deserialize)]
    struct Typed {
        mqtt: Option<MqttToml>,
    }

    fn read(text: &str) -> Result<MqttConfig, String> {
        let name: Name = "gate".parse().unwrap();
        let meaning = |typed: Typed, problems: &mut Problems| {
            MqttToml::meaning(typed.mqtt, &name, &name, problems)
        };
        let text = format!("[mqtt]\n{text}");
        parse(Path::new("keys/camera.toml"), &text, meaning).map_err(|errors| errors.to_string())
    }

    #[test]
    fn a_broker_with_tls_and_a_password() {
        let config = read(
            "url = \"mqtts://broker.lan\"\nca = \"ca.pem\"\nusername = \"gate\"\n\
             password_file = \"/etc/gate\"\nclient_certificate = \"gate.pem\"\n\
             client_key = \"gate.key\"\n",
        )
        .unwrap();
        assert_eq!((config.host.as_str(), config.port), ("broker.lan", 8883));
        let login = Login {
            username: "gate".to_owned(),
            password_file: "/etc/gate".into(),
        };
        assert_eq!(config.login, Some(login));
        let tls = ClientTls {
            ca: Some("keys/ca.pem".into()),
            identity: Some(ClientIdentity {
                certificate: "keys/gate.pem".into(),
                key: "keys/gate.key".into(),
            }),
        };
        assert_eq!(config.tls, Some(tls));
        let plain = read("url = \"mqtt://broker.lan\"\n").unwrap();
        assert_eq!((plain.tls, plain.login, plain.port), (None, None, 1883));
        let system = read("url = \"mqtts://broker.lan:1\"\n").unwrap();
        assert_eq!(system.tls, Some(ClientTls::default()));
    }

    #[test]
    fn a_password_stays_on_this_machine_or_is_encrypted() {
        for host in ["127.0.0.1", "[::1]:5", "localhost:1"] {
            let text =
                format!("url = \"mqtt://{host}\"\nusername = \"a\"\npassword_file = \"b\"\n");
            assert!(read(&text).is_ok(), "{host}");
        }
        let text = "url = \"mqtt://10.0.0.1\"\nusername = \"a\"\npassword_file = \"b\"\n";
        assert_eq!(
            read(text).unwrap_err(),
            "keys/camera.toml:4: mqtt.password_file: the password would cross the network in the \
             clear; write mqtts:// in `mqtt.url`"
        );
    }

    #[test]
    fn what_goes_together_must_be_there_together() {
        for (text, expected) in [
            (
                "url = \"mqtts://a\"\nusername = \"a\"\n",
                "keys/camera.toml:1: mqtt.password_file: a user name and a password go together; \
                 add it",
            ),
            (
                "url = \"mqtts://a\"\npassword_file = \"a\"\n",
                "keys/camera.toml:1: mqtt.username: a user name and a password go together; add it",
            ),
            (
                "url = \"mqtts://a\"\nclient_key = \"a\"\n",
                "keys/camera.toml:1: mqtt.client_certificate: a certificate and its key go \
                 together; add it",
            ),
            (
                "url = \"mqtt://a\"\nca = \"a\"\n",
                "keys/camera.toml:3: mqtt.ca: without TLS no certificate is looked at; write \
                 mqtts:// in `mqtt.url`, or remove it",
            ),
            (
                "url = \"mqtts://a\"\nusername = \"\"\npassword_file = \"a\"\n",
                "keys/camera.toml:3: mqtt.username: not a user name; write 1 to 256 bytes without \
                 control characters",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), expected);
        }
    }
}
