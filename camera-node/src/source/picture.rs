//! One image file becomes one frame. Everything about it is limited before memory is given to it.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::Path;

use cipherframe::{Frame, FrameError, MAX_SIDE};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

/// The largest image file in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The most memory a decoded image may take, in bytes.
const MAX_DECODED_BYTES: u64 = 256 << 20;

/// Why a file is not a frame. The texts continue "FILE is skipped: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum PictureError {
    #[error("it is a folder, a device or a pipe")]
    NotAFile,
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it has {bytes} bytes, more than {MAX_FILE_BYTES}")]
    FileTooLarge { bytes: u64 },
    #[error("it is not a PNG or JPEG image")]
    NotAnImage,
    #[error("its {width}x{height} pixels are too many; a side may have {MAX_SIDE}")]
    TooManyPixels { width: u32, height: u32 },
    #[error("it would take {bytes} bytes of memory, more than {MAX_DECODED_BYTES}")]
    TooMuchMemory { bytes: u64 },
    #[error("it is damaged: {0}")]
    Damaged(#[from] ImageError),
    #[error("it is no frame: {0}")]
    NoFrame(#[from] FrameError),
}

/// Reads the image at `path` as luma (Rec. 709 weights; transparency is ignored). Its content
/// decides the format, not its name.
pub(super) fn read(path: &Path) -> Result<Frame, PictureError> {
    // Opening a pipe would wait for a writer, so the kind of file is checked first.
    if !fs::metadata(path)?.is_file() {
        return Err(PictureError::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    decode(&bytes)
}

/// The image in `bytes`, as luma.
pub(super) fn decode(bytes: &[u8]) -> Result<Frame, PictureError> {
    let size = bytes.len() as u64;
    if size > MAX_FILE_BYTES {
        return Err(PictureError::FileTooLarge { bytes: size });
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(PictureError::NotAnImage);
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    // So far only the header was read.
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(PictureError::TooManyPixels { width, height });
    }
    let bytes = decoder.total_bytes();
    if bytes > MAX_DECODED_BYTES {
        return Err(PictureError::TooMuchMemory { bytes });
    }
    let luma = DynamicImage::from_decoder(decoder)?.into_luma8();
    Ok(Frame::new(width, height, luma.into_raw())?)
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, RgbImage, RgbaImage};

    use super::*;

    /// Encodes an image in memory.
    fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// The start of a PNG that announces a size and holds no pixel.
    fn png_header(width: u32, height: u32, depth_and_colour: [u8; 2], crc: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend(depth_and_colour);
        bytes.extend([0, 0, 0]);
        bytes.extend(crc.to_be_bytes());
        // An empty IDAT chunk: what comes before it is the whole header.
        bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        bytes
    }

    #[test]
    fn grey_pixels_stay_as_they_are() {
        let image = GrayImage::from_fn(5, 3, |x, y| image::Luma([(x * 50 + y) as u8]));
        let frame = decode(&encoded(image.clone(), ImageFormat::Png)).unwrap();
        assert_eq!(
            (frame.width(), frame.height(), frame.luma()),
            (5, 3, image.as_raw().as_slice())
        );
    }

    #[test]
    fn colours_become_luma_and_transparency_is_ignored() {
        let luma = |pixel: [u8; 4]| {
            let image = RgbaImage::from_pixel(1, 1, image::Rgba(pixel));
            decode(&encoded(image, ImageFormat::Png)).unwrap().luma()[0]
        };
        assert_eq!(luma([255, 0, 0, 255]), 54);
        assert_eq!(luma([0, 255, 0, 255]), 182);
        assert_eq!(luma([0, 0, 255, 0]), 18);
    }

    #[test]
    fn the_content_decides_the_format() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("really-a-jpeg.png");
        let image = RgbImage::from_pixel(16, 8, image::Rgb([90, 90, 90]));
        fs::write(&path, encoded(image, ImageFormat::Jpeg)).unwrap();
        let frame = read(&path).unwrap();
        assert_eq!((frame.width(), frame.height()), (16, 8));
        assert!(frame.luma().iter().all(|&v| v.abs_diff(90) <= 1));
    }

    #[test]
    fn each_kind_of_bad_file_has_its_reason() {
        let good = encoded(GrayImage::new(40, 40), ImageFormat::Png);
        let cases = [
            (b"hello".to_vec(), "it is not a PNG or JPEG image"),
            (Vec::new(), "it is not a PNG or JPEG image"),
            (
                b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(),
                "it is not a PNG or JPEG image",
            ),
            (
                png_header(60_000, 60_000, [8, 0], 0xA5B9_2A9E),
                "its 60000x60000 pixels are too many; a side may have 8192",
            ),
            (
                png_header(8192, 8192, [16, 6], 0x223A_161A),
                "it would take 536870912 bytes of memory, more than 268435456",
            ),
        ];
        for (bytes, reason) in cases {
            assert_eq!(decode(&bytes).unwrap_err().to_string(), reason);
        }
        let cut = decode(&good[..good.len() / 2]).unwrap_err().to_string();
        assert!(cut.starts_with("it is damaged: "), "{cut}");
    }

    #[test]
    fn a_folder_named_like_an_image_is_no_picture() {
        let root = tempfile::tempdir().unwrap();
        let error = read(root.path()).unwrap_err();
        assert_eq!(error.to_string(), "it is a folder, a device or a pipe");
    }
}
