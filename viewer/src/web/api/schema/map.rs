//! Maps, and the figures of one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::StreamState;
use crate::event::MapScore;
use crate::web::hub::Shown;

/// A map with its values.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct MapRecord {
    pub(crate) camera: String,
    /// The camera's run, 32 hexadecimal digits.
    pub(crate) session: String,
    /// The frame's number in its session.
    pub(crate) seq: u64,
    pub(crate) captured_unix_ms: u64,
    pub(crate) shown_unix_ms: u64,
    /// From capture to view; 0 when the clocks of camera and viewer disagree.
    pub(crate) latency_ms: u64,
    /// The workers' time for all tiles of the frame.
    pub(crate) pool_ms: u64,
    /// Ciphertext of all its map tiles, in bytes.
    pub(crate) bytes: u64,
    pub(crate) stream: StreamState,
    /// One byte for each window, row by row, in base64.
    pub(crate) values: String,
    pub(crate) score: Option<MapScore>,
}

impl MapRecord {
    pub(crate) fn of(shown: &Shown) -> Self {
        Self {
            camera: shown.frame.camera.to_string(),
            session: shown.frame.session.to_string(),
            seq: shown.frame.seq,
            captured_unix_ms: shown.captured_unix_ms,
            shown_unix_ms: shown.shown_unix_ms,
            latency_ms: shown.latency_ms,
            pool_ms: shown.pool_ms,
            bytes: shown.bytes,
            stream: StreamState::of(&shown.spec, &shown.map),
            values: STANDARD.encode(shown.map.values()),
            score: shown.score,
        }
    }
}

/// The figures of a camera's latest map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LastMap {
    pub(crate) session: String,
    pub(crate) seq: u64,
    pub(crate) captured_unix_ms: u64,
    pub(crate) latency_ms: u64,
    pub(crate) pool_ms: u64,
    /// Ciphertext of all its map tiles, in bytes.
    pub(crate) bytes: u64,
}

impl LastMap {
    pub(crate) fn of(shown: &Shown) -> Self {
        Self {
            session: shown.frame.session.to_string(),
            seq: shown.frame.seq,
            captured_unix_ms: shown.captured_unix_ms,
            latency_ms: shown.latency_ms,
            pool_ms: shown.pool_ms,
            bytes: shown.bytes,
        }
    }
}

/// Which map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MapName {
    pub(crate) session: String,
    pub(crate) seq: u64,
    pub(crate) captured_unix_ms: u64,
}

/// The maps of a camera that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Maps {
    pub(crate) camera: String,
    /// The newest first.
    pub(crate) maps: Vec<MapName>,
}
