//! Writes the frames of the street scene as PNG files: the folder `samples/` is made with it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError};
use wire::failure::Failure;

use crate::source::synthetic::{SAMPLES_SEED, SyntheticSource};
use crate::source::{Pull, Source, SourceFrame};

const MEND: &str = "check the path, who may write there and the free space";

/// Renders all frames into sub-folders of `out`, one for each clip, and returns their number.
/// Existing files of the same names are replaced; `out` is made if it is missing.
///
/// # Errors
/// When a folder or file cannot be written.
pub fn render(out: &Path) -> Result<u32, Failure> {
    let mut source = SyntheticSource::new(SAMPLES_SEED, None);
    let mut frames = 0;
    while let Pull::Frame(frame) = source.next()? {
        let path = out
            .join(&frame.clip)
            .join(format!("{:03}.png", frame.index));
        write(&path, &frame)
            .map_err(|error| Failure::io(format!("writing {}", path.display()), &error, MEND))?;
        frames += 1;
    }
    Ok(frames)
}

fn write(path: &Path, frame: &SourceFrame) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    let encoder =
        PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::Adaptive);
    let picture = &frame.frame;
    let (width, height) = (picture.width(), picture.height());
    encoder
        .write_image(picture.luma(), width, height, ExtendedColorType::L8)
        .map_err(|error| match error {
            ImageError::IoError(error) => error,
            other => io::Error::other(other),
        })?;
    file.flush()
}
