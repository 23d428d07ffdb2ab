//! What came back, beside plaintext pooling.
//!
//! Two references. *Same levels*: plaintext pooling of the very same quantised frame; encryption must not change a
//! window of it. *Exact*: plaintext pooling of the frame at 8 bits; fewer bits differ from it by design.

use std::fmt::Write as _;

use cipherframe::{
    FeatureMap, Frame, PoolSpecError, Quantiser, QuantiserError, StreamSpec, max_pool,
};
use image::GrayImage;
use thiserror::Error;

use crate::picture::greys;

/// Why nothing can be compared: a fault of the program.
#[derive(Debug, Error)]
pub(crate) enum ComparisonError {
    #[error(transparent)]
    Pool(#[from] PoolSpecError),
    #[error(transparent)]
    Quantiser(#[from] QuantiserError),
    #[error("the map has {map} windows, plaintext pooling gives {reference}")]
    Size { map: usize, reference: usize },
}

/// A map and its references, all of the same size.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// The quantised frame, grey.
    pub(crate) input: GrayImage,
    /// What was decrypted.
    pub(crate) map: FeatureMap,
    /// Plaintext pooling of the same quantised frame.
    pub(crate) same_levels: FeatureMap,
    /// Plaintext pooling at 8 bits, grey.
    pub(crate) exact: FeatureMap,
    /// Windows where the map is not plaintext pooling of the same quantised frame.
    pub(crate) wrong_cells: u64,
    /// The largest difference from the exact reference, in grey levels.
    pub(crate) max_error: u8,
    /// The mean difference, in grey levels.
    pub(crate) mean_error: f64,
}

impl Comparison {
    /// Compares `map` with plaintext pooling of `frame`.
    pub(crate) fn new(
        frame: &Frame,
        spec: &StreamSpec,
        map: FeatureMap,
    ) -> Result<Self, ComparisonError> {
        let quantised = spec.quantiser().quantise(frame);
        let same_levels = max_pool(&quantised, spec.pool())?;
        let exact = max_pool(&Quantiser::from_bits(8)?.quantise(frame), spec.pool())?;
        if map.values().len() != exact.values().len() {
            return Err(ComparisonError::Size {
                map: map.values().len(),
                reference: exact.values().len(),
            });
        }
        let pairs = map.values().iter().zip(same_levels.values());
        let wrong_cells = pairs.filter(|(value, expected)| value != expected).count() as u64;
        let input = greys(quantised.levels(), quantised.level_count());
        let input = grey_image(quantised.width(), quantised.height(), input);
        let mut comparison = Self {
            input,
            map,
            same_levels,
            exact,
            wrong_cells,
            max_error: 0,
            mean_error: 0.0,
        };
        let differences = comparison.differences();
        comparison.max_error = differences.iter().copied().max().unwrap_or(0);
        let sum: u64 = differences
            .iter()
            .map(|&difference| u64::from(difference))
            .sum();
        comparison.mean_error = sum as f64 / differences.len().max(1) as f64;
        Ok(comparison)
    }

    /// The map as grey values.
    pub(crate) fn result(&self) -> GrayImage {
        grey_image(self.map.width(), self.map.height(), map_greys(&self.map))
    }

    /// The exact reference as grey values.
    pub(crate) fn reference(&self) -> GrayImage {
        grey_image(
            self.exact.width(),
            self.exact.height(),
            map_greys(&self.exact),
        )
    }

    /// Their difference, in grey levels.
    pub(crate) fn difference(&self) -> GrayImage {
        grey_image(self.map.width(), self.map.height(), self.differences())
    }

    /// A line for each window.
    pub(crate) fn csv(&self) -> String {
        let mut text =
            "row,column,result,same_levels_reference,result_grey,reference_grey,difference\n"
                .to_owned();
        let width = self.map.width().max(1) as usize;
        let (result, reference) = (map_greys(&self.map), map_greys(&self.exact));
        let cells = self.map.values().iter().zip(self.same_levels.values());
        let greys = result.iter().zip(&reference);
        for (at, ((value, same), (result, reference))) in cells.zip(greys).enumerate() {
            let difference = result.abs_diff(*reference);
            let (row, column) = (at / width, at % width);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{row},{column},{value},{same},{result},{reference},{difference}"
            );
        }
        text
    }

    fn differences(&self) -> Vec<u8> {
        let (result, reference) = (map_greys(&self.map), map_greys(&self.exact));
        let pairs = result.iter().zip(&reference);
        pairs
            .map(|(result, reference)| result.abs_diff(*reference))
            .collect()
    }
}

fn map_greys(map: &FeatureMap) -> Vec<u8> {
    greys(map.values(), map.level_count())
}

fn grey_image(width: u32, height: u32, pixels: Vec<u8>) -> GrayImage {
    // The length always fits: it comes from a map or a frame of this size.
    GrayImage::from_raw(width, height, pixels).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use cipherframe::{PoolSpec, SchemeId};

    use super::*;

    fn compared(bits: u8, change: impl Fn(&mut [u8])) -> Comparison {
        let luma = (0..64u32).map(|at| (at * 37 % 256) as u8).collect();
        let frame = Frame::new(8, 8, luma).unwrap();
        let pool = PoolSpec::new(2, 2, 0).unwrap();
        let quantiser = Quantiser::from_bits(bits).unwrap();
        let spec = StreamSpec::new(SchemeId::Plain, 8, 8, quantiser, pool).unwrap();
        let pooled = max_pool(&spec.quantiser().quantise(&frame), spec.pool()).unwrap();
        let mut values = pooled.values().to_vec();
        change(&mut values);
        let map = FeatureMap::new(4, 4, pooled.level_count(), values).unwrap();
        Comparison::new(&frame, &spec, map).unwrap()
    }

    #[test]
    fn eight_bits_are_exact() {
        let exact = compared(8, |_| {});
        assert_eq!(
            (exact.wrong_cells, exact.max_error, exact.mean_error),
            (0, 0, 0.0)
        );
        assert_eq!(exact.result(), exact.reference());
    }

    #[test]
    fn fewer_bits_differ_by_less_than_a_level_and_encryption_changes_nothing() {
        let rough = compared(4, |_| {});
        assert_eq!(rough.wrong_cells, 0);
        assert!((1..=15).contains(&rough.max_error), "{}", rough.max_error);
        assert!(rough.mean_error > 0.0 && rough.mean_error <= f64::from(rough.max_error));
    }

    #[test]
    fn a_changed_window_is_counted_and_shown() {
        let wrong = compared(8, |values| values[5] = 255 - values[5]);
        assert_eq!(wrong.wrong_cells, 1);
        assert!(wrong.max_error > 0);
        let differing = wrong
            .difference()
            .into_raw()
            .iter()
            .filter(|&&v| v > 0)
            .count();
        assert_eq!(differing, 1);
        let csv = wrong.csv();
        assert_eq!(csv.lines().count(), 1 + 16);
        let line = csv.lines().nth(1 + 5).unwrap();
        assert!(line.starts_with("1,1,"), "{line}");
        let cells: Vec<u8> = line
            .split(',')
            .skip(2)
            .map(|cell| cell.parse().unwrap())
            .collect();
        assert_eq!(cells[2].abs_diff(cells[3]), cells[4]);
        assert_ne!(cells[0], cells[1]);
    }
}
