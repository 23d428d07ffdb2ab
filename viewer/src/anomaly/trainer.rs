//! Learns what is ordinary.

use thiserror::Error;

use super::beginning::{Beginning, Step};
use super::energy::{Energies, usual_levels};
use super::filters::Filters;
use super::model::Model;
use super::retained::Thinned;
use super::scale::{Scales, event_threshold};
use super::settings::{LEAST_ACTIVE_MAPS, LEAST_SCALE};
use super::shape::{MapShape, ShapeError};
use cipherframe::FeatureMap;

/// Learns what is ordinary from the maps of one camera. Its memory is bounded, however long it learns: some 16 MiB for
/// the first maps and 6 MiB for statistics of all.
#[derive(Debug)]
pub struct Trainer {
    shape: MapShape,
    stage: Stage,
    filters: Filters,
    statistics: Thinned,
    clips: u64,
    maps: u64,
    /// Whether the clip going on has a map yet.
    in_clip: bool,
}

/// Usual levels have to be known before energies can be.
#[derive(Debug)]
enum Stage {
    /// Collects the first maps.
    Beginning(Beginning),
    /// Knows the usual levels.
    Filtering(Energies),
}

/// Why there is no model.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TrainError {
    /// Nothing, or next to nothing, happened in the maps.
    #[error(
        "{active} of the {maps} maps learned show any activity, and a model takes at least \
         {LEAST_ACTIVE_MAPS}; learn for longer, while ordinary things happen in the picture"
    )]
    TooLittleSeen {
        /// Maps learned.
        maps: u64,
        /// Maps with activity in them.
        active: u64,
    },
}

impl Trainer {
    /// A trainer for maps of `shape` that has seen nothing.
    ///
    /// # Errors
    /// When a side or the level count is 0, or when there are more than [`super::MAX_WINDOWS`] windows.
    pub fn new(shape: MapShape) -> Result<Trainer, ShapeError> {
        let shape = shape.usable()?;
        Ok(Trainer {
            shape,
            stage: Stage::Beginning(Beginning::new()),
            filters: Filters::new(shape.grid()),
            statistics: Thinned::new(),
            clips: 0,
            maps: 0,
            in_clip: false,
        })
    }

    /// The next map does not go on where the last one was.
    pub fn begin_clip(&mut self) {
        if self.in_clip {
            self.in_clip = false;
            self.step(Step::Reset);
        }
    }

    /// `count` maps are missing before the next one.
    pub fn skip(&mut self, count: u32) {
        if self.in_clip && count > 0 {
            self.step(Step::Skip(count));
        }
    }

    /// Learns from the next map.
    ///
    /// # Errors
    /// When the map has another shape than the trainer; then nothing is learned from it.
    pub fn learn(&mut self, map: &FeatureMap) -> Result<(), ShapeError> {
        self.shape.expect(map)?;
        if !self.in_clip {
            self.in_clip = true;
            self.clips = self.clips.saturating_add(1);
        }
        self.maps = self.maps.saturating_add(1);
        let clip = self.clips.saturating_sub(1);
        match &mut self.stage {
            Stage::Filtering(energies) => {
                observe(energies, &mut self.filters, &mut self.statistics, map, clip);
            }
            Stage::Beginning(beginning) => {
                beginning.push(Step::Map {
                    map: map.clone(),
                    clip,
                });
                if beginning.is_full(self.shape) {
                    self.end_beginning();
                }
            }
        }
        Ok(())
    }

    /// How many maps were learned.
    pub fn maps(&self) -> u64 {
        self.maps
    }

    /// The model of what was learned.
    ///
    /// # Errors
    /// When too little was seen.
    pub fn finish(mut self) -> Result<Model, TrainError> {
        self.end_beginning();
        let (Stage::Filtering(energies), active) = (&self.stage, self.statistics.seen()) else {
            return Err(TrainError::TooLittleSeen {
                maps: self.maps,
                active: 0,
            });
        };
        if active < LEAST_ACTIVE_MAPS {
            return Err(TrainError::TooLittleSeen {
                maps: self.maps,
                active,
            });
        }
        let (_, height) = self.shape.grid();
        let kept = self.statistics.kept();
        Ok(Model {
            shape: self.shape,
            clips: self.clips,
            maps: self.maps,
            threshold: event_threshold(height, kept),
            scales: Scales::learned(height, kept.iter()),
            energies: energies.clone(),
        })
    }

    fn step(&mut self, step: Step) {
        match &mut self.stage {
            Stage::Filtering(_) => follow(&mut self.filters, &step),
            Stage::Beginning(beginning) => beginning.push(step),
        }
    }

    /// Settles the usual levels and goes through the maps collected.
    fn end_beginning(&mut self) {
        let Stage::Beginning(beginning) = &mut self.stage else {
            return;
        };
        let beginning = std::mem::take(beginning);
        let energies = Energies::new(self.shape, usual_levels(self.shape, &beginning.maps()));
        for step in beginning.steps() {
            if let Step::Map { map, clip } = step {
                observe(
                    &energies,
                    &mut self.filters,
                    &mut self.statistics,
                    map,
                    *clip,
                );
            }
            follow(&mut self.filters, step);
        }
        self.stage = Stage::Filtering(energies);
    }
}

fn follow(filters: &mut Filters, step: &Step) {
    match step {
        Step::Map { .. } => {}
        Step::Reset => filters.reset(),
        Step::Skip(count) => filters.skip(*count),
    }
}

/// Takes down what the filters say. A map without activity says nothing about how strong ordinary activity is.
fn observe(
    energies: &Energies,
    filters: &mut Filters,
    statistics: &mut Thinned,
    map: &FeatureMap,
    clip: u64,
) {
    let peaks = filters.observe(&energies.of(map));
    if peaks
        .iter()
        .any(|peak| f64::from(peak.strength) >= LEAST_SCALE)
    {
        statistics.offer(clip, &peaks);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::SHAPE;
    use super::*;

    #[test]
    fn stillness_gives_no_model() {
        let mut trainer = Trainer::new(SHAPE).unwrap();
        let still = FeatureMap::new(48, 32, 3, vec![1; 48 * 32]).unwrap();
        (0..500).for_each(|_| trainer.learn(&still).unwrap());
        let error = trainer.finish().unwrap_err();
        assert_eq!(
            error,
            TrainError::TooLittleSeen {
                maps: 500,
                active: 0
            }
        );
        assert!(
            error
                .to_string()
                .starts_with("0 of the 500 maps learned show any activity")
        );
        assert!(Trainer::new(SHAPE).unwrap().finish().is_err());
    }
}
