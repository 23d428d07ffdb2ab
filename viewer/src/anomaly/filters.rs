//! Filters that add up, over the last maps, what an object leaves behind.
//!
//! The filters along straight paths are velocity-tuned filters in space and time, as in I. S. Reed, R. M. Gagliardi and
//! H. M. Shao, "Application of Three-Dimensional Filtering to Moving Target Detection", IEEE Transactions on Aerospace
//! and Electronic Systems, 1983: shift each past map by what an object of that speed has moved since, then average.

use std::collections::VecDeque;

use super::grid::Grid;
use super::settings::{
    FILTERS, LARGE_MAPS, LARGE_RADII, LEAST_DIVISOR, LONG_MAPS, PERSON_RADII, SHORT_MAPS, SPEEDS,
    SURROUND_RADIUS,
};

/// Where a filter answers most in one row of the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Peak {
    /// The answer, a mean energy in `0..=1`; 0 where there is none above 0.
    pub(super) strength: f32,
    /// The cell's column.
    pub(super) column: usize,
}

/// The peak of each filter in each row: all rows of the filter at rest, then those of each speed, slowest first, then
/// those of the large area.
pub(super) type Peaks = Vec<Peak>;

/// What the filters keep of one map.
#[derive(Clone, Debug)]
struct Slice {
    /// Energy over a person's size, less that of the surroundings in the same rows.
    contrast: Grid,
    /// Energy over the large area.
    large: Grid,
}

/// The filters and the maps they cover.
#[derive(Clone, Debug)]
pub(super) struct Filters {
    width: usize,
    height: usize,
    /// The last maps, the latest first; `None` for those that went missing.
    past: VecDeque<Option<Slice>>,
}

impl Filters {
    /// For grids of `width` x `height` cells.
    pub(super) fn new((width, height): (usize, usize)) -> Filters {
        Filters {
            width: width.max(1),
            height: height.max(1),
            past: VecDeque::new(),
        }
    }

    /// Forgets all maps.
    pub(super) fn reset(&mut self) {
        self.past.clear();
    }

    /// Takes `count` maps for missing.
    pub(super) fn skip(&mut self, count: u32) {
        if count as usize >= LONG_MAPS {
            self.reset();
        } else if !self.past.is_empty() {
            (0..count).for_each(|_| self.push(None));
        }
    }

    /// The answers of the filters once `energies` has come. Silence before the first activity is not counted: the
    /// first motion map of a clip is silent whatever happens.
    pub(super) fn observe(&mut self, energies: &Grid) -> Peaks {
        let mut peaks = vec![Peak::default(); FILTERS * self.height];
        if self.past.is_empty() && energies.is_silent() {
            return peaks;
        }
        let person = energies.mean_around(PERSON_RADII);
        let surroundings = person.mean_along_rows(SURROUND_RADIUS);
        self.push(Some(Slice {
            contrast: person.less(&surroundings),
            large: energies.mean_around(LARGE_RADII),
        }));
        let mut of_filter = peaks.chunks_mut(self.height);
        let mut filter = |maps, tracks: &[Track], layer: fn(&Slice) -> &Grid| {
            if let Some(peaks) = of_filter.next() {
                tracks
                    .iter()
                    .for_each(|track| self.answer(maps, *track, layer, peaks));
            }
        };
        filter(SHORT_MAPS, &[Track::Right(0)], |slice| &slice.contrast);
        for speed in SPEEDS {
            let tracks = [Track::Right(speed), Track::Left(speed)];
            // At rest both directions are the same.
            let tracks = tracks.get(usize::from(speed == 0)..).unwrap_or_default();
            filter(LONG_MAPS, tracks, |slice| &slice.contrast);
        }
        filter(LARGE_MAPS, &[Track::Right(0)], |slice| &slice.large);
        peaks
    }

    fn push(&mut self, slice: Option<Slice>) {
        self.past.truncate(LONG_MAPS - 1);
        self.past.push_front(slice);
    }

    /// Raises `peaks` to the answers of one filter.
    fn answer(&self, maps: usize, track: Track, layer: fn(&Slice) -> &Grid, peaks: &mut [Peak]) {
        let covered = || self.past.iter().take(maps).enumerate();
        let present = covered().filter(|(_, slice)| slice.is_some()).count();
        let share = 1.0 / present.max(LEAST_DIVISOR) as f32;
        let mut sums = vec![0.0_f32; self.width];
        for (y, peak) in peaks.iter_mut().enumerate() {
            sums.fill(0.0);
            for (age, slice) in covered() {
                if let Some(slice) = slice {
                    track.add(layer(slice).row(y), age, &mut sums);
                }
            }
            for (column, sum) in sums.iter().enumerate() {
                let strength = sum * share;
                if strength > peak.strength {
                    *peak = Peak { strength, column };
                }
            }
        }
    }
}

/// A straight path along a row, in quarters of a cell per map.
#[derive(Clone, Copy, Debug)]
enum Track {
    Right(usize),
    Left(usize),
}

impl Track {
    /// Adds the row of `age` maps ago to `sums`, moved on to where an object on this path is now.
    fn add(self, row: &[f32], age: usize, sums: &mut [f32]) {
        let (Track::Right(speed) | Track::Left(speed)) = self;
        let moved = (speed * age + 2) / 4;
        let (from, to) = match self {
            Track::Right(_) => (Some(row), sums.get_mut(moved..)),
            Track::Left(_) => (row.get(moved..), Some(sums)),
        };
        let pairs = to
            .unwrap_or_default()
            .iter_mut()
            .zip(from.unwrap_or_default());
        pairs.for_each(|(sum, cell)| *sum += cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid of 40 x 9 cells with energy 1 in 5 rows x 3 columns around `column`.
    fn object(column: usize) -> Grid {
        let mut grid = Grid::zeros(40, 9);
        for row in grid.rows_mut().skip(2).take(5) {
            row.iter_mut()
                .skip(column - 1)
                .take(3)
                .for_each(|cell| *cell = 1.0);
        }
        grid
    }

    /// The strongest answer of each filter to an object that moves by `step` quarters of a cell.
    fn answers(step: usize) -> Vec<f32> {
        let mut filters = Filters::new((40, 9));
        let maps = (0..LONG_MAPS).map(|age| filters.observe(&object(10 + (step * age + 2) / 4)));
        let last = maps.last().unwrap();
        let strongest = |rows: &[Peak]| rows.iter().map(|p| p.strength).fold(0.0, f32::max);
        last.chunks(9).map(strongest).collect()
    }

    #[test]
    fn the_path_of_the_right_speed_answers_most() {
        for step in [0, 2, 3] {
            let answers = answers(step);
            let paths = &answers[1..=SPEEDS.len()];
            let best = paths.iter().copied().fold(0.0, f32::max);
            assert_eq!(paths[step], best, "{step}: {answers:?}");
        }
    }

    #[test]
    fn a_path_is_the_same_to_the_left_and_to_the_right() {
        let mut row = [0.0; 8];
        row[4] = 1.0;
        let (mut left, mut right) = ([0.0; 8], [0.0; 8]);
        Track::Left(3).add(&row, 4, &mut left);
        Track::Right(3).add(&row, 4, &mut right);
        assert_eq!((left[1], right[7]), (1.0, 1.0));
        Track::Right(3).add(&row, 99, &mut right);
        Track::Left(3).add(&row, 99, &mut left);
        assert_eq!(left.iter().chain(&right).sum::<f32>(), 2.0);
    }

    #[test]
    fn missing_maps_are_not_counted_and_a_long_gap_forgets() {
        let mut filters = Filters::new((40, 9));
        filters.observe(&object(10));
        let steady = filters.observe(&object(10));
        filters.skip(2);
        let after = filters.observe(&object(10));
        // The filters at rest, that is: a path has moved on.
        for (steady, after) in steady.iter().zip(&after).take(2 * 9) {
            assert!((steady.strength - after.strength).abs() < 1e-6);
        }
        filters.skip(u32::MAX);
        assert!(filters.past.is_empty());
        assert!(
            filters
                .observe(&Grid::zeros(40, 9))
                .iter()
                .all(|peak| peak.strength == 0.0)
        );
        assert!(filters.past.is_empty());
    }
}
