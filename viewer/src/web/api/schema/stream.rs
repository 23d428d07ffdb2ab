//! What a stream is.

use cipherframe::{FeatureMap, StreamSpec};
use serde::Serialize;
use utoipa::ToSchema;

/// How the frames of a camera are quantised, encrypted and pooled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StreamState {
    /// `bfv`, `tfhe` or `plain`.
    pub(crate) scheme: String,
    /// Width of a frame, in pixels.
    pub(crate) width: u32,
    /// Height of a frame, in pixels.
    pub(crate) height: u32,
    /// L: a value of a map is 0 to L.
    pub(crate) level_count: u8,
    /// The levels in words: `4 bits`, or `levels 8, 20, 45`.
    pub(crate) levels: String,
    /// Bits, if the levels are evenly spaced.
    pub(crate) bits: Option<u8>,
    /// The least feature value, 0 to 255, of levels 1 to L.
    pub(crate) thresholds: Vec<u8>,
    /// Side of a pooling window, in pixels.
    pub(crate) kernel: u8,
    /// Distance of neighbouring windows, in pixels.
    pub(crate) stride: u8,
    /// Pixels around the frame that never win.
    pub(crate) padding: u8,
    /// Width of a map, in windows.
    pub(crate) map_width: u32,
    /// Height of a map, in windows.
    pub(crate) map_height: u32,
}

impl StreamState {
    pub(crate) fn of(spec: &StreamSpec, map: &FeatureMap) -> Self {
        let (quantiser, pool) = (spec.quantiser(), spec.pool());
        let levels = match quantiser.bits() {
            Some(1) => "1 bit".to_owned(),
            Some(bits) => format!("{bits} bits"),
            None => {
                let thresholds = quantiser.thresholds().iter();
                let thresholds: Vec<_> = thresholds.map(u8::to_string).collect();
                format!("levels {}", thresholds.join(", "))
            }
        };
        Self {
            scheme: spec.scheme().to_string(),
            width: spec.width(),
            height: spec.height(),
            level_count: quantiser.level_count(),
            levels,
            bits: quantiser.bits(),
            thresholds: quantiser.thresholds().to_vec(),
            kernel: pool.kernel(),
            stride: pool.stride(),
            padding: pool.padding(),
            map_width: map.width(),
            map_height: map.height(),
        }
    }
}
