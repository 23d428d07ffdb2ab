//! How cameras write pixels, and the luma in what they write.

use cipherframe::{Frame, FrameError};
use image::ImageFormat;

use crate::source::picture::{self, PictureError};

/// Huffman tables are left out of most pictures of Motion JPEG. This first segment of a JPEG file
/// says that those of the standard are meant where there are none.
const AVI_SEGMENT: [u8; 18] = *b"\xff\xe0\x00\x10AVI1\0\0\0\0\0\0\0\0\0\0";
/// The first marker of a JPEG file.
const START_OF_IMAGE: [u8; 2] = [0xff, 0xd8];

/// A pixel format that luma is found in, the one that takes the least work first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pixels {
    /// A byte of luma for each pixel.
    Grey,
    /// A plane of luma, then one of colours.
    Nv12,
    /// Luma of a pixel and one of its colours in turn.
    Yuyv,
    /// A JPEG picture.
    Mjpeg,
}

/// Why bytes are no picture. The texts continue "a picture is damaged: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum PixelsError {
    #[error("it has {bytes} bytes instead of {expected}")]
    Short { bytes: usize, expected: usize },
    #[error("it is {width}x{height} pixels")]
    Size { width: u32, height: u32 },
    #[error("{0}")]
    Jpeg(#[from] PictureError),
    #[error("{0}")]
    Frame(#[from] FrameError),
}

impl Pixels {
    const ALL: [Pixels; 4] = [Pixels::Grey, Pixels::Nv12, Pixels::Yuyv, Pixels::Mjpeg];

    /// The format of this code; `None` if luma is not found in it.
    pub(super) fn of(fourcc: [u8; 4]) -> Option<Pixels> {
        Pixels::ALL
            .into_iter()
            .find(|pixels| pixels.fourcc() == fourcc)
    }

    /// Its code.
    pub(super) fn fourcc(self) -> [u8; 4] {
        match self {
            Pixels::Grey => *b"GREY",
            Pixels::Nv12 => *b"NV12",
            Pixels::Yuyv => *b"YUYV",
            Pixels::Mjpeg => *b"MJPG",
        }
    }

    /// The luma of a picture. Its rows begin each `stride` bytes, but those of a JPEG picture.
    pub(super) fn luma(
        self,
        (width, height): (u32, u32),
        stride: u32,
        bytes: &[u8],
    ) -> Result<Frame, PixelsError> {
        match self {
            Pixels::Grey | Pixels::Nv12 => plane((width, height), stride, 1, bytes),
            Pixels::Yuyv => plane((width, height), stride, 2, bytes),
            Pixels::Mjpeg => {
                let rest = bytes.strip_prefix(&START_OF_IMAGE).unwrap_or(bytes);
                let frame = picture::decode(
                    &[&START_OF_IMAGE[..], &AVI_SEGMENT, rest].concat(),
                    ImageFormat::Jpeg,
                )?;
                if (frame.width(), frame.height()) != (width, height) {
                    let (width, height) = (frame.width(), frame.height());
                    return Err(PixelsError::Size { width, height });
                }
                Ok(frame)
            }
        }
    }
}

/// The first of each `step` bytes of each row.
fn plane(
    (width, height): (u32, u32),
    stride: u32,
    step: usize,
    bytes: &[u8],
) -> Result<Frame, PixelsError> {
    let row = width as usize * step;
    // A driver that gives no stride does not pad.
    let stride = row.max(stride as usize);
    let expected = stride * (height as usize).saturating_sub(1) + row;
    if bytes.len() < expected {
        let bytes = bytes.len();
        return Err(PixelsError::Short { bytes, expected });
    }
    let rows = bytes.chunks(stride).take(height as usize);
    let luma = rows.flat_map(|bytes| bytes.iter().take(row).step_by(step));
    Ok(Frame::new(width, height, luma.copied().collect())?)
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{GrayImage, Luma};

    use super::*;

    fn luma(pixels: Pixels, stride: u32, bytes: &[u8]) -> Vec<u8> {
        let frame = pixels.luma((4, 2), stride, bytes).unwrap();
        assert_eq!((frame.width(), frame.height()), (4, 2));
        frame.luma().to_vec()
    }

    #[test]
    fn padding_and_colour_are_left_out() {
        let expected = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(luma(Pixels::Grey, 4, &expected), expected);
        // No padding behind the last row, and a driver that gives no stride.
        assert_eq!(
            luma(Pixels::Grey, 6, &[1, 2, 3, 4, 99, 99, 5, 6, 7, 8]),
            expected
        );
        assert_eq!(luma(Pixels::Grey, 0, &expected), expected);
        #[rustfmt::skip]
        let nv12 = [
            1, 2, 3, 4, 99, 99,
            5, 6, 7, 8, 99, 99,
            50, 60, 50, 60, 99, 99,
        ];
        assert_eq!(luma(Pixels::Nv12, 6, &nv12), expected);
        #[rustfmt::skip]
        let yuyv = [
            1, 50, 2, 60, 3, 50, 4, 60, 99, 99,
            5, 50, 6, 60, 7, 50, 8, 60, 99, 99,
        ];
        assert_eq!(luma(Pixels::Yuyv, 10, &yuyv), expected);
    }

    #[test]
    fn a_picture_that_is_cut_off_is_none() {
        let said = |pixels: Pixels, stride, bytes| {
            let bytes = vec![0; bytes];
            let error = pixels.luma((4, 2), stride, &bytes).unwrap_err();
            error.to_string()
        };
        assert_eq!(said(Pixels::Grey, 4, 7), "it has 7 bytes instead of 8");
        assert_eq!(said(Pixels::Yuyv, 10, 17), "it has 17 bytes instead of 18");
        assert_eq!(said(Pixels::Nv12, 6, 0), "it has 0 bytes instead of 10");
    }

    /// A grey picture of 16x8 pixels, of which the right half is bright.
    fn jpeg() -> Vec<u8> {
        let picture = GrayImage::from_fn(16, 8, |x, _| Luma([if x < 8 { 20 } else { 220 }]));
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
        picture.write_with_encoder(encoder).unwrap();
        bytes
    }

    /// `jpeg` without its segments of this marker.
    fn without(marker: u8, jpeg: &[u8]) -> Vec<u8> {
        let (mut kept, mut rest) = (jpeg[..2].to_vec(), &jpeg[2..]);
        // The data of the picture begins behind the segment `SOS`, and is kept as it is.
        while rest[1] != 0xda {
            let length = 2 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            let (segment, behind) = rest.split_at(length);
            if segment[1] != marker {
                kept.extend(segment);
            }
            rest = behind;
        }
        [&kept, rest].concat()
    }

    #[test]
    fn pictures_of_motion_jpeg_need_no_huffman_tables_of_their_own() {
        let with_tables = jpeg();
        let without_tables = without(0xc4, &with_tables);
        assert!(without_tables.len() < with_tables.len());
        for bytes in [with_tables, without_tables] {
            let frame = Pixels::Mjpeg.luma((16, 8), 0, &bytes).unwrap();
            let tones: Vec<u8> = frame.luma().to_vec();
            let dark = tones.chunks(8).step_by(2).flatten();
            let bright = tones.chunks(8).skip(1).step_by(2).flatten();
            assert!(dark.copied().all(|tone| tone.abs_diff(20) < 4), "{tones:?}");
            assert!(
                bright.copied().all(|tone| tone.abs_diff(220) < 4),
                "{tones:?}"
            );
        }
    }

    #[test]
    fn what_is_no_jpeg_picture_or_of_another_size_is_refused() {
        let said = |size, bytes: &[u8]| {
            let error = Pixels::Mjpeg.luma(size, 0, bytes).unwrap_err();
            error.to_string()
        };
        assert_eq!(said((640, 480), &jpeg()), "it is 16x8 pixels");
        for bytes in [&[][..], b"GIF89a", &jpeg()[..40]] {
            let said = said((16, 8), bytes);
            assert!(said.starts_with("it is damaged: "), "{said}");
        }
    }

    #[test]
    fn a_format_is_known_by_its_code() {
        for pixels in Pixels::ALL {
            assert_eq!(Pixels::of(pixels.fourcc()), Some(pixels));
        }
        assert_eq!(Pixels::of(*b"H264"), None);
    }
}
