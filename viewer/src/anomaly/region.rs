//! Where in the picture something is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::grid::Grid;
use super::scale::Rating;
use super::settings::{LARGE_RADII, PERSON_RADII};
use super::shape::MapShape;

/// A part of the map, in windows from the top left; never empty and never beyond the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Region {
    /// The first column.
    pub x: u32,
    /// The first row.
    pub y: u32,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
}

/// Cells with at least this share of the strongest energy around belong to the object.
const OBJECT_SHARE: f32 = 0.25;

impl Region {
    /// The smallest region that covers this one and `other`.
    pub fn union(self, other: Region) -> Region {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let end = |from: u32, side: u32| from.saturating_add(side);
        let right = end(self.x, self.width).max(end(other.x, other.width));
        let bottom = end(self.y, self.height).max(end(other.y, other.height));
        Region {
            x,
            y,
            width: right.saturating_sub(x),
            height: bottom.saturating_sub(y),
        }
    }

    /// The object that `rating` found: what has energy now within twice a person's size around the place, or within
    /// the large area. `None` where there is no energy any more.
    pub(super) fn of(rating: &Rating, energies: &Grid, shape: MapShape) -> Option<Region> {
        let (rows, columns) = if rating.large {
            LARGE_RADII
        } else {
            (2 * PERSON_RADII.0, 2 * PERSON_RADII.1 + 1)
        };
        let rows = rating.row.saturating_sub(rows)..=rating.row.saturating_add(rows);
        let columns = rating.column.saturating_sub(columns)..=rating.column.saturating_add(columns);
        let near = || {
            let rows = energies
                .rows()
                .enumerate()
                .filter(|(y, _)| rows.contains(y));
            rows.flat_map(|(y, row)| row.iter().enumerate().map(move |(x, cell)| (x, y, *cell)))
                .filter(|(x, _, _)| columns.contains(x))
        };
        let strongest = near().map(|(_, _, energy)| energy).fold(0.0, f32::max);
        if strongest <= 0.0 {
            return None;
        }
        let object = near().filter(|(_, _, energy)| *energy >= OBJECT_SHARE * strongest);
        let cells = object.map(|(x, y, _)| cell_region(x, y, shape));
        cells.reduce(Region::union)
    }
}

/// The windows of one cell of the grid.
fn cell_region(x: usize, y: usize, shape: MapShape) -> Region {
    let span = |at: usize, windows: u32| {
        let side = shape.cell() as u32;
        let first = u32::try_from(at).unwrap_or(u32::MAX).saturating_mul(side);
        let first = first.min(windows.saturating_sub(1));
        (first, side.min(windows - first).max(1))
    };
    let (x, width) = span(x, shape.width);
    let (y, height) = span(y, shape.height);
    Region {
        x,
        y,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_covers_both() {
        let a = Region {
            x: 2,
            y: 3,
            width: 1,
            height: 2,
        };
        let b = Region {
            x: 0,
            y: 4,
            width: 1,
            height: 3,
        };
        assert_eq!(
            a.union(b),
            Region {
                x: 0,
                y: 3,
                width: 3,
                height: 4
            }
        );
        let far = Region {
            x: u32::MAX,
            y: 0,
            width: u32::MAX,
            height: 1,
        };
        assert_eq!(a.union(far).y, 0);
    }

    #[test]
    fn a_region_is_the_object_around_the_place() {
        let shape = MapShape {
            width: 20,
            height: 12,
            level_count: 3,
        };
        let mut grid = Grid::zeros(20, 12);
        for row in grid.rows_mut().skip(4).take(3) {
            row[9..11].fill(0.5);
            row[19] = 1.0;
        }
        let rating = Rating {
            raw: 1.0,
            large: false,
            row: 5,
            column: 10,
        };
        let region = Region::of(&rating, &grid, shape);
        assert_eq!(
            region,
            Some(Region {
                x: 9,
                y: 4,
                width: 2,
                height: 3
            })
        );
        assert_eq!(Region::of(&rating, &Grid::zeros(20, 12), shape), None);
    }

    #[test]
    fn cells_at_the_border_end_with_the_map() {
        let shape = MapShape {
            width: 65,
            height: 3,
            level_count: 1,
        };
        assert_eq!(
            cell_region(32, 1, shape),
            Region {
                x: 64,
                y: 2,
                width: 1,
                height: 1
            }
        );
        assert_eq!(
            cell_region(0, 0, shape),
            Region {
                x: 0,
                y: 0,
                width: 2,
                height: 2
            }
        );
    }
}
