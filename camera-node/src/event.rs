//! What a camera tells its observer, and what it counts.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cipherframe::{QuantisedFrame, StreamSpec};
use wire::message::FrameId;

/// Is told what happens. Called on the camera's own task and on the thread that reads a live source,
/// so it must not block.
pub type Observer = Arc<dyn Fn(CameraEvent) + Send + Sync>;

/// Something that happened at a camera.
#[derive(Clone, Debug)]
pub enum CameraEvent {
    /// A frame was captured and encrypted; it is to be sent.
    Captured {
        /// The frame.
        frame: FrameId,
        /// How it was quantised and is to be pooled.
        spec: StreamSpec,
        /// The frame as it was encrypted.
        quantised: QuantisedFrame,
    },
    /// All tiles of a frame are on their way, for the first time.
    Sent {
        /// The frame.
        frame: FrameId,
        /// The size of all its envelopes.
        bytes: u64,
    },
    /// The viewer has the whole frame.
    Confirmed {
        /// The frame.
        frame: FrameId,
        /// From the last tile sent to the receipt; `None` for a frame that was sent more than once.
        elapsed: Option<Duration>,
    },
    /// A frame was captured and is not sent, because no place was free.
    Dropped {
        /// How many frames of this run were dropped so far.
        total: u64,
    },
    /// A frame was given up, because its receipt did not come in time.
    GivenUp {
        /// The frame.
        frame: FrameId,
    },
    /// A file of the source is not a frame.
    Skipped {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What a camera did from start to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CameraSummary {
    /// Frames taken from the source.
    pub captured: u64,
    /// Of those, frames that were not sent because no place was free.
    pub dropped: u64,
    /// Frames found in the spool at the start.
    pub recovered: u64,
    /// Spooled frames that could not be read again.
    pub torn: u64,
    /// Frames sent whole.
    pub frames: u64,
    /// How often a frame was sent whole once more.
    pub sent_again: u64,
    /// Tiles sent, counted each time.
    pub tiles: u64,
    /// The size of all envelopes sent, counted each time.
    pub bytes: u64,
    /// Frames whose receipt came.
    pub confirmed: u64,
    /// Frames given up whose receipt never came, and spooled ones under a retired key set.
    pub given_up: u64,
    /// Frames confirmed after they had been given up: they count as confirmed alone.
    pub late: u64,
    /// Frames without a receipt when the camera stopped.
    pub without_receipt: u64,
    /// Of those, frames that lie in the spool for the next start.
    pub spooled: u64,
    /// Files of the source that are no frames.
    pub skipped: u64,
    /// Messages that are no receipt of an enrolled viewer.
    pub refused: u64,
}

impl fmt::Display for CameraSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CameraSummary {
            captured,
            dropped,
            recovered,
            torn,
            frames,
            sent_again,
            tiles,
            bytes,
            confirmed,
            given_up,
            late,
            without_receipt,
            spooled,
            skipped,
            refused,
        } = self;
        write!(
            f,
            "{captured} frames captured, {dropped} dropped, {recovered} recovered, {torn} torn; \
             {frames} sent, {sent_again} times again, in {tiles} tiles of {bytes} bytes; \
             {confirmed} confirmed, {late} of them late, {given_up} given up, \
             {without_receipt} without a receipt, \
             {spooled} of them in the spool; {skipped} files skipped, {refused} messages refused"
        )
    }
}
