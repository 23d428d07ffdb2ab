//! A camera frame: 8-bit luma, row by row.

use thiserror::Error;

/// The largest width or height of a frame, in pixels.
pub const MAX_SIDE: u32 = 8192;

/// A grey frame of `width` x `height` pixels, one byte of luma (0..=255) each, row by row from the top left.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    width: u32,
    height: u32,
    luma: Vec<u8>,
}

/// Why a frame was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// A side is zero or longer than [`MAX_SIDE`].
    #[error("frame is {width}x{height} pixels; each side must be 1 to {MAX_SIDE}")]
    Side {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The number of pixels is not width x height.
    #[error(
        "frame of {width}x{height} pixels came with {actual} bytes of luma; one byte per pixel is needed"
    )]
    Length {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes given.
        actual: usize,
    },
}

impl Frame {
    /// A frame from its luma bytes, row by row.
    pub fn new(width: u32, height: u32, luma: Vec<u8>) -> Result<Self, FrameError> {
        check_sides(width, height)?;
        if luma.len() != pixel_count(width, height) {
            return Err(FrameError::Length {
                width,
                height,
                actual: luma.len(),
            });
        }
        Ok(Self {
            width,
            height,
            luma,
        })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The luma bytes, row by row.
    pub fn luma(&self) -> &[u8] {
        &self.luma
    }
}

// Pixel values never reach a log by way of `{:?}`.
impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}x{})", self.width, self.height)
    }
}

/// Refuses sides of zero or above [`MAX_SIDE`].
pub(crate) fn check_sides(width: u32, height: u32) -> Result<(), FrameError> {
    let sides = 1..=MAX_SIDE;
    if sides.contains(&width) && sides.contains(&height) {
        Ok(())
    } else {
        Err(FrameError::Side { width, height })
    }
}

/// width x height, which cannot overflow within [`MAX_SIDE`].
pub(crate) fn pixel_count(width: u32, height: u32) -> usize {
    width as usize * height as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_must_fit_the_sides() {
        assert!(Frame::new(2, 3, vec![0; 6]).is_ok());
        assert_eq!(
            Frame::new(2, 3, vec![0; 5]),
            Err(FrameError::Length {
                width: 2,
                height: 3,
                actual: 5
            })
        );
        assert_eq!(
            Frame::new(0, 3, vec![]),
            Err(FrameError::Side {
                width: 0,
                height: 3
            })
        );
        assert_eq!(
            Frame::new(8193, 1, vec![0; 8193]),
            Err(FrameError::Side {
                width: 8193,
                height: 1
            })
        );
    }

    #[test]
    fn debug_shows_no_pixels() {
        let frame = Frame::new(1, 2, vec![171, 205]).unwrap();
        assert_eq!(format!("{frame:?}"), "Frame(1x2)");
    }
}
