//! Levels become energies: how far they are from what is usual at their place.

use super::grid::Grid;
use super::settings::ENERGY_POWER;
use super::shape::MapShape;
use cipherframe::FeatureMap;

/// Turns maps of one shape into grids of energies.
///
/// The energy of a window is `(|l - u| / L)^3` with its level l, its usual level u and the highest level L. Maps of
/// motion are usually 0 everywhere, so that the energy is `(l / L)^3`; in maps of luma the empty scene disappears.
/// Subtracting the most frequent value is the oldest of background models.
#[derive(Clone, Debug)]
pub(super) struct Energies {
    shape: MapShape,
    /// The usual level of each window.
    usual: Vec<u8>,
    /// The energy of each distance `0..=level_count`.
    table: Vec<f32>,
}

impl Energies {
    /// For maps of `shape` with the usual levels `usual`.
    pub(super) fn new(shape: MapShape, usual: Vec<u8>) -> Energies {
        let highest = f32::from(shape.level_count.max(1));
        let energy = |distance: u8| (f32::from(distance) / highest).powi(ENERGY_POWER);
        Energies {
            shape,
            usual,
            table: (0..=shape.level_count).map(energy).collect(),
        }
    }

    /// The energies of `map`, each cell the mean of its windows.
    pub(super) fn of(&self, map: &FeatureMap) -> Grid {
        let cell = self.shape.cell();
        let (width, height) = self.shape.grid();
        let mut grid = Grid::zeros(width, height);
        let side = (self.shape.width as usize).max(1);
        let band = side * cell;
        let bands = map.values().chunks(band).zip(self.usual.chunks(band));
        for ((levels, usual), cells) in bands.zip(grid.rows_mut()) {
            let rows = (levels.len() / side).max(1);
            for (levels, usual) in levels.chunks(side).zip(usual.chunks(side)) {
                let columns = levels.chunks(cell).zip(usual.chunks(cell));
                for ((levels, usual), energy) in columns.zip(cells.iter_mut()) {
                    let sum: f32 = levels
                        .iter()
                        .zip(usual)
                        .map(|(l, u)| self.energy(*l, *u))
                        .sum();
                    *energy += sum / (levels.len() * rows) as f32;
                }
            }
        }
        grid
    }

    /// The usual level of each window, row by row.
    pub(super) fn usual(&self) -> &[u8] {
        &self.usual
    }

    fn energy(&self, level: u8, usual: u8) -> f32 {
        self.table
            .get(usize::from(level.abs_diff(usual)))
            .copied()
            .unwrap_or(1.0)
    }
}

/// The usual level of each window in `maps`: the lowest that it has at least half as often as its most frequent one; 0
/// without maps. The lower of two is the one without anybody in the picture where people come by all the time.
pub(super) fn usual_levels(shape: MapShape, maps: &[&FeatureMap]) -> Vec<u8> {
    let mut counts = vec![0_usize; usize::from(shape.level_count) + 1];
    let usual = |window: usize| {
        counts.fill(0);
        for value in maps.iter().filter_map(|map| map.values().get(window)) {
            if let Some(count) = counts.get_mut(usize::from(*value)) {
                *count += 1;
            }
        }
        let most = counts.iter().copied().max().unwrap_or_default();
        let found = (0..=shape.level_count)
            .zip(&counts)
            .find(|(_, count)| 2 * **count >= most);
        found.map_or(0, |(level, _)| level)
    };
    (0..shape.windows()).map(usual).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: MapShape = MapShape {
        width: 3,
        height: 1,
        level_count: 2,
    };

    fn map(values: [u8; 3]) -> FeatureMap {
        FeatureMap::new(3, 1, 2, values.to_vec()).unwrap()
    }

    #[test]
    fn the_usual_level_is_frequent_and_low() {
        let maps = [
            map([0, 1, 2]),
            map([2, 2, 2]),
            map([1, 1, 1]),
            map([2, 1, 2]),
            map([2, 0, 2]),
        ];
        let maps: Vec<&FeatureMap> = maps.iter().collect();
        assert_eq!(usual_levels(SHAPE, &maps), [2, 1, 2]);
        assert_eq!(usual_levels(SHAPE, &maps[..3]), [0, 1, 1]);
        assert_eq!(usual_levels(SHAPE, &[]), [0, 0, 0]);
    }

    #[test]
    fn an_energy_is_the_cube_of_the_distance() {
        let energies = Energies::new(SHAPE, vec![0, 1, 2]);
        assert_eq!(energies.of(&map([2, 2, 2])).row(0), [1.0, 0.125, 0.0]);
    }

    #[test]
    fn a_cell_of_several_windows_is_their_mean() {
        let shape = MapShape {
            width: 65,
            height: 3,
            level_count: 1,
        };
        let mut values = vec![0; 65 * 3];
        values[0] = 1;
        values[64] = 1;
        values[2 * 65 + 64] = 1;
        let map = FeatureMap::new(65, 3, 1, values).unwrap();
        let grid = Energies::new(shape, vec![0; 65 * 3]).of(&map);
        assert_eq!((grid.row(0).len(), grid.rows().count()), (33, 2));
        assert_eq!(
            (grid.row(0)[0], grid.row(0)[32], grid.row(1)[32]),
            (0.25, 0.5, 1.0)
        );
    }
}
