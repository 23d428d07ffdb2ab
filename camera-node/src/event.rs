//! What a camera tells its observer, and what it counts.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cipherframe::{QuantisedFrame, StreamSpec};
use wire::message::FrameId;

/// Is told what happens. Called on the camera's own task, so it must not block.
pub type Observer = Arc<dyn Fn(CameraEvent) + Send + Sync>;

/// Something that happened at a camera.
#[derive(Clone, Debug)]
pub enum CameraEvent {
    /// All tiles of a frame are on their way.
    Published {
        /// The frame.
        frame: FrameId,
        /// How it was quantised and is to be pooled.
        spec: StreamSpec,
        /// The frame as it was encrypted.
        quantised: QuantisedFrame,
        /// The size of all its envelopes.
        bytes: u64,
    },
    /// The viewer has the whole frame.
    Confirmed {
        /// The frame.
        frame: FrameId,
        /// From the last tile sent to the receipt.
        elapsed: Duration,
        /// Whether the frame had been given up before.
        late: bool,
    },
    /// A frame was given up, because its receipt did not come in time.
    Unconfirmed {
        /// The frame.
        frame: FrameId,
        /// How long the receipt was waited for.
        waited: Duration,
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
    /// Frames published whole.
    pub frames: u64,
    /// Tiles published.
    pub tiles: u64,
    /// The size of all envelopes published.
    pub bytes: u64,
    /// Frames whose receipt came, late ones too.
    pub confirmed: u64,
    /// Frames given up whose receipt never came.
    pub unconfirmed: u64,
    /// Frames still on their way when the camera stopped.
    pub on_the_way: u64,
    /// Files of the source that are no frames.
    pub skipped: u64,
    /// Messages that are no receipt of an enrolled viewer.
    pub refused: u64,
}

impl fmt::Display for CameraSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CameraSummary {
            frames,
            tiles,
            bytes,
            confirmed,
            unconfirmed,
            on_the_way,
            skipped,
            refused,
        } = self;
        write!(
            f,
            "{frames} frames in {tiles} tiles of {bytes} bytes, {confirmed} confirmed, \
             {unconfirmed} unconfirmed, {on_the_way} on their way, {skipped} files skipped, \
             {refused} messages refused"
        )
    }
}
