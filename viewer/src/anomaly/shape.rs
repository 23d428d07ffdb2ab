//! The shape of a camera's maps.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::settings::{MAX_GRID_SIDE, MAX_WINDOWS};
use cipherframe::FeatureMap;

/// The shape of a camera's maps. A model fits maps of one shape only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapShape {
    /// Width in windows, at least 1.
    pub width: u32,
    /// Height in windows, at least 1.
    pub height: u32,
    /// The highest level a window can have, at least 1.
    pub level_count: u8,
}

/// A shape that cannot be worked with.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ShapeError {
    /// A map of another shape than the one expected.
    #[error(
        "the map has {} but {} was expected; maps of another shape need a model of their own",
        described(.actual), described(.expected)
    )]
    Differs {
        /// The shape expected.
        expected: MapShape,
        /// The map's shape.
        actual: MapShape,
    },
    /// A shape without windows or levels.
    #[error("maps with {} have nothing to learn from; sides and levels have to be \
             1 or more", described(.0))]
    Empty(MapShape),
    /// More than [`MAX_WINDOWS`] windows.
    #[error("maps with {} are too large; \
             at most {MAX_WINDOWS} windows are possible", described(.0))]
    TooLarge(MapShape),
}

fn described(shape: &MapShape) -> String {
    let MapShape {
        width,
        height,
        level_count,
    } = shape;
    format!("{width}x{height} windows of {level_count} levels")
}

impl MapShape {
    /// The shape of `map`.
    pub fn of(map: &FeatureMap) -> MapShape {
        MapShape {
            width: map.width(),
            height: map.height(),
            level_count: map.level_count(),
        }
    }

    /// The number of windows.
    pub fn windows(self) -> usize {
        (self.width as usize).saturating_mul(self.height as usize)
    }

    /// # Errors
    /// When the shape has a side or a level count of 0, or more than [`MAX_WINDOWS`] windows.
    pub(super) fn usable(self) -> Result<MapShape, ShapeError> {
        if self.width == 0 || self.height == 0 || self.level_count == 0 {
            return Err(ShapeError::Empty(self));
        }
        if self.windows() > MAX_WINDOWS {
            return Err(ShapeError::TooLarge(self));
        }
        Ok(self)
    }

    /// # Errors
    /// When `map` has another shape.
    pub(super) fn expect(self, map: &FeatureMap) -> Result<(), ShapeError> {
        let actual = MapShape::of(map);
        if actual == self {
            Ok(())
        } else {
            Err(ShapeError::Differs {
                expected: self,
                actual,
            })
        }
    }

    /// Windows per cell of the grid, along each side: 1 up to 64 windows on the longer side.
    pub(super) fn cell(self) -> usize {
        let longer = self.width.max(self.height) as usize;
        longer.div_ceil(MAX_GRID_SIDE).max(1)
    }

    /// Width and height of the grid, in cells.
    pub(super) fn grid(self) -> (usize, usize) {
        let cells = |side: u32| (side as usize).div_ceil(self.cell()).max(1);
        (cells(self.width), cells(self.height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(width: u32, height: u32) -> MapShape {
        MapShape {
            width,
            height,
            level_count: 3,
        }
    }

    #[test]
    fn small_maps_keep_their_windows_and_large_ones_are_averaged() {
        assert_eq!((shape(48, 32).cell(), shape(48, 32).grid()), (1, (48, 32)));
        assert_eq!((shape(65, 2).cell(), shape(65, 2).grid()), (2, (33, 1)));
        assert_eq!(
            (shape(480, 270).cell(), shape(480, 270).grid()),
            (8, (60, 34))
        );
    }

    #[test]
    fn shapes_without_windows_and_huge_ones_are_refused() {
        assert_eq!(shape(0, 4).usable(), Err(ShapeError::Empty(shape(0, 4))));
        assert_eq!(
            shape(4096, 4096).usable(),
            Err(ShapeError::TooLarge(shape(4096, 4096)))
        );
        assert_eq!(shape(1, 1).usable(), Ok(shape(1, 1)));
        let huge = shape(u32::MAX, u32::MAX);
        assert_eq!(huge.usable(), Err(ShapeError::TooLarge(huge)));
    }

    #[test]
    fn the_error_names_both_shapes() {
        let map = FeatureMap::new(2, 1, 3, vec![0, 0]).unwrap();
        let error = shape(1, 2).expect(&map).unwrap_err().to_string();
        assert!(
            error.starts_with("the map has 2x1 windows of 3 levels but 1x2 windows of 3"),
            "{error}"
        );
    }
}
