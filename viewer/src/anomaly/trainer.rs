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
/// the first maps, or 6 MiB for statistics of all.
#[derive(Clone, Debug)]
pub struct Trainer {
    pub(super) shape: MapShape,
    pub(super) stage: Stage,
    pub(super) clips: u64,
    pub(super) maps: u64,
    /// Whether the clip going on has a map yet.
    pub(super) in_clip: bool,
}

/// Usual levels have to be known before energies can be.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Collects the first maps.
    Beginning(Beginning),
    /// Knows the usual levels.
    Filtering(Filtering),
}

/// What is learned once the usual levels are known.
#[derive(Clone, Debug)]
pub(super) struct Filtering {
    pub(super) energies: Energies,
    pub(super) filters: Filters,
    pub(super) statistics: Thinned,
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
        Ok(Trainer {
            shape: shape.usable()?,
            stage: Stage::Beginning(Beginning::new()),
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
            Stage::Filtering(filtering) => filtering.observe(map, clip),
            Stage::Beginning(beginning) => {
                beginning.push(Step::Map {
                    map: map.clone(),
                    clip,
                });
                if beginning.is_full(self.shape) {
                    self.stage = Stage::Filtering(Filtering::of(self.shape, beginning));
                }
            }
        }
        Ok(())
    }

    /// The shape of the maps that it learns from.
    pub fn shape(&self) -> MapShape {
        self.shape
    }

    /// How many maps were learned.
    pub fn maps(&self) -> u64 {
        self.maps
    }

    /// The model of what was learned so far. Learning may go on.
    ///
    /// # Errors
    /// When too little was seen.
    pub fn model(&self) -> Result<Model, TrainError> {
        let ended;
        let Filtering {
            energies,
            statistics,
            ..
        } = match &self.stage {
            Stage::Filtering(filtering) => filtering,
            // As if it were full.
            Stage::Beginning(beginning) => {
                ended = Filtering::of(self.shape, beginning);
                &ended
            }
        };
        if statistics.seen() < LEAST_ACTIVE_MAPS {
            return Err(TrainError::TooLittleSeen {
                maps: self.maps,
                active: statistics.seen(),
            });
        }
        let (_, height) = self.shape.grid();
        let kept = statistics.kept();
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
            Stage::Filtering(filtering) => filtering.follow(&step),
            Stage::Beginning(beginning) => beginning.push(step),
        }
    }
}

impl Filtering {
    /// Settles the usual levels and goes through the maps collected.
    fn of(shape: MapShape, beginning: &Beginning) -> Filtering {
        let mut filtering = Filtering {
            energies: Energies::new(shape, usual_levels(shape, &beginning.maps())),
            filters: Filters::new(shape.grid()),
            statistics: Thinned::new(),
        };
        for step in beginning.steps() {
            filtering.follow(step);
        }
        filtering
    }

    fn follow(&mut self, step: &Step) {
        match step {
            Step::Map { map, clip } => self.observe(map, *clip),
            Step::Reset => self.filters.reset(),
            Step::Skip(count) => self.filters.skip(*count),
        }
    }

    /// Takes down what the filters say. A map without activity says nothing about how strong ordinary activity is.
    fn observe(&mut self, map: &FeatureMap, clip: u64) {
        let peaks = self.filters.observe(&self.energies.of(map));
        if peaks
            .iter()
            .any(|peak| f64::from(peak.strength) >= LEAST_SCALE)
        {
            self.statistics.offer(clip, &peaks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SHAPE, street};
    use super::*;

    #[test]
    fn stillness_gives_no_model() {
        let mut trainer = Trainer::new(SHAPE).unwrap();
        let still = FeatureMap::new(48, 32, 3, vec![1; 48 * 32]).unwrap();
        (0..500).for_each(|_| trainer.learn(&still).unwrap());
        let error = trainer.model().unwrap_err();
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
        assert!(Trainer::new(SHAPE).unwrap().model().is_err());
    }

    #[test]
    fn a_model_that_comes_too_early_costs_nothing() {
        let json = |trainer: &Trainer| trainer.model().unwrap().to_json().unwrap();
        let mut asked = Trainer::new(SHAPE).unwrap();
        let mut left_alone = asked.clone();
        assert!(asked.model().is_err());
        for map in (0..6).flat_map(|seed| street(seed, 1)) {
            asked.learn(&map).unwrap();
            left_alone.learn(&map).unwrap();
            if asked.maps() < 40 {
                let _ = asked.model();
            }
        }
        assert_eq!(json(&asked), json(&left_alone));
    }
}
