//! The viewer's configuration file: what was typed and what it means.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use wire::config::{
    self, ConfigErrors, EventsMqttConfig, EventsMqttToml, LogConfig, LogToml, MqttToml, NodeToml,
    Problems, TelemetryConfig, TelemetryToml,
};
use wire::node::LinkConfig;

use crate::lab::{LabConfig, LabToml};
use crate::watch::{AnomalyConfig, AnomalyToml};
use crate::web::{WebConfig, WebToml};

/// Frames that may be in progress when the file does not say.
const DEFAULT_FRAMES_IN_PROGRESS: usize = 32;

/// How long the log of frames gets when the file does not say: some 250 000 frames.
pub const DEFAULT_LOG_BYTES: u64 = 64 << 20;
const LOG_BYTES: RangeInclusive<u64> = 65_536..=1 << 40;

/// What a viewer needs to run.
#[derive(Debug, Clone)]
pub struct ViewerConfig {
    /// Who the viewer is and which broker it speaks to.
    pub link: LinkConfig,
    /// The files of the client keys, at least one.
    pub client_keys: Vec<PathBuf>,
    /// What is kept on the disk; `None` keeps nothing, and knows no frame of before at the next start. Always there
    /// with a file.
    pub out: Option<OutConfig>,
    /// How many frames may be incomplete at a time, 1 to 1024; one more gives up the latest.
    pub frames_in_progress: usize,
    /// Where its metrics and health are served.
    pub telemetry: TelemetryConfig,
    /// How cameras are watched, if they are.
    pub anomaly: Option<AnomalyConfig>,
    /// The second broker that events go to, if there is one.
    pub events: Option<EventsMqttConfig>,
    /// The web page, if one is served.
    pub web: Option<WebConfig>,
    /// The lab of the page, if there is one.
    pub lab: Option<LabConfig>,
    /// How log lines look.
    pub log: LogConfig,
    /// Whether keys of the scheme `plain`, which hides nothing, are taken. Never from a file.
    pub insecure_plain: bool,
}

/// `[out]` as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutConfig {
    /// The folder of the log of frames and of the pictures; made when it is missing.
    pub folder: PathBuf,
    /// Whether a PNG is written for each map.
    pub pictures: bool,
    /// How long the log of frames may get before a new one is begun, in bytes.
    pub log_bytes: u64,
}

/// The file as typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewerToml {
    node: Option<NodeToml>,
    mqtt: Option<MqttToml>,
    decrypt: Option<DecryptToml>,
    out: Option<OutToml>,
    limits: Option<LimitsToml>,
    telemetry: Option<TelemetryToml>,
    anomaly: Option<AnomalyToml>,
    events: Option<EventsToml>,
    web: Option<WebToml>,
    lab: Option<LabToml>,
    log: Option<LogToml>,
}

/// `[events]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsToml {
    mqtt: Option<EventsMqttToml>,
}

/// `[decrypt]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecryptToml {
    client_keys: Option<Vec<PathBuf>>,
}

/// `[out]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutToml {
    folder: Option<PathBuf>,
    pictures: Option<bool>,
    log_bytes: Option<u64>,
}

/// `[limits]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsToml {
    frames_in_progress: Option<usize>,
}

impl ViewerConfig {
    /// A viewer that keeps nothing and shows nothing, but for its receipts.
    #[must_use]
    pub fn new(link: LinkConfig, client_keys: Vec<PathBuf>) -> Self {
        Self {
            link,
            client_keys,
            out: None,
            frames_in_progress: DEFAULT_FRAMES_IN_PROGRESS,
            telemetry: TelemetryConfig::default(),
            anomaly: None,
            events: None,
            web: None,
            lab: None,
            log: LogConfig::default(),
            insecure_plain: false,
        }
    }

    /// Reads the configuration file at `path`. Opens nothing that it names.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        config::load(path, meaning)
    }
}

fn meaning(typed: ViewerToml, problems: &mut Problems) -> Option<ViewerConfig> {
    let link = LinkConfig::meaning(typed.node, typed.mqtt, problems);
    let decrypt = typed.decrypt.unwrap_or_default();
    let mend = "add it, for example `client_keys = [\"client.key\"]`";
    let keys = problems.required("decrypt.client_keys", decrypt.client_keys, mend);
    if keys.as_ref().is_some_and(Vec::is_empty) {
        let mend = "name at least one file made by `blindsight keys new`";
        problems.push("decrypt.client_keys", "the list is empty", mend);
    }
    let out = typed.out.unwrap_or_default();
    let mend = "add it, for example `folder = \"out\"`";
    let folder = problems.required("out.folder", out.folder, mend);
    let log_bytes = out.log_bytes.unwrap_or(DEFAULT_LOG_BYTES);
    let log_bytes = problems.in_range("out.log_bytes", log_bytes, LOG_BYTES);
    let frames = typed.limits.unwrap_or_default().frames_in_progress;
    let frames = frames.unwrap_or(DEFAULT_FRAMES_IN_PROGRESS);
    let frames = problems.in_range("limits.frames_in_progress", frames, 1..=1024);
    let telemetry = TelemetryToml::meaning(typed.telemetry, problems);
    let anomaly = AnomalyToml::meaning(typed.anomaly, problems);
    let events = typed.events.unwrap_or_default().mqtt;
    let events = events.map(|typed| {
        let link = link.as_ref()?;
        let (bus, node) = (Some(&link.mqtt), &link.node);
        typed.meaning(bus, &node.site, &node.name, problems)
    });
    let web = WebToml::meaning(typed.web, problems);
    let lab = LabToml::meaning(typed.lab, problems);
    if matches!((&web, &lab), (Some(None), Some(Some(_)))) {
        let mend = "add the section [web], or remove [lab]";
        problems.push(
            "lab",
            "the lab is a part of the page, and there is no page",
            mend,
        );
    }
    Some(ViewerConfig {
        link: link?,
        client_keys: keys?.iter().map(|key| problems.resolve(key)).collect(),
        out: Some(OutConfig {
            folder: problems.resolve(&folder?),
            pictures: out.pictures.unwrap_or(true),
            log_bytes: log_bytes?,
        }),
        frames_in_progress: frames?,
        telemetry: telemetry?,
        anomaly: anomaly?,
        events: match events {
            Some(typed) => Some(typed?),
            None => None,
        },
        web: web?,
        lab: lab?,
        log: LogToml::meaning(typed.log),
        insecure_plain: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ViewerConfig, ConfigErrors> {
        config::parse(Path::new("site/viewer.toml"), text, meaning)
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let text = r#"
[node]
site = "demo"
name = "viewer"
signing_key = "signing.key"
trust = "trust.toml"
[mqtt]
url = "mqtt://127.0.0.1:18830"
[decrypt]
client_keys = ["a/client.key", "/b/client.key"]
[out]
folder = "../out"
"#;
        let config = parse(text).expect("a valid file");
        assert_eq!(config.link.node.trust, Path::new("site/trust.toml"));
        let keys = [Path::new("site/a/client.key"), Path::new("/b/client.key")];
        assert_eq!(config.client_keys, keys);
        let out = OutConfig {
            folder: "site/../out".into(),
            pictures: true,
            log_bytes: 67_108_864,
        };
        assert_eq!(config.out, Some(out));
        assert!(!config.insecure_plain);
        assert_eq!(config.frames_in_progress, 32);
    }

    #[test]
    fn all_problems_come_out_at_once() {
        let text = r#"
[node]
site = "demo"
name = "viewer"
signing_key = "signing.key"
trust = "trust.toml"
colour = "red"
[mqtt]
url = "mqtt://127.0.0.1:18830"
max_packet_bytes = 12
[out]
pictures = "yes"
[limits]
frames_in_progress = 2000
"#;
        let errors = parse(text).expect_err("problems").to_string();
        let lines: Vec<&str> = errors.lines().collect();
        for (line, start) in lines.iter().zip([
            "site/viewer.toml:1: decrypt.client_keys: missing; \
             add it, for example `client_keys = [\"client.key\"]`",
            "site/viewer.toml:7: node.colour: unknown key; \
             use one of `site`, `name`, `signing_key`, `trust`, or remove it",
            "site/viewer.toml:10: mqtt.max_packet_bytes: 12 is out of range; ",
            "site/viewer.toml:11: out.folder: missing; add it, for example `folder = \"out\"`",
            "site/viewer.toml:12: out.pictures: ",
            "site/viewer.toml:14: limits.frames_in_progress: 2000 is out of range; \
             write a value from 1 to 1024",
        ]) {
            assert!(
                line.starts_with(start),
                "{line}\nshould start with\n{start}"
            );
        }
        assert_eq!(lines.len(), 6, "{errors}");
    }

    #[test]
    fn the_file_of_the_demo_loads() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let config =
            ViewerConfig::load(&root.join("configs/demo/viewer.toml")).expect("a valid file");
        assert_eq!(config.link.node.name.as_str(), "viewer");
    }
}
