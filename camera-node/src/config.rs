//! The camera's configuration file: what was typed and what it means.

mod delivery;
mod key;
mod stream;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use wire::config::{
    self, ConfigErrors, LogConfig, LogToml, MqttToml, NodeToml, Problems, TelemetryConfig,
    TelemetryToml,
};
use wire::node::LinkConfig;

pub use delivery::{DEFAULT_BYTES_ON_THE_WAY, DeliveryConfig, SpoolConfig};
pub use key::CameraKey;
pub use stream::StreamConfig;

use delivery::DeliveryToml;
use stream::StreamToml;

use crate::source::{FolderSource, Repeat, SourceError};

/// What a camera needs to run.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// `[source]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// A folder of images and videos; its sub-folders and its videos are clips.
    pub folder: PathBuf,
    /// The time between two frames; `None` sends as fast as receipts allow.
    pub interval: Option<Duration>,
    /// What follows the last frame.
    pub repeat: Repeat,
}

impl SourceConfig {
    /// Opens the folder.
    ///
    /// # Errors
    /// When the folder is missing, cannot be listed or has no file with the name of an image or a video.
    pub fn open(&self) -> Result<FolderSource, SourceError> {
        FolderSource::open(&self.folder, self.interval, self.repeat)
    }
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

/// `[source]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceToml {
    folder: Option<PathBuf>,
    fps: Option<f64>,
    r#loop: Option<bool>,
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
    let source = typed.source.unwrap_or_default();
    let is_paced = source.fps.is_some();
    let source = self::source(source, problems);
    let stream = typed.stream.unwrap_or_default().meaning(problems);
    let delivery = typed.delivery.unwrap_or_default();
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

fn source(typed: SourceToml, problems: &mut Problems) -> Option<SourceConfig> {
    let mend = "add the path of a folder of images and videos, for example `folder = \"samples\"`";
    let folder = problems.required("source.folder", typed.folder, mend);
    let interval = match typed.fps {
        None => Some(None),
        Some(fps) => problems
            .in_range("source.fps", fps, 0.01..=240.0)
            .map(|fps| Some(Duration::from_secs_f64(1.0 / fps))),
    };
    let repeat = if typed.r#loop.unwrap_or(false) {
        Repeat::Forever
    } else {
        Repeat::Once
    };
    Some(SourceConfig {
        folder: problems.resolve(&folder?),
        interval: interval?,
        repeat,
    })
}

#[cfg(test)]
mod tests;
