//! Grey pictures as PNG files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use cipherframe::Frame;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError};
use wire::failure::Failure;

const MEND: &str = "check the path, who may write there and the free space";

/// Writes `picture` to `path`, into a folder that is made if it is missing. A file of the same name
/// is replaced.
///
/// # Errors
/// When the folder or the file cannot be written.
pub(crate) fn write(path: &Path, picture: &Frame) -> Result<(), Failure> {
    encode(path, picture)
        .map_err(|error| Failure::io(format!("writing {}", path.display()), &error, MEND))
}

fn encode(path: &Path, picture: &Frame) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    let encoder =
        PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::Adaptive);
    let (width, height) = (picture.width(), picture.height());
    encoder
        .write_image(picture.luma(), width, height, ExtendedColorType::L8)
        .map_err(|error| match error {
            ImageError::IoError(error) => error,
            other => io::Error::other(other),
        })?;
    file.flush()
}
