//! The section `[events.mqtt]`, as typed and as meant: the broker that anomaly events go to.

use std::path::PathBuf;

use serde::Deserialize;

use super::Problems;
use super::broker::{BrokerKeys, is_this_machine};
use crate::mqtt::{BUS_IS_READ, MqttConfig, same_as_typed};
use crate::name::Name;

const SECTION: &str = "events.mqtt";
const DEFAULT_DISCOVERY_PREFIX: &str = "homeassistant";
const DEFAULT_TOPIC_PREFIX: &str = "blindsight";
/// MQTT allows topics of 65535 bytes; whoever types one has less in mind.
const MAX_PREFIX_BYTES: usize = 128;

/// `[events.mqtt]` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsMqttToml {
    /// Address of the broker, `mqtt://host:port`, or `mqtts://host:port` for TLS. Not the bus.
    pub url: Option<String>,
    /// PEM file with the authorities that the broker's certificate is checked against.
    pub ca: Option<PathBuf>,
    /// Name of the user that the broker is told.
    pub username: Option<String>,
    /// File with that user's password in its first line.
    pub password_file: Option<PathBuf>,
    /// First part of the topics on which Home Assistant looks for devices.
    pub discovery_prefix: Option<String>,
    /// First part of all other topics.
    pub topic_prefix: Option<String>,
}

/// `[events.mqtt]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsMqttConfig {
    /// The broker, which is surely not typed as that of `[mqtt]`.
    pub broker: MqttConfig,
    /// First part of the topics on which Home Assistant looks for devices.
    pub discovery_prefix: String,
    /// First part of all other topics.
    pub topic_prefix: String,
}

impl EventsMqttConfig {
    /// The section of the configuration file, for messages.
    pub const SECTION: &'static str = SECTION;
}

impl EventsMqttToml {
    /// What the section means for a node whose bus is `bus`, `None` when its section means nothing.
    /// Only `url` is required.
    ///
    /// What two host names resolve to is looked at when the broker is connected to, by
    /// [`refuse_the_bus`](crate::mqtt::refuse_the_bus).
    pub fn meaning(
        self,
        bus: Option<&MqttConfig>,
        site: &Name,
        node: &Name,
        problems: &mut Problems,
    ) -> Option<EventsMqttConfig> {
        let keys = BrokerKeys {
            section: SECTION,
            url: self.url,
            ca: self.ca,
            username: self.username,
            password_file: self.password_file,
            client_certificate: None,
            client_key: None,
        };
        let broker = keys.meaning("mqtt://127.0.0.1:1883", problems);
        let discovery = self.discovery_prefix;
        let discovery = prefix(
            "discovery_prefix",
            discovery,
            DEFAULT_DISCOVERY_PREFIX,
            problems,
        );
        let topics = prefix(
            "topic_prefix",
            self.topic_prefix,
            DEFAULT_TOPIC_PREFIX,
            problems,
        );
        let broker = broker?;
        let mut config = MqttConfig::new(broker.address, site.clone(), node.clone());
        config.tls = broker.tls;
        config.login = broker.login;
        if let Some(bus) = bus
            && same_as_typed((&config.host, config.port), (&bus.host, bus.port))
        {
            let what = format!("the same broker as `mqtt.url`: {BUS_IS_READ}");
            problems.push("events.mqtt.url", what, "use another broker");
        }
        if config.tls.is_none() && !is_this_machine(&config.host) {
            let what = "what was seen would cross the network in the clear";
            problems.push("events.mqtt.url", what, "write mqtts://");
        }
        Some(EventsMqttConfig {
            broker: config,
            discovery_prefix: discovery?,
            topic_prefix: topics?,
        })
    }
}

/// One or more levels of a topic. No wildcard, and no `$`, after which brokers speak of themselves.
fn prefix(
    key: &str,
    typed: Option<String>,
    default: &str,
    problems: &mut Problems,
) -> Option<String> {
    let typed = typed.unwrap_or_else(|| default.to_owned());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let level = |level: &str| !level.is_empty() && level.chars().all(allowed);
    if typed.len() <= MAX_PREFIX_BYTES && typed.split('/').all(level) {
        return Some(typed);
    }
    problems.push(
        &format!("{SECTION}.{key}"),
        "not the beginning of a topic",
        format!(
            "write at most {MAX_PREFIX_BYTES} letters, digits, `_` and `-`, with `/` between levels"
        ),
    );
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{MqttToml, parse};
    use crate::mqtt::Login;
    use crate::tls::ClientTls;

    #[derive(Deserialize)]
    struct Typed {
        mqtt: Option<MqttToml>,
        events: EventsToml,
    }

    #[derive(Deserialize)]
    struct EventsToml {
        mqtt: EventsMqttToml,
    }

    fn read(bus: &str, text: &str) -> Result<EventsMqttConfig, String> {
        let name: Name = "viewer".parse().unwrap();
        let meaning = |typed: Typed, problems: &mut Problems| {
            let bus = MqttToml::meaning(typed.mqtt, &name, &name, problems);
            let events = typed.events.mqtt;
            events.meaning(bus.as_ref(), &name, &name, problems)
        };
        let text = format!("[mqtt]\nurl = \"{bus}\"\n[events.mqtt]\n{text}");
        parse(Path::new("home/viewer.toml"), &text, meaning).map_err(|errors| errors.to_string())
    }

    #[test]
    fn only_the_address_is_required() {
        let events = read("mqtt://127.0.0.1:18830", "url = \"mqtt://127.0.0.1\"").unwrap();
        assert_eq!(events.broker.address(), "127.0.0.1:1883");
        assert_eq!((&events.broker.tls, &events.broker.login), (&None, &None));
        assert_eq!(events.discovery_prefix, "homeassistant");
        assert_eq!(events.topic_prefix, "blindsight");
        assert_eq!(
            read("mqtt://127.0.0.1:18830", "").unwrap_err(),
            "home/viewer.toml:3: events.mqtt.url: missing; add it, for example `url = \
             \"mqtt://127.0.0.1:1883\"`"
        );
    }

    #[test]
    fn every_key_means_what_it_says() {
        let events = read(
            "mqtt://127.0.0.1:18830",
            "url = \"mqtts://hub.lan\"\nca = \"ca.pem\"\nusername = \"viewer\"\n\
             password_file = \"hub.password\"\ndiscovery_prefix = \"home/found\"\n\
             topic_prefix = \"Cameras\"\n",
        )
        .unwrap();
        assert_eq!(events.broker.address(), "hub.lan:8883");
        let login = Login {
            username: "viewer".to_owned(),
            password_file: "home/hub.password".into(),
        };
        assert_eq!(events.broker.login, Some(login));
        let tls = ClientTls {
            ca: Some("home/ca.pem".into()),
            identity: None,
        };
        assert_eq!(events.broker.tls, Some(tls));
        assert_eq!(events.discovery_prefix, "home/found");
        assert_eq!(events.topic_prefix, "Cameras");
    }

    #[test]
    fn the_bus_is_refused_however_it_is_written() {
        for (bus, url) in [
            ("mqtt://127.0.0.1:18830", "mqtt://localhost:18830/"),
            ("mqtt://Hub.lan:8883", "mqtts://hub.lan"),
        ] {
            assert_eq!(
                read(bus, &format!("url = \"{url}\"")).unwrap_err(),
                "home/viewer.toml:4: events.mqtt.url: the same broker as `mqtt.url`: the bus is \
                 read by the worker and the broker, which must not learn what was seen; use \
                 another broker"
            );
        }
    }

    #[test]
    fn what_was_seen_stays_on_this_machine_or_is_encrypted() {
        let bus = "mqtt://127.0.0.1:18830";
        for url in ["mqtt://[::1]", "mqtt://localhost", "mqtts://10.0.0.1"] {
            assert!(read(bus, &format!("url = \"{url}\"")).is_ok(), "{url}");
        }
        assert_eq!(
            read(bus, "url = \"mqtt://10.0.0.1\"").unwrap_err(),
            "home/viewer.toml:4: events.mqtt.url: what was seen would cross the network in the \
             clear; write mqtts://"
        );
    }

    #[test]
    fn problems_name_the_section() {
        let text = "url = \"mqtt://10.0.0.1\"\nusername = \"a\"\npassword_file = \"b\"\nca = \"c\"\n\
                    topic_prefix = \"a//b\"\ndiscovery_prefix = \"#\"";
        assert_eq!(
            read("mqtt://127.0.0.1:18830", text).unwrap_err(),
            "home/viewer.toml:4: events.mqtt.url: what was seen would cross the network in the clear; \
             write mqtts://\n\
             home/viewer.toml:6: events.mqtt.password_file: the password would cross the network in \
             the clear; write mqtts:// in `events.mqtt.url`\n\
             home/viewer.toml:7: events.mqtt.ca: without TLS no certificate is looked at; write \
             mqtts:// in `events.mqtt.url`, or remove it\n\
             home/viewer.toml:8: events.mqtt.topic_prefix: not the beginning of a topic; write at \
             most 128 letters, digits, `_` and `-`, with `/` between levels\n\
             home/viewer.toml:9: events.mqtt.discovery_prefix: not the beginning of a topic; write \
             at most 128 letters, digits, `_` and `-`, with `/` between levels"
        );
    }
}
