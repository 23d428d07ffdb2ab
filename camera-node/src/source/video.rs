//! Videos: files with many frames.

mod ffmpeg;
#[cfg(feature = "mp4")]
mod mp4;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use cipherframe::Frame;

#[cfg(feature = "mp4")]
use super::h264::H264Error;

/// A video that is being played.
pub(super) trait Video: Send + fmt::Debug {
    /// The next picture in the order in which they are shown; `None` at the end.
    ///
    /// # Errors
    /// What was wrong with the file, when there are no more pictures. Those before it are good.
    fn next(&mut self) -> Result<Option<Frame>, VideoError>;
}

/// Why a video, or a part of it, is not played. The texts continue "FILE is skipped: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum VideoError {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[cfg(feature = "mp4")]
    #[error("it is an MP4 file without an index (moov): it was cut off or is still being written")]
    NoIndex,
    #[cfg(feature = "mp4")]
    #[error("its index has {bytes} bytes, more than {}", mp4::MAX_INDEX_BYTES)]
    IndexTooLarge { bytes: u64 },
    #[cfg(feature = "mp4")]
    #[error("it is an MP4 file {0}")]
    Index(#[from] mp4::IndexError),
    #[cfg(feature = "mp4")]
    #[error("it is H.264 video that cannot be decoded: {0}")]
    H264(#[from] H264Error),
    #[cfg(feature = "mp4")]
    #[error("it breaks off after {frames} frames")]
    BreaksOff { frames: u64 },
    #[cfg(feature = "mp4")]
    #[error("{frames} frames of it were decoded, {samples} were not: {first}")]
    Undecodable {
        samples: u64,
        frames: u64,
        first: String,
    },
    #[error("the program `ffmpeg` is not installed, which plays videos other than H.264 in MP4")]
    NoFfmpeg,
    #[error("the program `ffmpeg` does not start: {0}")]
    FfmpegStart(io::Error),
    #[error("`ffmpeg` decoded {frames} frames of it and said: {said}")]
    Ffmpeg { frames: u64, said: String },
}

/// Opens the video in `file`, whose content begins with `start`. `None` for what is no video, as
/// far as its content and the name in `path` say.
pub(super) fn open(
    path: &Path,
    file: File,
    start: &[u8],
) -> Option<Result<Box<dyn Video>, VideoError>> {
    if start.get(4..8) == Some(b"ftyp") {
        return Some(open_mp4(path, file));
    }
    has_video_extension(path).then(|| ffmpeg::open(path))
}

#[cfg(feature = "mp4")]
fn open_mp4(path: &Path, file: File) -> Result<Box<dyn Video>, VideoError> {
    match mp4::Mp4::open(io::BufReader::new(file)) {
        Ok(video) => Ok(Box::new(video)),
        Err(VideoError::Index(mp4::IndexError::NoTrack)) => ffmpeg::open(path),
        Err(error) => Err(error),
    }
}

#[cfg(not(feature = "mp4"))]
fn open_mp4(path: &Path, _: File) -> Result<Box<dyn Video>, VideoError> {
    ffmpeg::open(path)
}

/// Whether `name` is that of a video.
pub(super) fn has_video_extension(name: &Path) -> bool {
    let known = [
        "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ts", "webm", "wmv",
    ];
    let extension = name.extension().unwrap_or_default();
    known
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}
