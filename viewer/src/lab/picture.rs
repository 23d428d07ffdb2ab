//! Uploaded pictures: decoded within limits, reduced to luma.

use std::io::Cursor;

use cipherframe::{Frame, FrameError};
use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, LumaA,
};
use thiserror::Error;

/// The longest upload, in bytes.
pub(crate) const MAX_UPLOAD_BYTES: usize = 16 << 20;
/// The longest side of an upload, in pixels.
const MAX_SIDE: u32 = 8192;
/// What a decoder may take for itself, in bytes.
const MAX_ALLOCATION: u64 = 128 << 20;
/// The decoded picture, in bytes: four for each pixel of the largest.
const MAX_DECODED: u64 = 256 << 20;
/// The longest side that is kept, in pixels.
const KEPT_SIDE: u32 = 1024;

/// The formats that are read, and what people call them. OpenEXR is none of them: what its decoder takes follows from
/// more of a file than the size of the picture.
pub(crate) const FORMATS: [(ImageFormat, &str); 13] = [
    (ImageFormat::Png, "PNG"),
    (ImageFormat::Jpeg, "JPEG"),
    (ImageFormat::Gif, "GIF"),
    (ImageFormat::Bmp, "BMP"),
    (ImageFormat::Tiff, "TIFF"),
    (ImageFormat::WebP, "WebP"),
    (ImageFormat::Ico, "ICO"),
    (ImageFormat::Pnm, "PNM"),
    (ImageFormat::Qoi, "QOI"),
    (ImageFormat::Tga, "TGA"),
    (ImageFormat::Dds, "DDS"),
    (ImageFormat::Farbfeld, "Farbfeld"),
    (ImageFormat::Hdr, "Radiance HDR"),
];

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

/// The format that a file's name or media type tells, where its bytes do not: of all formats, TGA alone begins with
/// nothing of its own.
pub(crate) fn told_format(name: Option<&str>, media_type: Option<&str>) -> Option<ImageFormat> {
    let by_name = name.and_then(|name| ImageFormat::from_path(name).ok());
    let told = by_name.or_else(|| media_type.and_then(ImageFormat::from_mime_type));
    told.filter(|format| *format == ImageFormat::Tga)
}

impl Picture {
    /// Decodes an upload; `told` is its format if its bytes do not say. Blocks for up to some seconds.
    pub(crate) fn decode(bytes: &[u8], told: Option<ImageFormat>) -> Result<Self, PictureError> {
        if bytes.is_empty() {
            return Err(PictureError::Empty);
        }
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
        let mut reader = reader.map_err(|_| PictureError::UnknownFormat)?;
        let format = reader.format().or(told);
        let format = format.ok_or(PictureError::UnknownFormat)?;
        reader.set_format(format);
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
        if decoder.total_bytes() > MAX_DECODED {
            return Err(PictureError::TooLarge);
        }
        // Phones store which way they were held.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let decoded = DynamicImage::from_decoder(decoder).map_err(refused)?;
        let mut grey = DynamicImage::ImageLuma8(grey_on_white(decoded));
        grey.apply_orientation(orientation);
        let luma = grey.into_luma8();
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

/// Grey. What is transparent lies on white, as pages show it; what colour it would have is not looked at.
fn grey_on_white(decoded: DynamicImage) -> GrayImage {
    if !decoded.color().has_alpha() {
        return decoded.into_luma8();
    }
    let seen = decoded.into_luma_alpha8();
    let (width, height) = seen.dimensions();
    let on_white = |&LumaA([grey, alpha]): &LumaA<u8>| {
        let (grey, alpha) = (u32::from(grey), u32::from(alpha));
        // At most 255.
        ((grey * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let pixels = seen.pixels().map(on_white).collect();
    // The length always fits.
    GrayImage::from_raw(width, height, pixels).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgba, RgbaImage};

    use super::*;

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture = GrayImage::from_fn(width, height, |x, y| Luma([(x * 7 + y * 13) as u8]));
        let picture = DynamicImage::ImageLuma8(picture);
        let picture: DynamicImage = match format {
            ImageFormat::Dds => return dds(width, height),
            ImageFormat::Farbfeld => picture.into_rgba16().into(),
            ImageFormat::Hdr => picture.into_rgb32f().into(),
            ImageFormat::Ico => picture.into_rgba8().into(),
            _ => picture.into_rgb8().into(),
        };
        written(&picture, format)
    }

    fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// A black DXT1 texture; sides are multiples of 4.
    fn dds(width: u32, height: u32) -> Vec<u8> {
        let mut words = [0u32; 32];
        words[0] = u32::from_le_bytes(*b"DDS ");
        // The length of the header, and which of its fields count.
        (words[1], words[2], words[3], words[4]) = (124, 0x1007, height, width);
        (words[19], words[20], words[21]) = (32, 4, u32::from_le_bytes(*b"DXT1"));
        words[27] = 0x1000;
        let header = words.iter().flat_map(|word| word.to_le_bytes());
        let blocks = vec![0; (width / 4 * height / 4 * 8) as usize];
        header.chain(blocks).collect()
    }

    fn decode(bytes: &[u8]) -> Result<Picture, PictureError> {
        Picture::decode(bytes, None)
    }

    #[test]
    fn every_listed_format_is_read() {
        for (format, name) in FORMATS {
            let told = told_format(Some("of-a-phone.TGA"), None);
            let picture = Picture::decode(&encoded(20, 12, format), told);
            let picture = picture.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((picture.width, picture.height), (20, 12), "{name}");
            let frame = picture.frame(8, 8).unwrap();
            assert_eq!((frame.width(), frame.height()), (8, 8));
        }
    }

    #[test]
    fn the_guide_lists_the_formats() {
        let guide = include_str!("../../../docs/guide/viewer-page.md");
        let names = FORMATS.map(|(_, name)| name).join(", ");
        let guide = guide.replace('\n', " ");
        assert!(guide.contains(&names), "{names}");
    }

    #[test]
    fn a_tga_is_known_by_its_name_or_its_media_type() {
        let tga = encoded(20, 12, ImageFormat::Tga);
        assert!(matches!(decode(&tga), Err(PictureError::UnknownFormat)));
        for (name, media_type) in [
            (Some("stairs.tga"), None),
            (Some("stairs"), Some("image/x-tga")),
            (None, Some("image/x-targa")),
        ] {
            let told = told_format(name, media_type);
            assert_eq!(Picture::decode(&tga, told).unwrap().format, "tga");
        }
        // Of all others the bytes say more than the name.
        assert_eq!(told_format(Some("stairs.png"), Some("image/png")), None);
        let png = encoded(20, 12, ImageFormat::Png);
        let told = Some(ImageFormat::Tga);
        assert_eq!(Picture::decode(&png, told).unwrap().format, "png");
    }

    #[test]
    fn what_is_transparent_lies_on_white() {
        let alphas = [0, 128, 255];
        let black = RgbaImage::from_fn(3, 1, |x, _| Rgba([0, 0, 0, alphas[x as usize]]));
        let picture = decode(&written(&black.into(), ImageFormat::Png)).unwrap();
        assert_eq!(picture.luma.into_raw(), [255, 127, 0]);
    }

    #[test]
    fn a_large_picture_is_kept_smaller() {
        let picture = decode(&encoded(3000, 10, ImageFormat::Png)).unwrap();
        assert_eq!((picture.width, picture.height), (3000, 10));
        assert_eq!(picture.luma.dimensions(), (1024, 3));
    }

    #[test]
    fn what_is_no_picture_gets_a_sentence() {
        let sentence = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
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
        let png = |side: u32, depth: u8, colour: u8| {
            let mut bytes = encoded(20, 10, ImageFormat::Png);
            bytes[16..20].copy_from_slice(&side.to_be_bytes());
            bytes[20..24].copy_from_slice(&side.to_be_bytes());
            (bytes[24], bytes[25]) = (depth, colour);
            let crc = crc32(&bytes[12..29]).to_be_bytes();
            bytes[29..33].copy_from_slice(&crc);
            bytes
        };
        for (side, depth, colour) in [(60_000, 8, 2), (8192, 16, 6)] {
            let bytes = png(side, depth, colour);
            assert!(matches!(decode(&bytes), Err(PictureError::TooLarge)));
        }
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
