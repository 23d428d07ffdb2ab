//! What a camera's ordinary times look like.

use super::energy::Energies;
use super::scale::Scales;
use super::shape::MapShape;

/// What ordinary times look like, as a [`super::Trainer`] learned it from the maps of one camera.
#[derive(Clone, Debug)]
pub struct Model {
    pub(super) shape: MapShape,
    pub(super) clips: u64,
    pub(super) maps: u64,
    pub(super) threshold: f64,
    pub(super) energies: Energies,
    pub(super) scales: Scales,
}

impl Model {
    /// The shape of the maps that the model is for.
    pub fn shape(&self) -> MapShape {
        self.shape
    }

    /// How many clips the model was learned from.
    pub fn clips(&self) -> u64 {
        self.clips
    }

    /// How many maps the model was learned from.
    pub fn maps(&self) -> u64 {
        self.maps
    }

    /// The score from which on something is unusual, at least [`super::LEAST_THRESHOLD`]. It follows from the scores of
    /// parts of the training that were left out of learning in turn, with a margin.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }
}
