//! The section `[mqtt]`, as typed and as meant.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::Problems;
use crate::mqtt::{self, BrokerAddress, Login, MqttConfig};
use crate::name::Name;
use crate::tls::{ClientIdentity, ClientTls};

const MAX_USERNAME_BYTES: usize = 256;

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
        let mut typed = section.unwrap_or_default();
        let example = "add it, for example `url = \"mqtt://127.0.0.1:18830\"`";
        let url = problems.required("mqtt.url", typed.url.take(), example);
        let address = url.and_then(|url| {
            let mend = "write it as mqtt://host:port, for example mqtt://127.0.0.1:18830";
            problems.parsed::<BrokerAddress>("mqtt.url", &url, mend)
        });
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
        let login = typed.login(address.as_ref(), problems);
        let tls = typed.tls(address.as_ref(), problems);
        let address = address?;
        Some(MqttConfig {
            host: address.host,
            port: address.port,
            site: site.clone(),
            node: node.clone(),
            keep_alive: Duration::from_secs(keep_alive?),
            connection_timeout: Duration::from_secs(timeout?),
            max_packet_bytes: limit?,
            tls,
            login,
        })
    }

    /// The user, if there is one.
    fn login(&self, address: Option<&BrokerAddress>, problems: &mut Problems) -> Option<Login> {
        let (username, file) = match (&self.username, &self.password_file) {
            (None, None) => return None,
            (Some(username), Some(file)) => (username, file),
            (username, file) => {
                for (key, missing) in [
                    ("mqtt.username", username.is_none()),
                    ("mqtt.password_file", file.is_none()),
                ] {
                    if missing {
                        problems.push(key, "a user name and a password go together", "add it");
                    }
                }
                return None;
            }
        };
        let fits = (1..=MAX_USERNAME_BYTES).contains(&username.len());
        if !fits || username.chars().any(char::is_control) {
            problems.push(
                "mqtt.username",
                "not a user name",
                format!("write 1 to {MAX_USERNAME_BYTES} bytes without control characters"),
            );
        }
        if address.is_some_and(|address| !address.tls && !is_this_machine(&address.host)) {
            problems.push(
                "mqtt.password_file",
                "the password would cross the network in the clear",
                "write mqtts:// in `mqtt.url`",
            );
        }
        Some(Login {
            username: username.clone(),
            password_file: problems.resolve(file),
        })
    }

    /// How the connection is encrypted, if it is.
    fn tls(&self, address: Option<&BrokerAddress>, problems: &mut Problems) -> Option<ClientTls> {
        let given = [
            ("mqtt.ca", &self.ca),
            ("mqtt.client_certificate", &self.client_certificate),
            ("mqtt.client_key", &self.client_key),
        ];
        if !address?.tls {
            for (key, _) in given.iter().filter(|(_, path)| path.is_some()) {
                problems.push(
                    key,
                    "without TLS no certificate is looked at",
                    "write mqtts:// in `mqtt.url`, or remove it",
                );
            }
            return None;
        }
        let identity = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some(ClientIdentity {
                certificate: problems.resolve(certificate),
                key: problems.resolve(key),
            }),
            (certificate, key) => {
                for (name, missing, other) in [
                    (
                        "mqtt.client_certificate",
                        certificate.is_none(),
                        key.is_some(),
                    ),
                    ("mqtt.client_key", key.is_none(), certificate.is_some()),
                ] {
                    if missing && other {
                        problems.push(name, "a certificate and its key go together", "add it");
                    }
                }
                None
            }
        };
        Some(ClientTls {
            ca: self.ca.as_ref().map(|path| problems.resolve(path)),
            identity,
        })
    }
}

/// Whether `host` is surely this machine.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

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
