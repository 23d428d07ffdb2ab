//! The quantiser: a rising list of thresholds that turns 256 grey values into a few levels.

use crate::frame::Frame;
use thiserror::Error;

/// A rising list of 1..=255 thresholds. A pixel becomes the number of thresholds it reaches, `0..=L` for `L` thresholds.
///
/// The map is monotone, so pooling the quantised frame is quantising the pooled frame: fewer levels give a maximum with
/// a bounded error, and never a reversed order.
#[derive(Clone, PartialEq, Eq)]
pub struct Quantiser {
    thresholds: Vec<u8>,
    levels: Box<[u8; 256]>,
}

/// Why a list of thresholds or a number of bits was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum QuantiserError {
    /// `bits` outside 1..=8.
    #[error("bits = {0}; give 1 to 8")]
    Bits(u8),
    /// No threshold at all.
    #[error("the list of levels is empty; give 1 to 255 thresholds between 1 and 255")]
    Empty,
    /// A threshold of 0, which every pixel reaches.
    #[error("threshold 0 is reached by every pixel; give thresholds between 1 and 255")]
    Zero,
    /// Thresholds that do not rise.
    #[error("threshold {next} follows {previous}; thresholds must rise")]
    NotRising {
        /// The earlier threshold.
        previous: u8,
        /// The one after it, not larger.
        next: u8,
    },
}

impl Quantiser {
    /// The quantiser of `bits` 1..=8: `2^bits - 1` evenly spaced thresholds, which is `v >> (8 - bits)`. 8 bits is the identity.
    pub fn from_bits(bits: u8) -> Result<Self, QuantiserError> {
        if !(1..=8).contains(&bits) {
            return Err(QuantiserError::Bits(bits));
        }
        let step = 8 - bits;
        Self::from_thresholds(
            (1..=255u8)
                .filter(|v| v.trailing_zeros() >= u32::from(step))
                .collect(),
        )
    }

    /// A quantiser from rising thresholds in 1..=255.
    pub fn from_thresholds(thresholds: Vec<u8>) -> Result<Self, QuantiserError> {
        let first = thresholds.first().ok_or(QuantiserError::Empty)?;
        if *first == 0 {
            return Err(QuantiserError::Zero);
        }
        for (previous, next) in thresholds.iter().zip(thresholds.iter().skip(1)) {
            if next <= previous {
                return Err(QuantiserError::NotRising {
                    previous: *previous,
                    next: *next,
                });
            }
        }
        let mut levels = Box::new([0u8; 256]);
        for (value, level) in (0..=255u8).zip(levels.iter_mut()) {
            *level = thresholds.partition_point(|t| *t <= value) as u8;
        }
        Ok(Self { thresholds, levels })
    }

    /// L, the number of thresholds and the highest level, 1..=255.
    pub fn level_count(&self) -> u8 {
        self.thresholds.len() as u8
    }

    /// The thresholds, rising.
    pub fn thresholds(&self) -> &[u8] {
        &self.thresholds
    }

    /// The bits this quantiser is the shorthand of, if it is one.
    pub fn bits(&self) -> Option<u8> {
        (1..=8).find(|bits| Self::from_bits(*bits).is_ok_and(|plain| plain == *self))
    }

    /// Replaces each pixel by its level.
    pub fn quantise(&self, frame: &Frame) -> QuantisedFrame {
        let level = |v: &u8| {
            self.levels
                .get(usize::from(*v))
                .copied()
                .unwrap_or_default()
        };
        QuantisedFrame {
            width: frame.width(),
            height: frame.height(),
            level_count: self.level_count(),
            levels: frame.luma().iter().map(level).collect(),
        }
    }
}

impl std::fmt::Debug for Quantiser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Quantiser").field(&self.thresholds).finish()
    }
}

/// A frame whose pixels are levels `0..=level_count`, row by row.
#[derive(Clone, PartialEq, Eq)]
pub struct QuantisedFrame {
    width: u32,
    height: u32,
    level_count: u8,
    levels: Vec<u8>,
}

impl QuantisedFrame {
    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// L: the highest level a pixel can have.
    pub fn level_count(&self) -> u8 {
        self.level_count
    }

    /// The level of each pixel, row by row.
    pub fn levels(&self) -> &[u8] {
        &self.levels
    }

    /// The level at column `x`, row `y`; `None` outside the frame.
    pub fn level_at(&self, x: u32, y: u32) -> Option<u8> {
        if x >= self.width {
            return None;
        }
        self.levels
            .get(y as usize * self.width as usize + x as usize)
            .copied()
    }
}

// Pixel values never reach a log by way of `{:?}`.
impl std::fmt::Debug for QuantisedFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "QuantisedFrame({}x{}, {} levels)",
            self.width, self.height, self.level_count
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels_of_every_value(quantiser: &Quantiser) -> Vec<u8> {
        let ramp = Frame::new(256, 1, (0..=255).collect()).unwrap();
        quantiser.quantise(&ramp).levels().to_vec()
    }

    #[test]
    fn bits_are_a_shift() {
        for bits in 1..=8u8 {
            let quantiser = Quantiser::from_bits(bits).unwrap();
            let shifted: Vec<u8> = (0..=255u8).map(|v| v >> (8 - bits)).collect();
            assert_eq!(levels_of_every_value(&quantiser), shifted, "bits = {bits}");
            assert_eq!(quantiser.bits(), Some(bits));
        }
    }

    #[test]
    fn a_level_is_the_number_of_thresholds_reached() {
        let quantiser = Quantiser::from_thresholds(vec![8, 20, 45]).unwrap();
        let levels = levels_of_every_value(&quantiser);
        assert_eq!(
            [
                levels[7],
                levels[8],
                levels[19],
                levels[20],
                levels[44],
                levels[45],
                levels[255]
            ],
            [0, 1, 1, 2, 2, 3, 3]
        );
        assert_eq!(quantiser.bits(), None);
    }

    #[test]
    fn refusals() {
        assert_eq!(Quantiser::from_bits(0), Err(QuantiserError::Bits(0)));
        assert_eq!(Quantiser::from_bits(9), Err(QuantiserError::Bits(9)));
        assert_eq!(
            Quantiser::from_thresholds(vec![]),
            Err(QuantiserError::Empty)
        );
        assert_eq!(
            Quantiser::from_thresholds(vec![0, 3]),
            Err(QuantiserError::Zero)
        );
        assert_eq!(
            Quantiser::from_thresholds(vec![3, 3]),
            Err(QuantiserError::NotRising {
                previous: 3,
                next: 3
            })
        );
    }
}
