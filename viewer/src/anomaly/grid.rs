//! A grid of energies, and means over neighbourhoods in it.

/// `width` x `height` numbers, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    width: usize,
    height: usize,
    cells: Vec<f32>,
}

impl Grid {
    /// A grid of zeros. Sides of 0 become 1.
    pub(super) fn zeros(width: usize, height: usize) -> Grid {
        let (width, height) = (width.max(1), height.max(1));
        Grid {
            width,
            height,
            cells: vec![0.0; width * height],
        }
    }

    /// The rows from the top.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.cells.chunks_exact(self.width)
    }

    /// The rows from the top, to be changed.
    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.cells.chunks_exact_mut(self.width)
    }

    /// Row `y`; empty below the last one.
    pub(super) fn row(&self, y: usize) -> &[f32] {
        self.cells
            .chunks_exact(self.width)
            .nth(y)
            .unwrap_or_default()
    }

    /// Whether every cell is zero.
    pub(super) fn is_silent(&self) -> bool {
        self.cells.iter().all(|cell| *cell == 0.0)
    }

    /// The mean over `2 radius + 1` columns, per cell. Beyond the border there are zeros.
    pub(super) fn mean_along_rows(&self, radius: usize) -> Grid {
        let mut means = Grid::zeros(self.width, self.height);
        let share = 1.0 / (2 * radius + 1) as f32;
        for (row, means) in self.rows().zip(means.rows_mut()) {
            for (x, mean) in means.iter_mut().enumerate() {
                let around = x.saturating_sub(radius)..(x + radius + 1).min(row.len());
                *mean = row.get(around).unwrap_or_default().iter().sum::<f32>() * share;
            }
        }
        means
    }

    /// The mean over `2 rows + 1` rows and `2 columns + 1` columns, per cell. Beyond the border there are zeros.
    pub(super) fn mean_around(&self, (rows, columns): (usize, usize)) -> Grid {
        let wide = self.mean_along_rows(columns);
        let mut means = Grid::zeros(self.width, self.height);
        let share = 1.0 / (2 * rows + 1) as f32;
        for (y, means) in means.rows_mut().enumerate() {
            let first = y.saturating_sub(rows);
            for row in wide.rows().skip(first).take(y + rows + 1 - first) {
                means
                    .iter_mut()
                    .zip(row)
                    .for_each(|(mean, cell)| *mean += cell * share);
            }
        }
        means
    }

    /// Each cell less that of `other`, a grid of the same sides.
    pub(super) fn less(mut self, other: &Grid) -> Grid {
        self.cells
            .iter_mut()
            .zip(&other.cells)
            .for_each(|(cell, less)| *cell -= less);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(width: usize, cells: &[f32]) -> Grid {
        Grid {
            width,
            height: cells.len() / width,
            cells: cells.to_vec(),
        }
    }

    #[test]
    fn a_mean_counts_zeros_beyond_the_border() {
        let means = grid(3, &[3.0, 6.0, 9.0]).mean_along_rows(1);
        assert_eq!(means, grid(3, &[3.0, 6.0, 5.0]));
    }

    #[test]
    fn a_mean_covers_rows_and_columns() {
        let mut one = Grid::zeros(5, 4);
        one.cells[2 * 5 + 1] = 9.0;
        let means = one.mean_around((1, 1));
        let expected: Vec<f32> = (0..20)
            .map(|i| {
                if (1..4).contains(&(i / 5)) && i % 5 < 3 {
                    1.0
                } else {
                    0.0
                }
            })
            .collect();
        for (mean, expected) in means.cells.iter().zip(expected) {
            assert!((mean - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn rows_beyond_the_last_are_empty() {
        let grid = grid(2, &[1.0, 2.0]);
        assert_eq!((grid.row(0), grid.row(1)), (&[1.0, 2.0][..], &[][..]));
        assert!(!grid.is_silent() && Grid::zeros(0, 0).is_silent());
    }
}
