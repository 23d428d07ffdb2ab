//! A pooled feature map: one level per window.

use crate::frame::pixel_count;
use thiserror::Error;

/// The result of pooling: `width` x `height` windows, each a level in `0..=level_count`, row by row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeatureMap {
    width: u32,
    height: u32,
    level_count: u8,
    values: Vec<u8>,
}

/// Why a feature map was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FeatureMapError {
    /// The number of values is not width x height.
    #[error(
        "feature map of {width}x{height} windows came with {actual} values; one per window is needed"
    )]
    Length {
        /// Width in windows.
        width: u32,
        /// Height in windows.
        height: u32,
        /// Values given.
        actual: usize,
    },
    /// A value above the number of levels.
    #[error("feature map of {level_count} levels holds the value {value}; it is corrupt")]
    Value {
        /// The highest level possible.
        level_count: u8,
        /// The value found.
        value: u8,
    },
}

impl FeatureMap {
    /// A map from its values, row by row.
    pub fn new(
        width: u32,
        height: u32,
        level_count: u8,
        values: Vec<u8>,
    ) -> Result<Self, FeatureMapError> {
        if values.len() != pixel_count(width, height) {
            return Err(FeatureMapError::Length {
                width,
                height,
                actual: values.len(),
            });
        }
        match values.iter().find(|value| **value > level_count) {
            Some(value) => Err(FeatureMapError::Value {
                level_count,
                value: *value,
            }),
            None => Ok(Self {
                width,
                height,
                level_count,
                values,
            }),
        }
    }

    /// Width in windows.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in windows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// L: the highest level a value can have.
    pub fn level_count(&self) -> u8 {
        self.level_count
    }

    /// The level of each window, row by row.
    pub fn values(&self) -> &[u8] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_must_fit_the_sides_and_the_levels() {
        assert!(FeatureMap::new(2, 1, 3, vec![0, 3]).is_ok());
        assert_eq!(
            FeatureMap::new(2, 1, 3, vec![0]),
            Err(FeatureMapError::Length {
                width: 2,
                height: 1,
                actual: 1
            })
        );
        assert_eq!(
            FeatureMap::new(2, 1, 3, vec![0, 4]),
            Err(FeatureMapError::Value {
                level_count: 3,
                value: 4
            })
        );
    }
}
