//! What a viewer tells its observer, and what it counts.

use std::fmt;

use cipherframe::{FeatureMap, StreamSpec};
use wire::message::FrameId;

/// Something that happened at a viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewerEvent {
    /// A map is finished: decrypted, its receipt sent, its picture written.
    Map {
        /// The frame it was made of.
        frame: FrameId,
        /// How the frame was quantised and pooled.
        spec: StreamSpec,
        /// The map.
        map: FeatureMap,
        /// From capture to now by the clocks of camera and viewer, in milliseconds; 0 when they disagree.
        latency_ms: u64,
        /// The workers' time for all its tiles, in milliseconds.
        pool_ms: u64,
        /// The size of all its map tiles, in bytes of ciphertext.
        bytes: u64,
    },
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
        } = self;
        write!(
            f,
            "{tiles} tiles, {maps} maps, {unreadable} unreadable, {incomplete} incomplete, \
             {missing} missing, {dropped} dropped by cameras, {refused} refused, {no_room} without room, \
             {repeated} repeated, {late} late, {receipts} receipts, {unwritten} unwritten"
        )
    }
}
