//! What a file of a folder holds: its content decides, not its name.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

use cipherframe::Frame;

use super::picture::{self, PictureError};
use super::video::{self, Video, VideoError};

/// How many bytes tell formats apart.
const START_BYTES: u64 = 16;

/// What a file holds.
#[derive(Debug)]
pub(super) enum Media {
    Picture(Frame),
    Video(Box<dyn Video>),
}

/// Why a file gives no frames. The texts continue "FILE is skipped: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum MediaError {
    #[error("it is a folder, a device or a pipe")]
    NotAFile,
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it is neither an image (PNG, JPEG, BMP, TIFF, WebP) nor a video")]
    Neither,
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Video(#[from] VideoError),
}

/// Reads the picture or opens the video at `path`.
pub(super) fn open(path: &Path) -> Result<Media, MediaError> {
    // Opening a pipe would wait for a writer, so the kind of file is checked first.
    if !fs::metadata(path)?.is_file() {
        return Err(MediaError::NotAFile);
    }
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(START_BYTES).read_to_end(&mut start)?;
    file.rewind()?;
    if let Some(format) = picture::format(&start) {
        return Ok(Media::Picture(picture::read(file, format)?));
    }
    match video::open(path, file, &start) {
        Some(video) => Ok(Media::Video(video?)),
        None => Err(MediaError::Neither),
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn said(path: &Path) -> String {
        open(path).unwrap_err().to_string()
    }

    #[test]
    fn the_content_decides_the_format() {
        let root = tempfile::tempdir().unwrap();
        let image = RgbImage::from_pixel(16, 8, image::Rgb([90, 90, 90]));
        for (format, name) in [
            (image::ImageFormat::Jpeg, "really-a-jpeg.png"),
            (image::ImageFormat::Tiff, "really-a-tiff.mp4"),
        ] {
            let path = root.path().join(name);
            image.save_with_format(&path, format).unwrap();
            let Media::Picture(frame) = open(&path).unwrap() else {
                panic!("{name} is no picture")
            };
            assert_eq!((frame.width(), frame.height()), (16, 8));
            assert!(frame.luma().iter().all(|&v| v.abs_diff(90) <= 1));
        }
    }

    #[test]
    fn what_is_no_file_or_holds_something_else_is_said() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(said(root.path()), "it is a folder, a device or a pipe");
        let neither = "it is neither an image (PNG, JPEG, BMP, TIFF, WebP) nor a video";
        for content in [&b"hello"[..], b"", b"GIF89a\x01\0\x01\0\0\0\0;"] {
            let path = root.path().join("x.png");
            fs::write(&path, content).unwrap();
            assert_eq!(said(&path), neither);
        }
    }
}
