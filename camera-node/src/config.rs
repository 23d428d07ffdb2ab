//! The camera's configuration file: what was typed and what it means.

mod delivery;
mod key;
mod source;
mod stream;

use std::path::Path;

use serde::Deserialize;
use wire::config::{
    self, ConfigErrors, LogConfig, LogToml, MqttToml, NodeToml, Problems, TelemetryConfig,
    TelemetryToml,
};
use wire::node::LinkConfig;

pub use delivery::{DEFAULT_BYTES_ON_THE_WAY, DeliveryConfig, SpoolConfig};
pub use key::CameraKey;
pub use source::SourceConfig;
#[cfg(feature = "rtsp")]
pub use source::{RtspConfig, RtspTransport};
pub use stream::StreamConfig;

use delivery::DeliveryToml;
use source::SourceToml;
use stream::StreamToml;

/// What a camera needs to run.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraConfig {
    /// Who the camera is and which broker it speaks to.
    pub link: LinkConfig,
    /// Where the frames come from. [`crate::run`] is given an open source and does not look at it.
    pub source: SourceConfig,
    /// What the frames become.
    pub stream: StreamConfig,
    /// How much may be on its way.
    pub delivery: DeliveryConfig,
    /// Where its metrics and health are served.
    pub telemetry: TelemetryConfig,
    /// How log lines look.
    pub log: LogConfig,
    /// Whether the scheme `plain`, which hides nothing, is allowed. Never from a file.
    pub insecure_plain: bool,
}

/// The file as typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CameraToml {
    node: Option<NodeToml>,
    mqtt: Option<MqttToml>,
    source: Option<SourceToml>,
    stream: Option<StreamToml>,
    delivery: Option<DeliveryToml>,
    telemetry: Option<TelemetryToml>,
    log: Option<LogToml>,
}

impl CameraConfig {
    /// Reads the configuration file at `path`. Opens nothing that it names.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn load(path: &Path) -> Result<CameraConfig, ConfigErrors> {
        config::load(path, meaning)
    }
}

fn meaning(typed: CameraToml, problems: &mut Problems) -> Option<CameraConfig> {
    let link = LinkConfig::meaning(typed.node, typed.mqtt, problems);
    let source = typed.source.unwrap_or_default().meaning(problems);
    let stream = typed.stream.unwrap_or_default().meaning(problems);
    let delivery = typed.delivery.unwrap_or_default();
    // What is wrong with the source is said there.
    let is_paced = source.as_ref().is_none_or(SourceConfig::is_paced);
    let delivery = delivery.meaning(is_paced, problems);
    let telemetry = TelemetryToml::meaning(typed.telemetry, problems);
    Some(CameraConfig {
        link: link?,
        source: source?,
        stream: stream?,
        delivery: delivery?,
        telemetry: telemetry?,
        log: LogToml::meaning(typed.log),
        insecure_plain: false,
    })
}

#[cfg(test)]
mod tests;
