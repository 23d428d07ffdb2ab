//! Where the luma of a frame lies in the bytes that `rpicam-vid` writes.
//!
//! With `--codec yuv420` it writes the buffer of each frame as it is: plane Y, then U and V of half
//! the width and height. Rows are padded to what the camera's hardware likes, which differs between
//! models of the Raspberry Pi, and nothing in the stream says so: the length of a frame does.

use cipherframe::{Frame, FrameError};

/// The most bytes by which a row may be padded.
const MAX_PADDING: u32 = 1023;

/// A picture of even sides in YUV 4:2:0, planes one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    width: u32,
    height: u32,
    /// Bytes of a row of plane Y, padding included.
    stride: u32,
}

impl Layout {
    /// The layout of frames of `bytes` bytes; `None` if a picture of this size has no such length.
    pub(super) fn of_length(width: u32, height: u32, bytes: usize) -> Option<Layout> {
        let rows = height as usize * 3 / 2;
        let stride = u32::try_from(bytes.checked_div(rows)?).ok()?;
        let fits = (width..=width + MAX_PADDING).contains(&stride);
        (fits && bytes == stride as usize * rows).then_some(Layout {
            width,
            height,
            stride,
        })
    }

    /// The most bytes that a frame of this size may have.
    pub(super) fn longest(width: u32, height: u32) -> usize {
        (width + MAX_PADDING) as usize * (height as usize * 3 / 2)
    }

    /// The bytes of a frame.
    pub(super) fn bytes(&self) -> usize {
        self.stride as usize * (self.height as usize * 3 / 2)
    }

    /// The picture in `frame`.
    ///
    /// # Errors
    /// When `frame` is too short.
    pub(super) fn luma(&self, frame: &[u8]) -> Result<Frame, FrameError> {
        let rows = frame.chunks_exact(self.stride as usize);
        let rows = rows.take(self.height as usize);
        let luma = rows.flat_map(|row| row.iter().take(self.width as usize));
        Frame::new(self.width, self.height, luma.copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_frame_says_how_rows_are_padded() {
        let stride = |width, height, bytes| {
            Layout::of_length(width, height, bytes).map(|layout| layout.stride)
        };
        // Without padding, padded to 64 and to 128 bytes.
        assert_eq!(stride(640, 480, 640 * 480 * 3 / 2), Some(640));
        assert_eq!(stride(100, 50, 128 * 75), Some(128));
        assert_eq!(stride(1296, 972, 1344 * 972 * 3 / 2), Some(1344));
        assert_eq!(stride(1296, 972, 1408 * 972 * 3 / 2), Some(1408));
        // A frame of another size, or not of this kind.
        assert_eq!(stride(640, 480, 640 * 480), None);
        assert_eq!(stride(640, 480, 640 * 480 * 3 / 2 - 1), None);
        assert_eq!(stride(640, 480, 1664 * 480 * 3 / 2), None);
        assert_eq!(stride(640, 480, 0), None);
    }

    #[test]
    fn no_layout_is_longer_than_the_longest() {
        for (width, height) in [(2, 2), (640, 480), (8192, 8192)] {
            let longest = Layout::longest(width, height);
            let layout = Layout::of_length(width, height, longest).unwrap();
            assert_eq!(layout.bytes(), longest);
            assert_eq!(
                Layout::of_length(width, height, longest + height as usize * 3 / 2),
                None
            );
        }
    }

    #[test]
    fn padding_and_colour_are_left_out() {
        let layout = Layout::of_length(4, 2, 8 * 3).unwrap();
        #[rustfmt::skip]
        let frame = [
            1, 2, 3, 4, 99, 99, 99, 99,
            5, 6, 7, 8, 99, 99, 99, 99,
            50, 50, 99, 99, 60, 60, 99, 99,
        ];
        let picture = layout.luma(&frame).unwrap();
        assert_eq!((picture.width(), picture.height()), (4, 2));
        assert_eq!(picture.luma(), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(layout.luma(&frame[..15]).is_err());
    }
}
