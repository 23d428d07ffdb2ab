//! `[stream]`: what the frames become.

use std::path::PathBuf;

use cipherframe::{PoolSpec, PoolSpecError, Quantiser, SchemeId, SpecError, StreamSpec};
use serde::Deserialize;
use wire::config::Problems;

use super::key::{CameraKey, KeyToml};
use crate::feature::Feature;

const DEFAULT_SCHEME: &str = "tfhe";
const DEFAULT_BITS: u8 = 4;
const DEFAULT_KERNEL: u8 = 2;
const DEFAULT_STRIDE: u8 = 2;

/// `[stream]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Scheme, size, levels and pooling, checked against the limits of the scheme.
    pub spec: StreamSpec,
    /// What a pixel stands for. It is the camera's own matter and travels in no header.
    pub feature: Feature,
    /// What the camera encrypts with.
    pub key: CameraKey,
}

/// `[stream]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamToml {
    scheme: Option<String>,
    size: Option<String>,
    feature: Option<String>,
    bits: Option<u8>,
    levels: Option<Vec<u8>>,
    kernel: Option<u8>,
    stride: Option<u8>,
    padding: Option<u8>,
    key_mode: Option<String>,
    public_key: Option<PathBuf>,
    secret_key: Option<PathBuf>,
}

impl StreamToml {
    /// What was typed, checked against the limits of the scheme.
    pub(super) fn meaning(self, problems: &mut Problems) -> Option<StreamConfig> {
        let scheme = self.scheme.as_deref().unwrap_or(DEFAULT_SCHEME);
        let scheme = problems.parsed::<SchemeId>("stream.scheme", scheme, "write `tfhe`");
        let example = "add it, for example `size = \"16x16\"`";
        let size = problems
            .required("stream.size", self.size, example)
            .and_then(|size| frame_size("stream.size", &size, problems));
        let feature = match self.feature {
            None => Some(Feature::default()),
            Some(feature) => problems.parsed("stream.feature", &feature, "write `luma`"),
        };
        let levels_key = if self.levels.is_some() {
            "stream.levels"
        } else {
            "stream.bits"
        };
        let quantiser = match (self.bits, self.levels) {
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
            self.kernel.unwrap_or(DEFAULT_KERNEL),
            self.stride.unwrap_or(DEFAULT_STRIDE),
            self.padding.unwrap_or(0),
        );
        let pool = match pool {
            Ok(pool) => Some(pool),
            Err(error) => told(problems, pool_key(&error), Err(error)),
        };
        let key = KeyToml {
            mode: self.key_mode,
            public_key: self.public_key,
            secret_key: self.secret_key,
        };
        let key = key.meaning(scheme, problems);
        let (width, height) = size?;
        let spec = match StreamSpec::new(scheme?, width, height, quantiser?, pool?) {
            Ok(spec) => Some(spec),
            Err(error) => told(problems, spec_key(&error, levels_key), Err(error)),
        };
        Some(StreamConfig {
            spec: spec?,
            feature: feature?,
            key: key?,
        })
    }
}

/// Reads `16x9` as a width and a height in pixels.
pub(super) fn frame_size(key: &str, text: &str, problems: &mut Problems) -> Option<(u32, u32)> {
    let sides = text
        .split_once('x')
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    if sides.is_none() {
        let mend = "write WIDTHxHEIGHT in pixels, for example \"16x16\"";
        problems.push(key, format!("`{text}` is not a size"), mend);
    }
    sides
}

/// Passes a value on, or reports the two halves of its error under `key`.
pub(super) fn told<T, E: std::fmt::Display>(
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
        SpecError::Quantiser(_) => levels_key,
        SpecError::Kernel { .. } => "stream.kernel",
        SpecError::Scheme(_) => "stream.scheme",
        SpecError::Malformed(_) => "stream",
    }
}
