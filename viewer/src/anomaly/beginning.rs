//! The beginning of a training: the maps that the usual levels are taken from.

use super::settings::{BASELINE_BYTES, BASELINE_MAPS};
use super::shape::MapShape;
use cipherframe::FeatureMap;

/// What a trainer is told.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The next map, and the clip it belongs to, counted from 0.
    Map { map: FeatureMap, clip: u64 },
    /// The next map does not go on where the last one was.
    Reset,
    /// So many maps are missing.
    Skip(u32),
}

/// What a trainer was told so far, to be gone through once the usual levels are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Beginning {
    steps: Vec<Step>,
    maps: usize,
}

impl Beginning {
    /// Nothing yet.
    pub(super) fn new() -> Beginning {
        Beginning::default()
    }

    /// Takes the next step. Of steps between two maps it keeps two at most, or they would fill the room.
    pub(super) fn push(&mut self, step: Step) {
        match (self.steps.last_mut(), &step) {
            // After a reset nothing is there that could go missing.
            (Some(Step::Reset) | None, Step::Reset | Step::Skip(_)) => return,
            (Some(Step::Skip(before)), Step::Skip(count)) => {
                *before = before.saturating_add(*count);
                return;
            }
            (_, Step::Map { .. }) => self.maps += 1,
            _ => {}
        }
        self.steps.push(step);
    }

    /// Whether it has as many maps as the usual levels are taken from.
    pub(super) fn is_full(&self, shape: MapShape) -> bool {
        self.maps >= (BASELINE_BYTES / shape.windows().max(1)).clamp(1, BASELINE_MAPS)
    }

    /// The maps, in order.
    pub(super) fn maps(&self) -> Vec<&FeatureMap> {
        let maps = self.steps.iter().filter_map(|step| match step {
            Step::Map { map, .. } => Some(map),
            Step::Reset | Step::Skip(_) => None,
        });
        maps.collect()
    }

    /// The steps, in order.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_between_maps_do_not_fill_the_room() {
        let map = FeatureMap::new(1, 1, 1, vec![0]).unwrap();
        let mut beginning = Beginning::new();
        beginning.push(Step::Skip(1));
        beginning.push(Step::Map { map, clip: 0 });
        for _ in 0..1000 {
            beginning.push(Step::Skip(u32::MAX));
        }
        for _ in 0..1000 {
            beginning.push(Step::Reset);
            beginning.push(Step::Skip(1));
        }
        assert!(matches!(
            beginning.steps(),
            [Step::Map { .. }, Step::Skip(u32::MAX), Step::Reset]
        ));
        assert_eq!(beginning.maps().len(), 1);
    }

    #[test]
    fn large_maps_fill_it_sooner() {
        let full_at = |width| {
            let shape = MapShape {
                width,
                height: 1024,
                level_count: 1,
            };
            let mut beginning = Beginning::new();
            while !beginning.is_full(shape) {
                let map = FeatureMap::new(1, 1, 1, vec![0]).unwrap();
                beginning.push(Step::Map { map, clip: 0 });
            }
            beginning.maps
        };
        assert_eq!((full_at(1), full_at(1024)), (BASELINE_MAPS, 16));
    }
}
