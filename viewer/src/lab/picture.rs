//! Uploaded pictures: decoded within limits, reduced to luma.

use std::io::Cursor;

use cipherframe::{Frame, FrameError};
use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageReader, Limits};
use thiserror::Error;

/// The longest upload, in bytes.
pub(crate) const MAX_UPLOAD_BYTES: usize = 16 << 20;
/// The longest side of an upload, in pixels.
const MAX_SIDE: u32 = 8192;
/// What decoding may take, in bytes.
const MAX_ALLOCATION: u64 = 128 << 20;
/// The longest side that is kept, in pixels.
const KEPT_SIDE: u32 = 1024;

/// A picture that was uploaded.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// As uploaded, in pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The format in lower case, `png` for example.
    pub(crate) format: String,
    /// Its luma, at most [`KEPT_SIDE`] on its longer side.
    pub(crate) luma: GrayImage,
}

/// Why an upload is no picture.
#[derive(Debug, Error)]
pub(crate) enum PictureError {
    #[error("the upload is empty")]
    Empty,
    #[error("the file is in no picture format that is known here")]
    UnknownFormat,
    #[error("the picture is larger than {MAX_SIDE} x {MAX_SIDE} pixels, or takes too much memory")]
    TooLarge,
    #[error("the file is no whole {format} picture: {reason}")]
    Broken { format: String, reason: String },
}

impl Picture {
    /// Decodes an upload. Blocks for up to some seconds.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, PictureError> {
        if bytes.is_empty() {
            return Err(PictureError::Empty);
        }
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
        let mut reader = reader.map_err(|_| PictureError::UnknownFormat)?;
        let format = reader.format().ok_or(PictureError::UnknownFormat)?;
        let format = format
            .extensions_str()
            .first()
            .unwrap_or(&"picture")
            .to_string();
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(MAX_ALLOCATION);
        reader.limits(limits);
        let refused = |error| match error {
            ImageError::Limits(_) => PictureError::TooLarge,
            ImageError::Unsupported(_) => PictureError::UnknownFormat,
            other => PictureError::Broken {
                format: format.clone(),
                reason: other.to_string(),
            },
        };
        let mut decoder = reader.into_decoder().map_err(refused)?;
        // Phones store which way they were held.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut decoded = DynamicImage::from_decoder(decoder).map_err(refused)?;
        decoded.apply_orientation(orientation);
        let luma = decoded.into_luma8();
        let (width, height) = luma.dimensions();
        let longest = width.max(height);
        let luma = if longest > KEPT_SIDE {
            let side = |side: u32| {
                let side = u64::from(side) * u64::from(KEPT_SIDE) / u64::from(longest.max(1));
                u32::try_from(side).unwrap_or(KEPT_SIDE).max(1)
            };
            imageops::thumbnail(&luma, side(width), side(height))
        } else {
            luma
        };
        Ok(Self {
            width,
            height,
            format,
            luma,
        })
    }

    /// Stretched to `width` x `height` pixels: area means where it shrinks, interpolated where it grows.
    pub(crate) fn frame(&self, width: u32, height: u32) -> Result<Frame, FrameError> {
        if width == 0 || height == 0 {
            return Err(FrameError::Side { width, height });
        }
        let resized = if width <= self.luma.width() && height <= self.luma.height() {
            imageops::thumbnail(&self.luma, width, height)
        } else {
            imageops::resize(&self.luma, width, height, FilterType::Triangle)
        };
        Frame::new(width, height, resized.into_raw())
    }
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;

    use super::*;

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture =
            GrayImage::from_fn(width, height, |x, y| image::Luma([(x * 7 + y * 13) as u8]));
        let mut bytes = Cursor::new(Vec::new());
        let picture = DynamicImage::ImageLuma8(picture).into_rgb8();
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_common_format_is_read() {
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::Gif,
            ImageFormat::Bmp,
            ImageFormat::Tiff,
            ImageFormat::WebP,
            ImageFormat::Pnm,
            ImageFormat::Qoi,
        ] {
            let picture = Picture::decode(&encoded(20, 10, format)).unwrap();
            assert_eq!((picture.width, picture.height), (20, 10), "{format:?}");
            let frame = picture.frame(8, 8).unwrap();
            assert_eq!((frame.width(), frame.height()), (8, 8));
        }
    }

    #[test]
    fn a_large_picture_is_kept_smaller() {
        let picture = Picture::decode(&encoded(3000, 10, ImageFormat::Png)).unwrap();
        assert_eq!((picture.width, picture.height), (3000, 10));
        assert_eq!(picture.luma.dimensions(), (1024, 3));
    }

    #[test]
    fn what_is_no_picture_gets_a_sentence() {
        let sentence = |bytes: &[u8]| Picture::decode(bytes).unwrap_err().to_string();
        assert_eq!(sentence(b""), "the upload is empty");
        assert_eq!(
            sentence(b"not a picture at all"),
            "the file is in no picture format that is known here"
        );
        let whole = encoded(20, 10, ImageFormat::Png);
        let half = sentence(&whole[..whole.len() / 2]);
        assert!(
            half.starts_with("the file is no whole png picture: "),
            "{half}"
        );
    }

    /// The header of a PNG that says it is `width` x `height`, which is read before anything is decoded.
    #[test]
    fn a_bomb_is_refused_by_its_header() {
        let mut bytes = encoded(20, 10, ImageFormat::Png);
        bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        let mut crc = crc32(&bytes[12..29]).to_be_bytes();
        bytes[29..33].swap_with_slice(&mut crc);
        assert!(matches!(
            Picture::decode(&bytes),
            Err(PictureError::TooLarge)
        ));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32, byte: &u8| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
            })
        };
        !bytes.iter().fold(u32::MAX, step)
    }
}
