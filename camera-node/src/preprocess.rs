//! What happens to a frame before it is encrypted: it is resized, turned into the feature and
//! quantised.

use cipherframe::{Frame, FrameError, QuantisedFrame, StreamSpec};
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};

use crate::feature::{Feature, FeatureExtractor};
use crate::source::SourceFrame;

/// Prepares the frames of one session. It has to see every frame once, in the order of the source.
#[derive(Debug)]
pub struct Preprocessor {
    spec: StreamSpec,
    extractor: FeatureExtractor,
}

/// A frame that is ready to be encrypted.
#[derive(Debug)]
pub struct PreparedFrame {
    /// The clip the frame belongs to.
    pub clip: String,
    /// The frame's place in its clip.
    pub index: u64,
    /// The feature, in the stream's size and levels.
    pub quantised: QuantisedFrame,
}

impl Preprocessor {
    /// Prepares frames for `spec`.
    #[must_use]
    pub fn new(spec: StreamSpec, feature: Feature) -> Preprocessor {
        Preprocessor {
            spec,
            extractor: FeatureExtractor::new(feature),
        }
    }

    /// The next frame in the stream's size, feature and levels. The feature is that of the resized
    /// frame.
    ///
    /// # Errors
    /// None that a valid frame can cause.
    pub fn prepare(&mut self, frame: SourceFrame) -> Result<PreparedFrame, FrameError> {
        let resized = SourceFrame {
            frame: resize(frame.frame, self.spec.width(), self.spec.height())?,
            ..frame
        };
        let SourceFrame {
            clip, index, frame, ..
        } = self.extractor.extract(resized)?;
        Ok(PreparedFrame {
            clip,
            index,
            quantised: self.spec.quantiser().quantise(&frame),
        })
    }
}

/// `frame` at `width` x `height` pixels. Each new pixel is the mean of the pixels it covers; where
/// sizes are no multiple of each other, a pixel on a border counts on one side of it. A picture
/// that has to grow in some direction is interpolated. The picture is stretched to fit: its aspect
/// ratio is the configuration's matter. A frame that has the size already is returned as it is.
///
/// # Errors
/// When a side is zero or above [`cipherframe::MAX_SIDE`].
pub fn resize(frame: Frame, width: u32, height: u32) -> Result<Frame, FrameError> {
    if (frame.width(), frame.height()) == (width, height) {
        return Ok(frame);
    }
    let (from_width, from_height) = (frame.width(), frame.height());
    let wrong_length = FrameError::Length {
        width: from_width,
        height: from_height,
        actual: frame.luma().len(),
    };
    // A `Frame` always has the right length, so this is no path that can be taken.
    let picture: ImageBuffer<Luma<u8>, &[u8]> =
        ImageBuffer::from_raw(from_width, from_height, frame.luma()).ok_or(wrong_length)?;
    if width == 0 || height == 0 {
        return Err(FrameError::Side { width, height });
    }
    let resized = if width <= from_width && height <= from_height {
        imageops::thumbnail(&picture, width, height)
    } else {
        // `thumbnail` rounds down when it enlarges.
        imageops::resize(&picture, width, height, FilterType::Triangle)
    };
    Frame::new(width, height, resized.into_raw())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use cipherframe::{PoolSpec, Quantiser, SchemeId};
    use proptest::prelude::*;

    use super::*;

    fn frame(width: u32, height: u32, luma: &[u8]) -> Frame {
        Frame::new(width, height, luma.to_vec()).unwrap()
    }

    fn resized(from: (u32, u32, &[u8]), width: u32, height: u32) -> Vec<u8> {
        let resized = resize(frame(from.0, from.1, from.2), width, height).unwrap();
        assert_eq!((resized.width(), resized.height()), (width, height));
        resized.luma().to_vec()
    }

    #[test]
    fn the_right_size_passes_unchanged() {
        let luma = [1, 2, 3, 4, 5, 6];
        assert_eq!(resized((3, 2, &luma), 3, 2), luma);
    }

    #[test]
    fn each_pixel_is_the_mean_of_its_area() {
        #[rustfmt::skip]
        let luma = [
            0, 10, 100, 100,
            20, 30, 100, 102,
        ];
        assert_eq!(resized((4, 2, &luma), 2, 1), [15, 101]);
        assert_eq!(resized((4, 2, &luma), 4, 1), [10, 20, 100, 101]);
        assert_eq!(resized((4, 2, &luma), 1, 2), [53, 63]);
    }

    #[test]
    fn a_small_picture_is_interpolated() {
        assert_eq!(resized((2, 1, &[0, 100]), 4, 1), [0, 25, 75, 100]);
        assert_eq!(resized((2, 2, &[1; 4]), 4, 31), [1; 4 * 31]);
    }

    #[test]
    fn left_stays_left_and_top_stays_top() {
        let luma: Vec<u8> = (0..9 * 7)
            .map(|i| if i % 9 < 4 && i / 9 < 3 { 200 } else { 0 })
            .collect();
        let small = resized((9, 7, &luma), 2, 2);
        assert!(
            small[0] > 100 && small[1..].iter().all(|&v| v < 60),
            "{small:?}"
        );
    }

    #[test]
    fn a_size_of_zero_is_refused() {
        let error = resize(frame(1, 1, &[0]), 0, 4).unwrap_err();
        assert_eq!(
            error,
            FrameError::Side {
                width: 0,
                height: 4
            }
        );
    }

    /// The levels of frames of 4x2 pixels, in a stream of 2x1 pixels with the thresholds 8 and 20.
    fn prepared(feature: Feature, frames: &[[u8; 8]]) -> Vec<Vec<u8>> {
        let quantiser = Quantiser::from_thresholds(vec![8, 20]).unwrap();
        let pool = PoolSpec::new(1, 1, 0).unwrap();
        let spec = StreamSpec::new(SchemeId::Plain, 2, 1, quantiser, pool).unwrap();
        let mut preprocessor = Preprocessor::new(spec, feature);
        let prepare = |(index, luma): (u64, &[u8; 8])| {
            let prepared = preprocessor.prepare(SourceFrame {
                clip: "clip".to_owned(),
                index,
                captured: SystemTime::UNIX_EPOCH,
                frame: frame(4, 2, luma),
            });
            let prepared = prepared.unwrap();
            assert_eq!((prepared.clip.as_str(), prepared.index), ("clip", index));
            prepared.quantised.levels().to_vec()
        };
        (0..).zip(frames).map(prepare).collect()
    }

    #[test]
    fn the_feature_is_that_of_resized_frames_and_is_quantised() {
        #[rustfmt::skip]
        let frames = [
            [ 0, 16,  30, 30,
              0, 16,  30, 30],
            // On the left pixels change places, and the mean stays as it is.
            [16,  0,  50, 50,
             16,  0,  50, 50],
            [ 0,  0,  58, 50,
              0,  0,  58, 66],
        ];
        assert_eq!(prepared(Feature::Luma, &frames), [[1, 2], [1, 2], [0, 2]]);
        assert_eq!(prepared(Feature::Motion, &frames), [[0, 0], [0, 2], [1, 1]]);
    }

    proptest! {
        #[test]
        fn a_flat_picture_stays_flat(
            from in (1_u32..40, 1_u32..40), to in (1_u32..40, 1_u32..40), tone: u8,
        ) {
            let luma = vec![tone; (from.0 * from.1) as usize];
            prop_assert!(resized((from.0, from.1, &luma), to.0, to.1).iter().all(|&v| v == tone));
        }

        #[test]
        fn no_tone_appears_that_is_outside_of_the_picture(
            (width, luma) in (1_u32..24).prop_flat_map(|width| {
                let pixels = width as usize * 8;
                (Just(width), proptest::collection::vec(any::<u8>(), pixels..=pixels))
            }),
            to in (1_u32..40, 1_u32..40),
        ) {
            let (low, high) = (luma.iter().min().unwrap(), luma.iter().max().unwrap());
            let new = resized((width, 8, &luma), to.0, to.1);
            prop_assert!(new.iter().all(|v| (low..=high).contains(&v)));
        }

        #[test]
        fn whole_ratios_give_exact_means(
            cells in (1_u32..6, 1_u32..6), ratio in 1_u32..5, seed: u32,
        ) {
            let (width, height) = (cells.0 * ratio, cells.1 * ratio);
            let tone = |x: u32, y: u32| (seed.wrapping_mul(x * 31 + y * 17 + 1) >> 13) as u8;
            let luma: Vec<u8> =
                (0..height).flat_map(|y| (0..width).map(move |x| tone(x, y))).collect();
            let new = resized((width, height, &luma), cells.0, cells.1);
            for (cell, &got) in (0..).zip(&new) {
                let (cx, cy) = (cell % cells.0, cell / cells.0);
                let sum: u32 = (0..ratio * ratio)
                    .map(|i| u32::from(tone(cx * ratio + i % ratio, cy * ratio + i / ratio)))
                    .sum();
                let mean = f64::from(sum) / f64::from(ratio * ratio);
                prop_assert!((f64::from(got) - mean).abs() <= 0.5, "{got} is not {mean}");
            }
        }
    }
}
