//! Where frames come from.
//!
//! A [`Source`] is pulled. Of files nothing is read before it is asked for, so a slow pipeline holds
//! the source back and no frame waits in memory. A live source, such as a camera, waits for nobody:
//! it is read by a thread of its own, and frames that nobody takes in time are dropped.

mod camera;
mod folder;
#[cfg(any(feature = "mp4", feature = "rtsp"))]
mod h264;
mod listing;
mod media;
mod natural;
mod picture;
mod rpicam;
#[cfg(feature = "rtsp")]
mod rtsp;
pub mod synthetic;
mod usb;
mod video;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use cipherframe::{Frame, FrameError};
use tokio_util::sync::CancellationToken;
use wire::failure::{Failure, FailureKind};

use self::camera::CameraSource;
pub use self::folder::{FolderSource, Repeat};
use self::rpicam::Rpicam;
pub use self::rpicam::RpicamConfig;
#[cfg(feature = "rtsp")]
use self::rtsp::Rtsp;
pub use self::usb::{UsbConfig, list as usb_cameras};
#[cfg(feature = "rtsp")]
use crate::config::RtspConfig;

/// One frame as it came out of a source.
#[derive(Clone, Debug)]
pub struct SourceFrame {
    /// The clip the frame belongs to: the name of its folder, or of its video.
    pub clip: String,
    /// The frame's place in its clip, from 0. It rises from frame to frame; where it does not, the
    /// clip has started over.
    pub index: u64,
    /// When it was captured, as far as the source knows; else when it was read.
    pub captured: SystemTime,
    /// The picture.
    pub frame: Frame,
}

/// What a source answers when it is asked for the next frame.
#[derive(Clone, Debug)]
pub enum Pull {
    /// A frame.
    Frame(SourceFrame),
    /// A file that holds no frames, or no more of them. Said once for each file, also when looping.
    Skipped {
        /// The file.
        file: PathBuf,
        /// Why it is not used, such as "it breaks off after 12 frames".
        reason: String,
    },
    /// There are no more frames.
    End,
}

/// A stream of frames, read one at a time.
pub trait Source: Send {
    /// Reads the next frame. Blocks while it reads; after [`Pull::End`] or an error, it is done.
    ///
    /// # Errors
    /// Those of [`SourceError`]; a single bad file is not an error but [`Pull::Skipped`].
    fn next(&mut self) -> Result<Pull, SourceError>;

    /// The time between two frames. `None` for a source that sets its own pace in [`Source::next`]
    /// or has none.
    fn interval(&self) -> Option<Duration>;

    /// For a live source, which goes on whether it is read or not: what ends its wait for a frame.
    /// Once it is cancelled, [`Source::next`] answers [`Pull::End`] within a second.
    fn live(&self) -> Option<CancellationToken> {
        None
    }
}

/// The next frame of `source`; `None` at its end. Files that are no frames are said in the log.
///
/// # Errors
/// Those of [`Source::next`].
pub(crate) fn next_frame(source: &mut dyn Source) -> Result<Option<SourceFrame>, SourceError> {
    loop {
        match source.next()? {
            Pull::Frame(frame) => return Ok(Some(frame)),
            Pull::Skipped { file, reason } => {
                tracing::warn!("{} is skipped: {reason}", file.display());
            }
            Pull::End => return Ok(None),
        }
    }
}

/// What becomes of a camera that gives no more frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenLost {
    /// It is tried again, for ever.
    TryAgain,
    /// That is an error.
    Fail,
}

/// Opens a camera on the network.
///
/// # Errors
/// When it does not answer, lets nobody in or has no H.264 video, or its password file cannot be used.
#[cfg(feature = "rtsp")]
pub(crate) fn rtsp(
    config: &RtspConfig,
    when_lost: WhenLost,
) -> Result<Box<dyn Source>, SourceError> {
    let camera = Rtsp::new(config).map_err(SourceError::Camera)?;
    Ok(Box::new(CameraSource::open(camera, when_lost)?))
}

/// Opens the camera of a Raspberry Pi.
///
/// # Errors
/// When the program that takes its pictures is missing, or gives none.
pub(crate) fn rpicam(
    config: RpicamConfig,
    when_lost: WhenLost,
) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(CameraSource::open(
        Rpicam::new(config),
        when_lost,
    )?))
}

/// Opens a USB camera.
///
/// # Errors
/// When it cannot be opened or has no such size, or the program was built without USB cameras.
pub(crate) fn usb(config: UsbConfig, when_lost: WhenLost) -> Result<Box<dyn Source>, SourceError> {
    usb::open(config, when_lost)
}

/// Why a source has no frames to give.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The folder does not exist.
    #[error("the folder {} does not exist", folder.display())]
    Missing {
        /// The folder as it was configured.
        folder: PathBuf,
    },
    /// The path is a file or something else that is no folder.
    #[error("{} is not a folder", folder.display())]
    NotAFolder {
        /// The path as it was configured.
        folder: PathBuf,
    },
    /// No file in the folder or its sub-folders has the name of an image or a video.
    #[error("there is no image or video in the folder {}", folder.display())]
    Empty {
        /// The folder as it was configured.
        folder: PathBuf,
    },
    /// There are files with the names of images or videos, and none could be read.
    #[error("none of the {files} files in the folder {} is usable", folder.display())]
    NothingUsable {
        /// The folder as it was configured.
        folder: PathBuf,
        /// How many files were tried.
        files: usize,
    },
    /// The operating system would not list the folder.
    #[error("cannot read the folder {}: {error}", folder.display())]
    Unreadable {
        /// The folder that could not be listed.
        folder: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The source has ended before it gave a frame.
    #[error("the source has ended without a frame")]
    NoFrame,
    /// A camera gives no frames.
    #[error("{}", .0.what)]
    Camera(Failure),
    /// A picture that is no valid frame.
    #[error("a picture is not a valid frame: {0}")]
    Frame(#[from] FrameError),
}

impl SourceError {
    /// What to do about it: the second half of the message.
    pub fn mend(&self) -> &str {
        match self {
            SourceError::Missing { .. } | SourceError::NotAFolder { .. } => {
                "check the path and give a folder of images or videos"
            }
            SourceError::Empty { .. } => {
                "put image or video files into it or into folders directly below it"
            }
            SourceError::NothingUsable { .. } => "replace the files that the warnings name",
            SourceError::Unreadable { .. } => "let this user read and enter the folder",
            SourceError::NoFrame => "check what `[source]` names",
            SourceError::Camera(failure) => &failure.mend,
            SourceError::Frame(_) => "use pictures with at least one pixel",
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        let kind = match &error {
            SourceError::Missing { .. } | SourceError::NotAFolder { .. } => FailureKind::Io,
            SourceError::Unreadable { error, .. } => FailureKind::of_io(error),
            SourceError::Camera(failure) => failure.kind,
            SourceError::Empty { .. }
            | SourceError::NothingUsable { .. }
            | SourceError::NoFrame
            | SourceError::Frame(_) => FailureKind::BadData,
        };
        Failure::new(kind, error.to_string(), error.mend())
    }
}
