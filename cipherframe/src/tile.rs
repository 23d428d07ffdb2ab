//! Tiles: the pieces of a frame that are encrypted, sent, pooled and decrypted on their own.

use crate::pool::{PoolSpec, PoolSpecError};
use std::ops::Range;

/// What a scheme's tiles look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TileCut {
    /// Rectangles of windows: neighbours share the pixels they overlap in.
    Rectangles {
        /// The most pixels in one tile; a single window may always stand alone.
        max_pixels: u32,
    },
    /// Windows in raster order, cut into runs.
    Runs {
        /// The most windows in one tile, at least 1.
        max_windows: u32,
    },
}

/// How a frame is cut into tiles of whole pooling windows.
///
/// The cut depends on the frame size, the window, the levels and the scheme alone, never on what a frame shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TilePlan {
    frame_width: u32,
    frame_height: u32,
    pool: PoolSpec,
    map_width: u32,
    map_height: u32,
    shape: TileShape,
}

/// The size of a tile, in windows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TileShape {
    /// Fewer windows in the last column and row of tiles.
    Rectangle { width: u32, height: u32 },
    /// Fewer windows in the last tile.
    Run { windows: u32 },
}

/// The most tiles a frame may be cut into.
pub const MAX_TILES: u32 = 65_536;

/// The pixels and windows of one tile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TileRegion {
    /// Columns of the map covered by the tile.
    pub window_columns: Range<u32>,
    /// Rows of the map covered by the tile.
    pub window_rows: Range<u32>,
    /// Frame columns that some window of the tile uses, rising.
    pub columns: Vec<u32>,
    /// Frame rows that some window of the tile uses, rising. The tile's pixels are `rows` x `columns`, row by row.
    pub rows: Vec<u32>,
}

/// The windows of a tile along one axis. Tiles with the same axes are pooled by the same circuit.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TileAxis {
    /// Pixels of the tile along the axis.
    pub pixels: usize,
    /// For each window the positions of its pixels; never empty.
    pub windows: Vec<Range<usize>>,
}

impl TileRegion {
    /// The number of pixels a tile holds.
    pub fn pixel_count(&self) -> usize {
        self.columns.len() * self.rows.len()
    }

    /// The number of windows a tile holds.
    pub fn window_count(&self) -> usize {
        self.window_columns.len() * self.window_rows.len()
    }
}

impl TilePlan {
    /// Cuts a frame into tiles: as few as `cut` allows, rectangles of about equal size, runs filled up one after the
    /// other.
    pub fn new(
        frame_width: u32,
        frame_height: u32,
        pool: PoolSpec,
        cut: TileCut,
    ) -> Result<Self, PoolSpecError> {
        let (map_width, map_height) = pool.output_size(frame_width, frame_height)?;
        let shape = match cut {
            TileCut::Rectangles { max_pixels } => {
                let across = windows_within(&pool, max_pixels / u32::from(pool.kernel()));
                let width = balanced(map_width, across);
                let pixels_across = pixels_of(&pool, width).max(1);
                let down = windows_within(&pool, max_pixels / pixels_across);
                let height = balanced(map_height, down);
                TileShape::Rectangle { width, height }
            }
            TileCut::Runs { max_windows } => TileShape::Run {
                windows: max_windows.max(1),
            },
        };
        Ok(Self {
            frame_width,
            frame_height,
            pool,
            map_width,
            map_height,
            shape,
        })
    }

    /// How many tiles a frame has.
    pub fn tile_count(&self) -> u32 {
        match self.shape {
            TileShape::Rectangle { width, height } => {
                self.map_width.div_ceil(width) * self.map_height.div_ceil(height)
            }
            TileShape::Run { windows } => (self.map_width * self.map_height).div_ceil(windows),
        }
    }

    /// Map width in windows.
    pub fn map_width(&self) -> u32 {
        self.map_width
    }

    /// Map height in windows.
    pub fn map_height(&self) -> u32 {
        self.map_height
    }

    /// The pixels and windows of tile `tile`, counted row by row; `None` past the last tile and where tiles are runs.
    pub fn region(&self, tile: u32) -> Option<TileRegion> {
        let TileShape::Rectangle { width, height } = self.shape else {
            return None;
        };
        if tile >= self.tile_count() {
            return None;
        }
        let tiles_across = self.map_width.div_ceil(width);
        let window_columns = span(tile % tiles_across, width, self.map_width);
        let window_rows = span(tile / tiles_across, height, self.map_height);
        Some(TileRegion {
            columns: used_pixels(&self.pool, window_columns.clone(), self.frame_width),
            rows: used_pixels(&self.pool, window_rows.clone(), self.frame_height),
            window_columns,
            window_rows,
        })
    }

    /// Where the values of tile `tile` belong in the map: raster indices, in the order in which decryption gives them.
    /// `None` past the last tile.
    pub fn windows(&self, tile: u32) -> Option<Vec<u32>> {
        if let TileShape::Run { windows } = self.shape {
            let all = self.map_width * self.map_height;
            return (tile < self.tile_count()).then(|| span(tile, windows, all).collect());
        }
        let region = self.region(tile)?;
        let row = |y: u32| {
            region
                .window_columns
                .clone()
                .map(move |x| y * self.map_width + x)
        };
        Some(region.window_rows.clone().flat_map(row).collect())
    }

    /// The kernel x kernel positions of a window, given by its raster index, row by row: column and row of the pixel
    /// there, or `None` where it is padding.
    pub fn positions(&self, window: u32) -> impl Iterator<Item = Option<(u32, u32)>> {
        let axis = |index: u32, side: u32| {
            let start = index * u32::from(self.pool.stride());
            let padding = u32::from(self.pool.padding());
            (start..start + u32::from(self.pool.kernel()))
                .map(move |place| place.checked_sub(padding).filter(|pixel| *pixel < side))
        };
        let columns = axis(window % self.map_width, self.frame_width);
        let rows = axis(window / self.map_width, self.frame_height);
        rows.flat_map(move |y| columns.clone().map(move |x| x.zip(y)))
    }

    /// Columns and rows of tile `tile`; `None` past the last tile and where tiles are runs.
    pub fn axes(&self, tile: u32) -> Option<(TileAxis, TileAxis)> {
        let region = self.region(tile)?;
        let axis = |windows: Range<u32>, side: u32, used: &[u32]| {
            let positions = |window| {
                let span = self.pool.window_span(window, side);
                let start = used.partition_point(|pixel| *pixel < span.start);
                start..start + span.len()
            };
            TileAxis {
                pixels: used.len(),
                windows: windows.map(positions).collect(),
            }
        };
        Some((
            axis(region.window_columns, self.frame_width, &region.columns),
            axis(region.window_rows, self.frame_height, &region.rows),
        ))
    }

    /// For each window of tile `tile`, in the order of [`Self::windows`], the positions of its pixels among the tile's
    /// pixels, row by row. `None` past the last tile and where tiles are runs.
    pub fn window_pixels(&self, tile: u32) -> Option<Vec<Vec<usize>>> {
        let (columns, rows) = self.axes(tile)?;
        let mut windows = Vec::with_capacity(columns.windows.len() * rows.windows.len());
        for row in &rows.windows {
            for column in &columns.windows {
                let places = row
                    .clone()
                    .flat_map(|y| column.clone().map(move |x| (x, y)));
                windows.push(places.map(|(x, y)| y * columns.pixels + x).collect());
            }
        }
        Some(windows)
    }
}

/// The `index`-th part of `size` of `all`; the last one may be shorter.
fn span(index: u32, size: u32, all: u32) -> Range<u32> {
    index * size..((index + 1) * size).min(all)
}

/// The most windows, side by side, whose pixels number at most `pixels`; at least one.
fn windows_within(pool: &PoolSpec, pixels: u32) -> u32 {
    let (kernel, stride) = (u32::from(pool.kernel()), u32::from(pool.stride()));
    if stride >= kernel {
        (pixels / kernel).max(1)
    } else {
        pixels
            .checked_sub(kernel)
            .map_or(1, |room| room / stride + 1)
    }
}

/// The pixels that `windows` windows side by side use.
fn pixels_of(pool: &PoolSpec, windows: u32) -> u32 {
    let (kernel, stride) = (u32::from(pool.kernel()), u32::from(pool.stride()));
    windows.saturating_sub(1) * stride.min(kernel) + kernel
}

/// The size of equal parts, none above `most`, that cover `all`.
fn balanced(all: u32, most: u32) -> u32 {
    all.div_ceil(all.div_ceil(most.max(1)))
}

/// The pixels along an axis of `side` pixels that the windows use, rising and without repeats.
fn used_pixels(pool: &PoolSpec, windows: Range<u32>, side: u32) -> Vec<u32> {
    let mut used: Vec<u32> = windows
        .flat_map(|window| pool.window_span(window, side))
        .collect();
    used.sort_unstable();
    used.dedup();
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(width: u32, height: u32, kernel: u8, stride: u8, max_pixels: u32) -> TilePlan {
        TilePlan::new(
            width,
            height,
            PoolSpec::new(kernel, stride, 0).unwrap(),
            TileCut::Rectangles { max_pixels },
        )
        .unwrap()
    }

    #[test]
    fn small_frames_are_one_tile_and_large_ones_are_cut_evenly() {
        assert_eq!(plan(16, 16, 2, 2, 2048).tile_count(), 1);
        assert_eq!(plan(64, 64, 2, 2, 2048).tile_count(), 2);
        assert_eq!(plan(96, 54, 2, 2, 2048).tile_count(), 3);
        assert_eq!(
            plan(640, 480, 2, 2, 2048).region(0).unwrap().pixel_count(),
            640 * 2
        );
        assert_eq!(plan(4096, 2, 2, 2, 2048).tile_count(), 4);
        assert!(plan(64, 64, 2, 2, 2048).region(2).is_none());
    }

    #[test]
    fn pixels_between_windows_are_left_out() {
        let region = plan(9, 9, 2, 4, 2048).region(0).unwrap();
        assert_eq!(region.columns, [0, 1, 4, 5]);
        assert_eq!((region.pixel_count(), region.window_count()), (16, 4));
    }

    proptest! {
        #[test]
        fn tiles_hold_each_window_once_with_all_its_pixels(
            width in 1u32..70, height in 1u32..70, kernel in 1u8..=4, stride in 1u8..6, padding in 0u8..4, max_pixels in 1u32..600,
        ) {
            prop_assume!(padding < kernel);
            let pool = PoolSpec::new(kernel, stride, padding).unwrap();
            let Ok(plan) = TilePlan::new(width, height, pool, TileCut::Rectangles { max_pixels }) else { return Ok(()); };
            let mut seen = vec![0; (plan.map_width() * plan.map_height()) as usize];
            for tile in 0..plan.tile_count() {
                let region = plan.region(tile).unwrap();
                prop_assert!(region.pixel_count() <= max_pixels as usize || region.window_count() == 1);
                prop_assert!(region.columns.iter().all(|x| *x < width) && region.rows.iter().all(|y| *y < height));
                let windows = plan.windows(tile).unwrap();
                prop_assert_eq!(windows.len(), region.window_count());
                let pixels = plan.window_pixels(tile).unwrap();
                prop_assert_eq!(windows.len(), pixels.len());
                for (window, pixels) in windows.into_iter().zip(pixels) {
                    // The same pixels, by their place in the frame.
                    let place = |at: &usize| (region.columns[at % region.columns.len()], region.rows[at / region.columns.len()]);
                    let places: Vec<(u32, u32)> = pixels.iter().map(place).collect();
                    let columns = pool.window_span(window % plan.map_width(), width);
                    let rows = pool.window_span(window / plan.map_width(), height);
                    let expected: Vec<(u32, u32)> =
                        rows.flat_map(|y| columns.clone().map(move |x| (x, y))).collect();
                    prop_assert_eq!(&places, &expected);
                    let kernel_pixels = usize::from(kernel) * usize::from(kernel);
                    prop_assert_eq!(plan.positions(window).count(), kernel_pixels);
                    prop_assert_eq!(plan.positions(window).flatten().collect::<Vec<_>>(), expected);

                    seen[window as usize] += 1;
                    let across = pool.window_span(window % plan.map_width(), width);
                    let down = pool.window_span(window / plan.map_width(), height);
                    prop_assert!(across.clone().all(|x| region.columns.contains(&x)));
                    prop_assert!(down.clone().all(|y| region.rows.contains(&y)));
                }
            }
            prop_assert!(seen.iter().all(|n| *n == 1));
        }

        #[test]
        fn runs_hold_each_window_once_and_are_full_but_for_the_last(
            width in 1u32..70, height in 1u32..70, kernel in 1u8..=4, stride in 1u8..6, max_windows in 1u32..300,
        ) {
            let pool = PoolSpec::new(kernel, stride, 0).unwrap();
            let Ok(plan) = TilePlan::new(width, height, pool, TileCut::Runs { max_windows }) else { return Ok(()); };
            let tiles: Vec<Vec<u32>> = (0..plan.tile_count()).map(|tile| plan.windows(tile).unwrap()).collect();
            let (last, full) = tiles.split_last().unwrap();
            prop_assert!(full.iter().all(|windows| windows.len() == max_windows as usize));
            prop_assert!((1..=max_windows as usize).contains(&last.len()));
            let windows = plan.map_width() * plan.map_height();
            prop_assert_eq!(tiles.concat(), (0..windows).collect::<Vec<_>>());
            prop_assert!(plan.windows(plan.tile_count()).is_none() && plan.region(0).is_none());
        }
    }
}
