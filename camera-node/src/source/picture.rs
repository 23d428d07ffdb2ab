//! One image file becomes one frame. Everything about it is limited before memory is given to it.

use std::fs::File;
use std::io::{self, Cursor, Read};

use cipherframe::{Frame, FrameError, MAX_SIDE};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

/// The largest image file in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The most memory a decoded image may take, in bytes.
const MAX_DECODED_BYTES: u64 = 256 << 20;

/// Why a file is not a frame. The texts continue "FILE is skipped: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum PictureError {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it has {bytes} bytes, more than {MAX_FILE_BYTES}")]
    FileTooLarge { bytes: u64 },
    #[error("its {width}x{height} pixels are too many; a side may have {MAX_SIDE}")]
    TooManyPixels { width: u32, height: u32 },
    #[error("it would take {bytes} bytes of memory, more than {MAX_DECODED_BYTES}")]
    TooMuchMemory { bytes: u64 },
    #[error("it is damaged: {0}")]
    Damaged(#[from] ImageError),
    #[error("it is no frame: {0}")]
    NoFrame(#[from] FrameError),
}

/// The format of a file that begins with `start`, if it is one that is read here.
pub(super) fn format(start: &[u8]) -> Option<ImageFormat> {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    let format = image::guess_format(start).ok()?;
    matches!(format, Bmp | Jpeg | Png | Tiff | WebP).then_some(format)
}

/// Reads an image as luma (Rec. 709 weights; transparency is ignored).
pub(super) fn read(file: File, format: ImageFormat) -> Result<Frame, PictureError> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    decode(&bytes, format)
}

/// The image in `bytes`, as luma.
pub(super) fn decode(bytes: &[u8], format: ImageFormat) -> Result<Frame, PictureError> {
    let size = bytes.len() as u64;
    if size > MAX_FILE_BYTES {
        return Err(PictureError::FileTooLarge { bytes: size });
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
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
        let frame = decode(&encoded(image.clone(), ImageFormat::Png), ImageFormat::Png).unwrap();
        assert_eq!(
            (frame.width(), frame.height(), frame.luma()),
            (5, 3, image.as_raw().as_slice())
        );
    }

    #[test]
    fn colours_become_luma_and_transparency_is_ignored() {
        let luma = |pixel: [u8; 4]| {
            let image = RgbaImage::from_pixel(1, 1, image::Rgba(pixel));
            decode(&encoded(image, ImageFormat::Png), ImageFormat::Png)
                .unwrap()
                .luma()[0]
        };
        assert_eq!(luma([255, 0, 0, 255]), 54);
        assert_eq!(luma([0, 255, 0, 255]), 182);
        assert_eq!(luma([0, 0, 255, 0]), 18);
    }

    #[test]
    fn every_format_gives_the_same_pixels() {
        use ImageFormat::{Bmp, Png, Tiff, WebP};
        let image = RgbImage::from_fn(9, 4, |x, y| image::Rgb([(x * 20 + y) as u8; 3]));
        for wanted in [Bmp, Png, Tiff, WebP] {
            let bytes = encoded(image.clone(), wanted);
            assert_eq!(format(&bytes[..16]), Some(wanted));
            let frame = decode(&bytes, wanted).unwrap();
            let expected: Vec<u8> = image.pixels().map(|pixel| pixel.0[0]).collect();
            assert_eq!((frame.width(), frame.luma()), (9, expected.as_slice()));
        }
    }

    #[test]
    fn each_kind_of_bad_file_has_its_reason() {
        let good = encoded(GrayImage::new(40, 40), ImageFormat::Png);
        let cases = [
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
            assert_eq!(
                decode(&bytes, ImageFormat::Png).unwrap_err().to_string(),
                reason
            );
        }
        let cut = decode(&good[..good.len() / 2], ImageFormat::Png)
            .unwrap_err()
            .to_string();
        assert!(cut.starts_with("it is damaged: "), "{cut}");
    }
}
