//! What a pixel of the stream stands for.

use std::fmt;
use std::str::FromStr;

use cipherframe::{Frame, FrameError};
use thiserror::Error;

use crate::source::SourceFrame;

/// What a pixel of the stream stands for, before it is quantised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Feature {
    /// Luma: the frame itself.
    #[default]
    Luma,
    /// The absolute difference of luma from the frame before, `|luma(t) - luma(t-1)|`. The first
    /// frame of a session, and of each clip, has none before it and shows no motion: it is 0
    /// everywhere.
    Motion,
}

/// A word that names no [`Feature`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown feature `{0}`; known are: luma, motion")]
pub struct UnknownFeature(String);

impl Feature {
    /// Every feature.
    pub const ALL: [Feature; 2] = [Feature::Luma, Feature::Motion];

    /// The name, as in configuration files.
    pub fn as_str(self) -> &'static str {
        match self {
            Feature::Luma => "luma",
            Feature::Motion => "motion",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(name: &str) -> Result<Feature, UnknownFeature> {
        let found = Self::ALL
            .into_iter()
            .find(|feature| feature.as_str() == name);
        found.ok_or_else(|| UnknownFeature(name.to_owned()))
    }
}

/// Turns the frames of one session into their features. It has to see every frame once, in the
/// order of the source.
#[derive(Debug)]
pub(crate) struct FeatureExtractor {
    feature: Feature,
    /// The frame before. Kept for motion only.
    previous: Option<SourceFrame>,
}

impl FeatureExtractor {
    /// An extractor that has seen no frame.
    pub(crate) fn new(feature: Feature) -> FeatureExtractor {
        FeatureExtractor {
            feature,
            previous: None,
        }
    }

    /// The feature of the next frame, with the frame's size and place.
    ///
    /// # Errors
    /// None that a valid frame can cause.
    pub(crate) fn extract(&mut self, current: SourceFrame) -> Result<SourceFrame, FrameError> {
        match self.feature {
            Feature::Luma => Ok(current),
            Feature::Motion => self.motion(current),
        }
    }

    fn motion(&mut self, current: SourceFrame) -> Result<SourceFrame, FrameError> {
        let reference = match &self.previous {
            Some(previous) if precedes(previous, &current) => &previous.frame,
            // Compared with itself, nothing moves.
            _ => &current.frame,
        };
        let motion = SourceFrame {
            clip: current.clip.clone(),
            frame: absolute_difference(&current.frame, reference)?,
            ..current
        };
        self.previous = Some(current);
        Ok(motion)
    }
}

/// Whether `current` goes on where `previous` was. An index that does not rise is a clip that has
/// started over; one that leaves out some is a clip with files in between that are none of it.
fn precedes(previous: &SourceFrame, current: &SourceFrame) -> bool {
    let size = |of: &SourceFrame| (of.frame.width(), of.frame.height());
    previous.clip == current.clip
        && previous.index < current.index
        && size(previous) == size(current)
}

/// `|a - b|`, pixel by pixel, of frames of one size.
fn absolute_difference(a: &Frame, b: &Frame) -> Result<Frame, FrameError> {
    let luma = a.luma().iter().zip(b.luma());
    let luma = luma.map(|(a, b)| a.abs_diff(*b)).collect();
    Frame::new(a.width(), a.height(), luma)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;

    /// A frame of one row.
    fn row(clip: &str, index: u64, luma: &[u8]) -> SourceFrame {
        SourceFrame {
            clip: clip.to_owned(),
            index,
            captured: SystemTime::UNIX_EPOCH,
            frame: Frame::new(luma.len() as u32, 1, luma.to_vec()).unwrap(),
        }
    }

    /// The features of `frames`, whose places have to stay as they are.
    fn extracted<const N: usize>(feature: Feature, frames: [SourceFrame; N]) -> [Vec<u8>; N] {
        let mut extractor = FeatureExtractor::new(feature);
        frames.map(|frame| {
            let place = (frame.clip.clone(), frame.index);
            let extracted = extractor.extract(frame).unwrap();
            assert_eq!((extracted.clip, extracted.index), place);
            extracted.frame.luma().to_vec()
        })
    }

    #[test]
    fn every_name_is_that_of_its_feature() {
        for feature in Feature::ALL {
            assert_eq!(feature.to_string().parse(), Ok(feature));
        }
        let error = "edges".parse::<Feature>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown feature `edges`; known are: luma, motion"
        );
        assert_eq!(Feature::default(), Feature::Luma);
    }

    #[test]
    fn luma_is_the_frame_itself() {
        let frames = [row("a", 0, &[1, 200]), row("a", 1, &[7, 0])];
        let luma = extracted(Feature::Luma, frames);
        assert_eq!(luma, [[1, 200], [7, 0]]);
    }

    #[test]
    fn motion_is_the_difference_from_the_frame_before() {
        let frames = [
            row("a", 0, &[0, 255, 100]),
            row("a", 1, &[255, 0, 101]),
            row("a", 2, &[250, 0, 90]),
        ];
        let motion = extracted(Feature::Motion, frames);
        assert_eq!(motion, [[0, 0, 0], [255, 255, 1], [5, 0, 11]]);
    }

    #[test]
    fn a_clip_begins_without_motion() {
        let frames = [
            row("a", 0, &[10]),
            row("a", 1, &[30]),
            row("b", 2, &[90]),
            row("b", 3, &[91]),
            // Back in a clip that was left.
            row("a", 4, &[0]),
        ];
        let motion = extracted(Feature::Motion, frames);
        assert_eq!(motion, [[0], [20], [0], [1], [0]]);
    }

    #[test]
    fn a_clip_that_starts_over_begins_without_motion() {
        let frames = [
            row("a", 0, &[10]),
            row("a", 1, &[30]),
            row("a", 0, &[10]),
            row("a", 1, &[30]),
            // A clip of one frame starts over at the same place.
            row("a", 1, &[70]),
        ];
        let motion = extracted(Feature::Motion, frames);
        assert_eq!(motion, [[0], [20], [0], [20], [0]]);
    }

    #[test]
    fn over_a_file_that_is_no_image_motion_goes_on() {
        let frames = [row("a", 0, &[10]), row("a", 2, &[30])];
        assert_eq!(extracted(Feature::Motion, frames), [[0], [20]]);
    }

    #[test]
    fn frames_of_other_sizes_are_not_compared() {
        let frames = [
            row("a", 0, &[10, 10]),
            row("a", 1, &[30]),
            row("a", 2, &[50, 50]),
        ];
        let motion = extracted(Feature::Motion, frames);
        assert_eq!(motion, [vec![0, 0], vec![0], vec![0, 0]]);
    }

    /// Three frames of one size.
    fn three_frames() -> impl Strategy<Value = [Vec<u8>; 3]> {
        let pixels = proptest::collection::vec(any::<[u8; 3]>(), 1..40);
        pixels.prop_map(|pixels| [0, 1, 2].map(|t| pixels.iter().map(|pixel| pixel[t]).collect()))
    }

    proptest! {
        #[test]
        fn motion_is_exact_over_the_whole_range([a, b, c] in three_frames()) {
            let frames = [row("a", 0, &a), row("a", 1, &b), row("a", 2, &c)];
            let motion = extracted(Feature::Motion, frames);
            for (found, (before, after)) in motion[1..].iter().zip([(&a, &b), (&b, &c)]) {
                for (found, (before, after)) in found.iter().zip(before.iter().zip(after)) {
                    let expected = (i16::from(*after) - i16::from(*before)).abs();
                    prop_assert_eq!(i16::from(*found), expected);
                }
            }
        }

        #[test]
        fn motion_is_the_same_in_both_directions([a, b, _] in three_frames()) {
            let forth = extracted(Feature::Motion, [row("a", 0, &a), row("a", 1, &b)]);
            let back = extracted(Feature::Motion, [row("a", 0, &b), row("a", 1, &a)]);
            prop_assert_eq!(forth, back);
        }

        #[test]
        fn equal_frames_show_no_motion([a, b, _] in three_frames()) {
            let frames = [row("a", 0, &b), row("a", 1, &a), row("a", 2, &a)];
            let [first, _, last] = extracted(Feature::Motion, frames);
            prop_assert!(first.iter().chain(&last).all(|&v| v == 0));
        }
    }
}
