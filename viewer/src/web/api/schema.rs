//! The JSON of the API. Names are stable: what is here is in docs/ref/openapi.json, which a test compares.
//!
//! Times are Unix milliseconds (`_unix_ms`) or durations (`_ms`, `_s`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cipherframe::{FeatureMap, StreamSpec};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::anomaly;
use crate::event::{self, MapScore};
use crate::watch::WatchMode;
use crate::web::hub::{Point, Shown};

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

/// A rectangle of a map, in windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Region {
    /// Column of the left edge, from 0.
    pub(crate) x: u32,
    /// Row of the upper edge, from 0.
    pub(crate) y: u32,
    /// Width, in windows.
    pub(crate) width: u32,
    /// Height, in windows.
    pub(crate) height: u32,
}

impl From<anomaly::Region> for Region {
    fn from(region: anomaly::Region) -> Self {
        Self {
            x: region.x,
            y: region.y,
            width: region.width,
            height: region.height,
        }
    }
}

/// How unusual a map is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(crate) struct Score {
    /// The smoothed score, from 0.
    pub(crate) value: f64,
    /// From here on it is unusual.
    pub(crate) threshold: f64,
    /// Where in the map.
    pub(crate) region: Option<Region>,
}

impl From<MapScore> for Score {
    fn from(score: MapScore) -> Self {
        Self {
            value: score.value,
            threshold: score.threshold,
            region: score.region.map(Region::from),
        }
    }
}

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
    pub(crate) score: Option<Score>,
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
            score: shown.score.map(Score::from),
        }
    }
}

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
    pub(crate) score: Option<Score>,
    /// The event that goes on.
    pub(crate) event: Option<String>,
    /// Why it is not watched, if that is not by intent.
    pub(crate) note: Option<String>,
}

impl AnomalyState {
    pub(crate) fn of(mode: &WatchMode, score: Option<MapScore>, event: &Option<String>) -> Self {
        let (mode, learned, note) = match mode {
            WatchMode::Off { reason } => (Mode::Off, None, reason.clone()),
            WatchMode::Learning { done } => (Mode::Learning, Some(*done), None),
            WatchMode::Watching => (Mode::Watching, None, None),
        };
        Self {
            mode,
            learned,
            score: score.map(Score::from),
            event: event.clone(),
            note,
        }
    }
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
    pub(crate) progress: Option<Progress>,
    pub(crate) anomaly: AnomalyState,
}

/// All cameras of the site.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CamerasMessage {
    pub(crate) site: String,
    pub(crate) cameras: Vec<CameraState>,
    /// Messages of the bus that were no map tile of an enrolled worker.
    pub(crate) refused: u64,
}

/// Which part of an event is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EventKind {
    Begin,
    Update,
    End,
}

/// Something unusual.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct AnomalyEvent {
    pub(crate) kind: EventKind,
    /// The same from begin to end.
    pub(crate) id: String,
    pub(crate) camera: String,
    pub(crate) session: String,
    /// The frame that this was seen in.
    pub(crate) seq: u64,
    pub(crate) captured_unix_ms: u64,
    pub(crate) began_unix_ms: u64,
    /// `null` until it is over.
    pub(crate) ended_unix_ms: Option<u64>,
    /// The score of this frame.
    pub(crate) score: f64,
    /// The highest score since it began.
    pub(crate) peak: f64,
    /// The frame of the highest score.
    pub(crate) peak_seq: u64,
    pub(crate) peak_unix_ms: u64,
    pub(crate) threshold: f64,
    /// All frames of it together.
    pub(crate) region: Option<Region>,
}

impl From<&event::AnomalyEvent> for AnomalyEvent {
    fn from(event: &event::AnomalyEvent) -> Self {
        Self {
            kind: match event.kind {
                event::AnomalyKind::Begin => EventKind::Begin,
                event::AnomalyKind::Update => EventKind::Update,
                event::AnomalyKind::End => EventKind::End,
            },
            id: event.id.clone(),
            camera: event.camera.to_string(),
            session: event.session.0.to_string(),
            seq: event.seq,
            captured_unix_ms: event.captured_unix_ms,
            began_unix_ms: event.began_unix_ms,
            ended_unix_ms: event.ended_unix_ms,
            score: event.score,
            peak: event.peak,
            peak_seq: event.peak_seq,
            peak_unix_ms: event.peak_unix_ms,
            threshold: event.threshold,
            region: event.region.map(Region::from),
        }
    }
}

/// Events, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Events {
    /// The latest state of each.
    pub(crate) events: Vec<AnomalyEvent>,
}

/// A score of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ScorePoint {
    pub(crate) session: String,
    pub(crate) seq: u64,
    pub(crate) captured_unix_ms: u64,
    pub(crate) score: f64,
    pub(crate) threshold: f64,
    /// The event that it is part of.
    pub(crate) event: Option<String>,
}

impl From<Point> for ScorePoint {
    fn from(point: Point) -> Self {
        Self {
            session: point.session.to_string(),
            seq: point.seq,
            captured_unix_ms: point.captured_unix_ms,
            score: point.score,
            threshold: point.threshold,
            event: point.event,
        }
    }
}

/// The timeline of a camera.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Scores {
    pub(crate) camera: String,
    /// The oldest first.
    pub(crate) scores: Vec<ScorePoint>,
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
