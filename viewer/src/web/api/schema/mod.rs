//! The JSON of the API. Names are stable: what is here is in docs/ref/openapi.json, which a test compares. Events, scores
//! and regions are those of [`crate::event`].
//!
//! Times are Unix milliseconds (`_unix_ms`) or durations (`_ms`, `_s`).

mod camera;
mod map;
mod scores;
mod stream;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use camera::{
    AnomalyState, CameraState, CameraStatus, CamerasMessage, Progress, Refusals,
};
pub(crate) use map::{LastMap, MapName, MapRecord, Maps};
pub(crate) use scores::Scores;
pub(crate) use stream::StreamState;

use crate::event::AnomalyEvent;

/// Events, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Events {
    /// The latest state of each.
    pub(crate) events: Vec<AnomalyEvent>,
}

/// How the viewer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Whether nothing is lacking.
    pub(crate) ready: bool,
    /// What is lacking, a sentence each.
    pub(crate) lacking: Vec<String>,
    pub(crate) version: String,
    pub(crate) site: String,
    /// Messages that were no map tile of an enrolled worker, or that no key here can decrypt.
    pub(crate) refused: u64,
    /// Tiles dropped because too many frames were in progress.
    pub(crate) no_room: u64,
    /// Tiles dropped because they had been seen before.
    pub(crate) repeated: u64,
    /// Tiles dropped because later frames were logged before theirs.
    pub(crate) late: u64,
    pub(crate) uptime_s: u64,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Problem {
    /// What happened.
    pub(crate) error: String,
    /// What to do.
    pub(crate) mend: String,
}
