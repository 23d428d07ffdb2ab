//! What is left of a frame that is no longer in progress.

use std::sync::Arc;
use std::time::Duration;

use cipherframe::{FeatureMap, FeatureMapError, StreamSpec};
use thiserror::Error;
use wire::message::FrameId;

use crate::sessions::Gap;

/// Why a whole frame gives no feature map.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum MapFailure {
    /// Some tiles could not be read.
    #[error("{unreadable} of {tiles} tiles are unreadable")]
    Unreadable {
        /// How many could not be read.
        unreadable: u32,
        /// How many tiles the frame has.
        tiles: u32,
    },
    /// The values are not those of a feature map.
    #[error(transparent)]
    Values(#[from] FeatureMapError),
}

/// A frame of which every tile has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeFrame {
    /// Which frame.
    pub frame: FrameId,
    /// When its session began by the camera's clock, Unix milliseconds.
    pub session_unix_ms: u64,
    /// How many tiles it has.
    pub tiles: u32,
    /// What is missing before it.
    pub gap: Gap,
    /// How it was quantised, pooled and cut.
    pub spec: Arc<StreamSpec>,
    /// The camera's clock when the frame was captured, Unix milliseconds.
    pub captured_unix_ms: u64,
    /// The pooling time of all its tiles added up, as the workers measured it.
    pub pool_ms: u64,
    /// How long decryption of all its tiles took.
    pub decrypt: Duration,
    /// The size of all its map tiles, in bytes of ciphertext.
    pub bytes: u64,
    /// How many of its tiles could not be read.
    pub(super) unreadable: u32,
    pub(super) values: Vec<u8>,
}

impl WholeFrame {
    /// The feature map.
    ///
    /// # Errors
    /// A tile that could not be read or a value above the level count: a worker that did not pool.
    pub fn into_map(self) -> Result<FeatureMap, MapFailure> {
        let plan = self.spec.tile_plan();
        if self.unreadable > 0 {
            let (unreadable, tiles) = (self.unreadable, plan.tile_count());
            return Err(MapFailure::Unreadable { unreadable, tiles });
        }
        let levels = self.spec.quantiser().level_count();
        Ok(FeatureMap::new(
            plan.map_width(),
            plan.map_height(),
            levels,
            self.values,
        )?)
    }
}

/// A frame that was given up before all its tiles arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncompleteFrame {
    /// Which frame.
    pub frame: FrameId,
    /// How many of its tiles had arrived.
    pub arrived: u32,
    /// How many tiles it has.
    pub tiles: u32,
}
