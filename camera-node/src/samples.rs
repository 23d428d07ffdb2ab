//! Writes the frames of the street scene as PNG files: the folder `samples/` is made with it.

use std::path::Path;

use wire::failure::Failure;

use crate::picture;
use crate::source::synthetic::{SAMPLES_SEED, SyntheticSource};
use crate::source::{Pull, Repeat, Source};

/// Renders all frames into sub-folders of `out`, one for each clip, and returns their number.
/// Existing files of the same names are replaced; `out` is made if it is missing.
///
/// # Errors
/// When a folder or file cannot be written.
pub fn render(out: &Path) -> Result<u32, Failure> {
    let mut source = SyntheticSource::new(SAMPLES_SEED, None, Repeat::Once);
    let mut frames = 0;
    while let Pull::Frame(frame) = source.next()? {
        let path = out
            .join(&frame.clip)
            .join(format!("{:03}.png", frame.index));
        picture::write(&path, &frame.frame)?;
        frames += 1;
    }
    Ok(frames)
}
