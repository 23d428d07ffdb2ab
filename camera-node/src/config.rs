//! The camera's configuration file: what was typed and what it means.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cipherframe::{PoolSpec, PoolSpecError, Quantiser, SchemeId, SpecError, StreamSpec};
use serde::Deserialize;
use wire::config::{self, ConfigErrors, LogConfig, LogToml, MqttToml, NodeToml, Problems};
use wire::node::LinkConfig;

use crate::feature::Feature;
use crate::source::{FolderSource, Repeat, SourceError};

const DEFAULT_SCHEME: &str = "tfhe";
const DEFAULT_BITS: u8 = 4;
const DEFAULT_KERNEL: u8 = 2;
const DEFAULT_STRIDE: u8 = 2;
const DEFAULT_CREDIT: u32 = 2;
const DEFAULT_RECEIPT_TIMEOUT_S: u64 = 60;

/// What a camera needs to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraConfig {
    /// Who the camera is and which broker it speaks to.
    pub link: LinkConfig,
    /// Where the frames come from. [`crate::run`] is given an open source and does not look at it.
    pub source: SourceConfig,
    /// What the frames become.
    pub stream: StreamConfig,
    /// How many frames may be on their way.
    pub delivery: DeliveryConfig,
    /// How log lines look.
    pub log: LogConfig,
    /// Whether the scheme `plain`, which hides nothing, is allowed. Never from a file.
    pub insecure_plain: bool,
}

/// `[source]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// A folder of images; its sub-folders are clips.
    pub folder: PathBuf,
    /// The time between two frames; `None` sends as fast as receipts allow.
    pub interval: Option<Duration>,
    /// What follows the last image.
    pub repeat: Repeat,
}

impl SourceConfig {
    /// Opens the folder.
    ///
    /// # Errors
    /// When the folder is missing, cannot be listed or has no file with an image's name.
    pub fn open(&self) -> Result<FolderSource, SourceError> {
        FolderSource::open(&self.folder, self.interval, self.repeat)
    }
}

/// `[stream]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Scheme, size, levels and pooling, checked against the limits of the scheme.
    pub spec: StreamSpec,
    /// What a pixel stands for. It is the camera's own matter and travels in no header.
    pub feature: Feature,
    /// File with the camera public key.
    pub public_key: PathBuf,
}

/// `[delivery]` as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// Frames that may be without a receipt.
    pub credit: NonZeroU32,
    /// How long to wait for a receipt at least; longer where receipts take longer.
    pub receipt_timeout: Duration,
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

/// `[stream]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamToml {
    scheme: Option<String>,
    size: Option<String>,
    feature: Option<String>,
    bits: Option<u8>,
    levels: Option<Vec<u8>>,
    kernel: Option<u8>,
    stride: Option<u8>,
    padding: Option<u8>,
    public_key: Option<PathBuf>,
}

/// `[delivery]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveryToml {
    credit: Option<u32>,
    receipt_timeout_s: Option<u64>,
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
    let source = source(typed.source.unwrap_or_default(), problems);
    let stream = stream(typed.stream.unwrap_or_default(), problems);
    let delivery = delivery(&typed.delivery.unwrap_or_default(), problems);
    Some(CameraConfig {
        link: link?,
        source: source?,
        stream: stream?,
        delivery: delivery?,
        log: LogToml::meaning(typed.log),
        insecure_plain: false,
    })
}

fn source(typed: SourceToml, problems: &mut Problems) -> Option<SourceConfig> {
    let mend = "add the path of a folder of images, for example `folder = \"samples\"`";
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

fn stream(typed: StreamToml, problems: &mut Problems) -> Option<StreamConfig> {
    let scheme = typed.scheme.as_deref().unwrap_or(DEFAULT_SCHEME);
    let scheme = problems.parsed::<SchemeId>("stream.scheme", scheme, "write `tfhe`");
    let example = "add it, for example `size = \"16x16\"`";
    let size = problems
        .required("stream.size", typed.size, example)
        .and_then(|size| frame_size(&size, problems));
    let feature = match typed.feature {
        None => Some(Feature::default()),
        Some(feature) => problems.parsed("stream.feature", &feature, "write `luma`"),
    };
    let levels_key = if typed.levels.is_some() {
        "stream.levels"
    } else {
        "stream.bits"
    };
    let quantiser = match (typed.bits, typed.levels) {
        (Some(_), Some(_)) => {
            problems.push(
                levels_key,
                "given together with `bits`",
                "remove one of the two",
            );
            None
        }
        (_, Some(levels)) => told(problems, levels_key, Quantiser::from_thresholds(levels)),
        (bits, None) => told(
            problems,
            levels_key,
            Quantiser::from_bits(bits.unwrap_or(DEFAULT_BITS)),
        ),
    };
    let pool = PoolSpec::new(
        typed.kernel.unwrap_or(DEFAULT_KERNEL),
        typed.stride.unwrap_or(DEFAULT_STRIDE),
        typed.padding.unwrap_or(0),
    );
    let pool = match pool {
        Ok(pool) => Some(pool),
        Err(error) => told(problems, pool_key(&error), Err(error)),
    };
    let mend = "add the path of a camera-public.key, made by `blindsight keys new`";
    let public_key = problems.required("stream.public_key", typed.public_key, mend);
    let (width, height) = size?;
    let spec = match StreamSpec::new(scheme?, width, height, quantiser?, pool?) {
        Ok(spec) => Some(spec),
        Err(error) => told(problems, spec_key(&error, levels_key), Err(error)),
    };
    Some(StreamConfig {
        spec: spec?,
        feature: feature?,
        public_key: problems.resolve(&public_key?),
    })
}

fn delivery(typed: &DeliveryToml, problems: &mut Problems) -> Option<DeliveryConfig> {
    let credit = typed.credit.unwrap_or(DEFAULT_CREDIT);
    let credit = problems.in_range("delivery.credit", credit, 1..=64);
    let timeout = typed.receipt_timeout_s.unwrap_or(DEFAULT_RECEIPT_TIMEOUT_S);
    let timeout = problems.in_range("delivery.receipt_timeout_s", timeout, 1..=3600);
    Some(DeliveryConfig {
        credit: NonZeroU32::new(credit?)?,
        receipt_timeout: Duration::from_secs(timeout?),
    })
}

/// Reads `16x9` as a width and a height in pixels.
fn frame_size(text: &str, problems: &mut Problems) -> Option<(u32, u32)> {
    let sides = text
        .split_once('x')
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    if sides.is_none() {
        let mend = "write WIDTHxHEIGHT in pixels, for example \"16x16\"";
        problems.push("stream.size", format!("`{text}` is not a size"), mend);
    }
    sides
}

/// Passes a value on, or reports the two halves of its error under `key`.
fn told<T, E: std::fmt::Display>(
    problems: &mut Problems,
    key: &str,
    result: Result<T, E>,
) -> Option<T> {
    result
        .map_err(|error| {
            let error = error.to_string();
            let (what, mend) = error
                .split_once("; ")
                .unwrap_or((&error, "choose another value"));
            problems.push(key, what, mend);
        })
        .ok()
}

/// The key to change for an error of the pooling window.
fn pool_key(error: &PoolSpecError) -> &'static str {
    match error {
        PoolSpecError::Kernel(_) => "stream.kernel",
        PoolSpecError::Stride(_) => "stream.stride",
        PoolSpecError::Padding { .. } => "stream.padding",
        PoolSpecError::FrameTooSmall { .. } => "stream.size",
    }
}

/// The key to change for an error of the whole specification.
fn spec_key(error: &SpecError, levels_key: &'static str) -> &'static str {
    match error {
        SpecError::Size(_) | SpecError::Tiles { .. } => "stream.size",
        SpecError::Pool(error) => pool_key(error),
        SpecError::Quantiser(_) | SpecError::Levels { .. } => levels_key,
        SpecError::Kernel { .. } => "stream.kernel",
        SpecError::Scheme(_) => "stream.scheme",
        SpecError::Malformed(_) => "stream",
    }
}

#[cfg(test)]
mod tests;
