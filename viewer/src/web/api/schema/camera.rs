//! Cameras as they are now.

use serde::Serialize;
use utoipa::ToSchema;

use super::{LastMap, StreamState};
use crate::event::MapScore;
use crate::watch::WatchMode;

/// Whether maps of a camera come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CameraStatus {
    /// No map yet.
    Waiting,
    /// Maps come.
    Live,
    /// No map for much longer than usual.
    Stalled,
}

/// A frame of which only some map tiles have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Progress {
    pub(crate) session: String,
    pub(crate) seq: u64,
    /// Tiles that have arrived.
    pub(crate) arrived: u32,
    /// Tiles of the frame.
    pub(crate) tiles: u32,
    /// Since the first one arrived.
    pub(crate) since_ms: u64,
}

/// Whether a camera is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// It is not.
    Off,
    /// What is normal is being learned.
    Learning,
    /// Every map is scored.
    Watching,
}

/// How a camera is watched.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct AnomalyState {
    pub(crate) mode: Mode,
    /// How much of the learning is done, 0 to 1; while learning.
    pub(crate) learned: Option<f64>,
    /// Of the latest map.
    pub(crate) score: Option<MapScore>,
    /// The event that goes on.
    pub(crate) event: Option<String>,
    /// Why it is not watched, if that is not by intent.
    pub(crate) note: Option<String>,
}

impl AnomalyState {
    pub(crate) fn of(mode: &WatchMode, score: Option<MapScore>, event: Option<&str>) -> Self {
        let (mode, learned, note) = match mode {
            WatchMode::Off { reason } => (Mode::Off, None, reason.clone()),
            WatchMode::Learning { done } => (Mode::Learning, Some(*done), None),
            WatchMode::Watching => (Mode::Watching, None, None),
        };
        Self {
            mode,
            learned,
            score,
            event: event.map(str::to_owned),
            note,
        }
    }
}

/// Messages that were refused and claim to be of a camera. Nobody has proved that they are: anybody who can publish on
/// the bus can make such a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Refusals {
    pub(crate) count: u64,
    /// Why the latest was refused, 300 characters of it at most.
    pub(crate) last_reason: Option<String>,
    /// When, by the viewer's clock.
    pub(crate) last_unix_ms: Option<u64>,
}

/// A camera as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CameraState {
    pub(crate) camera: String,
    pub(crate) state: CameraStatus,
    /// Since the latest map.
    pub(crate) since_last_ms: Option<u64>,
    pub(crate) stream: Option<StreamState>,
    pub(crate) last: Option<LastMap>,
    /// Maps per second.
    pub(crate) fps: Option<f64>,
    /// Maps since the viewer started.
    pub(crate) maps: u64,
    /// Frames whose number was skipped.
    pub(crate) missing: u64,
    /// Frames that the camera captured and did not send.
    pub(crate) dropped: u64,
    /// Frames given up before all their tiles arrived.
    pub(crate) incomplete: u64,
    /// Whole frames that gave no map.
    pub(crate) unreadable: u64,
    pub(crate) refused: Refusals,
    pub(crate) progress: Option<Progress>,
    pub(crate) anomaly: AnomalyState,
}

/// All cameras of the site.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CamerasMessage {
    pub(crate) site: String,
    /// The viewer's clock.
    pub(crate) now_unix_ms: u64,
    pub(crate) cameras: Vec<CameraState>,
    /// Messages that were refused, whatever they claim to be.
    pub(crate) refused: u64,
}
