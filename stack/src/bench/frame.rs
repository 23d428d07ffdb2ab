//! The frame that is measured.

use camera_node::preprocess::resize;
use camera_node::source::{FolderSource, Pull, Repeat, Source};
use cipherframe::{Frame, StreamSpec};
use std::path::Path;
use wire::failure::{Failure, FailureKind};

/// The first picture of a folder, in the size of the stream.
pub(crate) fn first_of(folder: &Path, spec: &StreamSpec) -> Result<Frame, Failure> {
    let mut source = FolderSource::open(folder, None, Repeat::Once)?;
    loop {
        match source.next()? {
            Pull::Frame(picture) => {
                return resize(picture.frame, spec.width(), spec.height())
                    .map_err(|error| Failure::of(FailureKind::Bug, &error));
            }
            Pull::Skipped { file, reason } => eprintln!("{} is skipped: {reason}", file.display()),
            Pull::End => {
                return Err(Failure::new(
                    FailureKind::BadData,
                    format!("{} holds no picture that can be read", folder.display()),
                    "give a folder of images or videos",
                ));
            }
        }
    }
}

/// A frame of pseudo-random pixels, the same at every run, that uses the whole range of levels.
pub(crate) fn noise(spec: &StreamSpec) -> Result<Frame, Failure> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut pixel = || {
        // xorshift64 (Marsaglia, 2003): speed and repeatability matter here, secrecy does not.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 56) as u8
    };
    let luma = (0..spec.width() * spec.height()).map(|_| pixel()).collect();
    Frame::new(spec.width(), spec.height(), luma)
        .map_err(|error| Failure::of(FailureKind::Usage, &error))
}
