//! What a viewer tells its observer, and what it counts.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use cipherframe::{FeatureMap, StreamSpec};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::message::FrameId;
use wire::name::Name;

use crate::anomaly::Region;
use crate::journal::SessionText;
use crate::sessions::Gap;

/// Something that happened at a viewer.
#[derive(Debug, Clone, PartialEq)]
pub enum ViewerEvent {
    /// The web page is served.
    Serving {
        /// Where.
        address: SocketAddr,
    },
    /// A tile of a frame arrived.
    Tile {
        /// The frame.
        frame: FrameId,
        /// How many of its tiles have arrived.
        arrived: u32,
        /// How many tiles it has.
        tiles: u32,
    },
    /// A map is finished: decrypted, its receipt sent, its picture written.
    Map {
        /// The frame it was made of.
        frame: FrameId,
        /// How the frame was quantised and pooled.
        spec: StreamSpec,
        /// The map.
        map: FeatureMap,
        /// What is missing before it.
        gap: Gap,
        /// The camera's clock when the frame was captured, Unix milliseconds.
        captured_unix_ms: u64,
        /// How unusual it is, where its camera is watched.
        score: Option<MapScore>,
        /// From capture to now by the clocks of camera and viewer, in milliseconds; 0 when they disagree.
        latency_ms: u64,
        /// The workers' time for all its tiles, in milliseconds.
        pool_ms: u64,
        /// How long decryption of all its tiles took.
        decrypt: Duration,
        /// The size of all its map tiles, in bytes of ciphertext.
        bytes: u64,
    },
    /// Something unusual begins, goes on or ends. Comes before the map that it was seen in.
    Anomaly(AnomalyEvent),
    /// A frame is whole, but what was decrypted is no map of it.
    Unreadable {
        /// The frame.
        frame: FrameId,
        /// Why.
        reason: String,
    },
    /// A frame was given up before all its tiles arrived.
    Incomplete {
        /// The frame.
        frame: FrameId,
        /// How many tiles had arrived.
        arrived: u32,
        /// How many tiles it has.
        tiles: u32,
    },
    /// A message was dropped.
    Refused {
        /// The topic that it came on.
        topic: String,
        /// Why.
        reason: String,
    },
}

/// How unusual a map is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MapScore {
    /// The smoothed score, from 0.
    pub value: f64,
    /// From here on it is unusual.
    pub threshold: f64,
    /// Where in the map, in windows.
    pub region: Option<Region>,
}

/// Which part of an anomaly is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnomalyKind {
    /// It begins.
    Begin,
    /// It goes on; at most once a second.
    Update,
    /// It is over.
    End,
}

/// Something unusual begins, goes on or ends: a line of `events.jsonl`, and what the page is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnomalyEvent {
    /// Which of the three.
    pub kind: AnomalyKind,
    /// The same from begin to end, and unique: `CAMERA-MILLISECONDS-NUMBER`.
    pub id: String,
    /// The camera.
    #[schema(value_type = String)]
    pub camera: Name,
    /// The camera's run.
    #[schema(value_type = String)]
    pub session: SessionText,
    /// The frame that this was seen in.
    pub seq: u64,
    /// When the camera captured that frame, Unix milliseconds.
    pub captured_unix_ms: u64,
    /// When the camera captured the frame that it began with.
    pub began_unix_ms: u64,
    /// When the camera captured the last frame of it; `null` until it is over.
    pub ended_unix_ms: Option<u64>,
    /// The score of this frame.
    pub score: f64,
    /// The highest score since it began.
    pub peak: f64,
    /// The frame of the highest score.
    pub peak_seq: u64,
    /// When the camera captured that frame.
    pub peak_unix_ms: u64,
    /// From here on a score is unusual.
    pub threshold: f64,
    /// Where in the map, all frames of it together, in windows.
    pub region: Option<Region>,
}

/// What a viewer did from start to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ViewerSummary {
    /// Tiles that became part of a frame.
    pub tiles: u64,
    /// Maps finished.
    pub maps: u64,
    /// Whole frames that gave no map.
    pub unreadable: u64,
    /// Frames given up before all their tiles arrived.
    pub incomplete: u64,
    /// Sequence numbers that never came.
    pub missing: u64,
    /// Frames that cameras captured and did not send.
    pub dropped: u64,
    /// Messages that are no tile of an enrolled worker, or that no key here can decrypt.
    pub refused: u64,
    /// Tiles dropped because too many frames were in progress. Their cameras send them again.
    pub no_room: u64,
    /// Tiles dropped because they had been seen before.
    pub repeated: u64,
    /// Tiles dropped because later frames were logged before theirs.
    pub late: u64,
    /// Receipts sent.
    pub receipts: u64,
    /// Pictures that could not be written.
    pub unwritten: u64,
    /// Anomaly events that began.
    pub events: u64,
}

impl fmt::Display for ViewerSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tiles,
            maps,
            unreadable,
            incomplete,
            missing,
            dropped,
            refused,
            no_room,
            repeated,
            late,
            receipts,
            unwritten,
            events,
        } = self;
        write!(
            f,
            "{tiles} tiles, {maps} maps, {unreadable} unreadable, {incomplete} incomplete, \
             {missing} missing, {dropped} dropped by cameras, {refused} refused, {no_room} without room, \
             {repeated} repeated, {late} late, {receipts} receipts, {unwritten} unwritten, \
             {events} events"
        )
    }
}
