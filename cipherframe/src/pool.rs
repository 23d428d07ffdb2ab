//! Max pooling windows, with the words and the meaning of ONNX `MaxPool` (`ceil_mode` off, no dilation), and the
//! plaintext reference.
//!
//! Source: <https://onnx.ai/onnx/operators/onnx__MaxPool.html>. Padding never wins a maximum.

use crate::feature_map::FeatureMap;
use crate::quantiser::QuantisedFrame;
use std::ops::Range;
use thiserror::Error;

/// A square pooling window: `kernel_shape = [kernel, kernel]`, `strides = [stride, stride]`, `pads` all equal to `padding`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolSpec {
    kernel: u8,
    stride: u8,
    padding: u8,
}

/// Why a pooling window was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PoolSpecError {
    /// A kernel outside 1..=8.
    #[error("kernel = {0}; give 1 to 8")]
    Kernel(u8),
    /// A stride outside 1..=64.
    #[error("stride = {0}; give 1 to 64")]
    Stride(u8),
    /// Padding as large as the kernel: some windows would hold no pixel at all.
    #[error("padding = {padding} with kernel = {kernel}; padding must be smaller than the kernel")]
    Padding {
        /// The kernel.
        kernel: u8,
        /// The padding.
        padding: u8,
    },
    /// The frame is smaller than one window.
    #[error(
        "a frame of {width}x{height} pixels with padding {padding} holds no window of {kernel}x{kernel}; use a larger size or a smaller kernel"
    )]
    FrameTooSmall {
        /// Frame width in pixels.
        width: u32,
        /// Frame height in pixels.
        height: u32,
        /// The kernel.
        kernel: u8,
        /// The padding.
        padding: u8,
    },
}

impl PoolSpec {
    /// A window of `kernel` 1..=8, moved by `stride` 1..=64, over a frame padded by `padding` < kernel on each side.
    pub fn new(kernel: u8, stride: u8, padding: u8) -> Result<Self, PoolSpecError> {
        if !(1..=8).contains(&kernel) {
            return Err(PoolSpecError::Kernel(kernel));
        }
        if !(1..=64).contains(&stride) {
            return Err(PoolSpecError::Stride(stride));
        }
        if padding >= kernel {
            return Err(PoolSpecError::Padding { kernel, padding });
        }
        Ok(Self {
            kernel,
            stride,
            padding,
        })
    }

    /// Window side in pixels.
    pub fn kernel(&self) -> u8 {
        self.kernel
    }

    /// Pixels from one window to the next.
    pub fn stride(&self) -> u8 {
        self.stride
    }

    /// Pixels of padding on each side.
    pub fn padding(&self) -> u8 {
        self.padding
    }

    /// Width and height of the map for a frame of `width` x `height` pixels: `floor((side + 2 padding - kernel) / stride) + 1`.
    pub fn output_size(&self, width: u32, height: u32) -> Result<(u32, u32), PoolSpecError> {
        let side = |pixels: u32| {
            (pixels + 2 * u32::from(self.padding))
                .checked_sub(u32::from(self.kernel))
                .map(|room| room / u32::from(self.stride) + 1)
        };
        side(width)
            .zip(side(height))
            .ok_or(PoolSpecError::FrameTooSmall {
                width,
                height,
                kernel: self.kernel,
                padding: self.padding,
            })
    }

    /// The pixels of the `index`-th window along an axis of `side` pixels, padding cut off. Never empty for a window
    /// that [`Self::output_size`] counts.
    pub(crate) fn window_span(&self, index: u32, side: u32) -> Range<u32> {
        let start = index * u32::from(self.stride);
        let end = (start + u32::from(self.kernel)).saturating_sub(u32::from(self.padding));
        start.saturating_sub(u32::from(self.padding))..end.min(side)
    }
}

/// Max pooling on plaintext: the reference for every scheme.
pub fn max_pool(frame: &QuantisedFrame, pool: &PoolSpec) -> Result<FeatureMap, PoolSpecError> {
    let (width, height) = pool.output_size(frame.width(), frame.height())?;
    let mut values = Vec::with_capacity(width as usize * height as usize);
    for y in 0..height {
        let rows = pool.window_span(y, frame.height());
        for x in 0..width {
            let columns = pool.window_span(x, frame.width());
            let window = rows
                .clone()
                .flat_map(|row| columns.clone().map(move |column| (column, row)));
            values.push(
                window
                    .filter_map(|(column, row)| frame.level_at(column, row))
                    .max()
                    .unwrap_or(0),
            );
        }
    }
    FeatureMap::new(width, height, frame.level_count(), values).map_err(|_| {
        PoolSpecError::FrameTooSmall {
            width: frame.width(),
            height: frame.height(),
            kernel: pool.kernel,
            padding: pool.padding,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, Quantiser};
    use proptest::prelude::*;

    fn quantised(width: u32, luma: &[u8]) -> QuantisedFrame {
        let frame = Frame::new(width, luma.len() as u32 / width, luma.to_vec()).unwrap();
        Quantiser::from_bits(8).unwrap().quantise(&frame)
    }

    fn pooled(width: u32, luma: &[u8], kernel: u8, stride: u8, padding: u8) -> (u32, Vec<u8>) {
        let map = max_pool(
            &quantised(width, luma),
            &PoolSpec::new(kernel, stride, padding).unwrap(),
        )
        .unwrap();
        (map.width(), map.values().to_vec())
    }

    // The examples of the ONNX operator page: 1..=25 in 5x5.
    #[test]
    fn onnx_examples() {
        let ramp: Vec<u8> = (1..=25).collect();
        let padded = [
            13, 14, 15, 15, 15, 18, 19, 20, 20, 20, 23, 24, 25, 25, 25, 23, 24, 25, 25, 25, 23, 24,
            25, 25, 25,
        ];
        assert_eq!(pooled(5, &ramp, 5, 1, 2), (5, padded.to_vec()));
        assert_eq!(pooled(5, &ramp, 2, 2, 0), (2, vec![7, 9, 17, 19]));
        assert_eq!(pooled(5, &ramp, 3, 2, 0), (2, vec![13, 15, 23, 25]));
    }

    #[test]
    fn the_last_odd_row_and_column_are_dropped_as_onnx_does() {
        assert_eq!(
            pooled(3, &[1, 2, 9, 3, 4, 9, 9, 9, 9], 2, 2, 0),
            (1, vec![4])
        );
    }

    #[test]
    fn refusals() {
        assert_eq!(PoolSpec::new(0, 1, 0), Err(PoolSpecError::Kernel(0)));
        assert_eq!(PoolSpec::new(9, 1, 0), Err(PoolSpecError::Kernel(9)));
        assert_eq!(PoolSpec::new(2, 0, 0), Err(PoolSpecError::Stride(0)));
        assert_eq!(
            PoolSpec::new(2, 2, 2),
            Err(PoolSpecError::Padding {
                kernel: 2,
                padding: 2
            })
        );
        assert!(PoolSpec::new(3, 1, 0).unwrap().output_size(2, 9).is_err());
    }

    proptest! {
        #[test]
        fn every_window_holds_a_pixel_and_every_value_is_its_maximum(
            width in 1u32..20, height in 1u32..20, kernel in 1u8..=8, stride in 1u8..6, padding in 0u8..8, seed: u64,
        ) {
            prop_assume!(padding < kernel);
            let spec = PoolSpec::new(kernel, stride, padding).unwrap();
            let luma: Vec<u8> = (0..u64::from(width * height)).map(|i| (i.wrapping_mul(seed | 1) >> 7) as u8).collect();
            let frame = quantised(width, &luma);
            let Ok((map_width, map_height)) = spec.output_size(width, height) else {
                prop_assert!(max_pool(&frame, &spec).is_err());
                return Ok(());
            };
            let map = max_pool(&frame, &spec).unwrap();
            for y in 0..map_height as i64 {
                for x in 0..map_width as i64 {
                    let mut best = None;
                    for dy in 0..kernel as i64 {
                        for dx in 0..kernel as i64 {
                            let (px, py) = (x * stride as i64 - padding as i64 + dx, y * stride as i64 - padding as i64 + dy);
                            if px >= 0 && py >= 0 && px < width as i64 && py < height as i64 {
                                best = best.max(Some(luma[(py * width as i64 + px) as usize]));
                            }
                        }
                    }
                    prop_assert_eq!(Some(map.values()[(y * map_width as i64 + x) as usize]), best);
                }
            }
        }
    }
}
