//! Finds what is unusual in the pooled maps of one camera.
//!
//! A [`Trainer`] is shown maps of ordinary times and gives a [`Model`]. A [`Scorer`] holds each new map against the
//! model and gives a [`Score`]; an [`EventTracker`] turns scores into events. Everything here is pure: no clock, no
//! files, no randomness; the same maps give the same model and the same scores.
//!
//! How it works, in short:
//! 1. A level becomes an *energy*: the cube of its distance from the window's usual level, `(|l - u| / L)^3`
//!    (`energy`).
//! 2. Energies are averaged over the size of a walking person and lowered by the mean of their surroundings in the
//!    same rows, so that a crowd is not mistaken for something strong (`grid`).
//! 3. Filters add the result up over time: at rest, along straight paths of several speeds, and over a large area
//!    (`filters`).
//! 4. Each filter is divided by what it reaches in ordinary times in the same row of the picture: things that are
//!    near are larger and faster (`scale`).
//!
//! The settings, and what they were chosen on, are in `settings`.

mod beginning;
mod curve;
mod energy;
mod event;
mod filters;
mod grid;
mod model;
mod model_json;
mod region;
mod retained;
mod scale;
mod scorer;
mod settings;
mod shape;
mod tracker;
mod trainer;
mod trainer_json;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use curve::{auc, centred};
pub use event::{Event, EventChange, EventSettings};
pub use model::Model;
pub use model_json::{MODEL_VERSION, ModelError};
pub use region::Region;
pub use scorer::{Score, Scorer};
pub use settings::{
    LEAST_ACTIVE_MAPS, LEAST_THRESHOLD, MAX_MODEL_BYTES, MAX_TRAINING_BYTES, MAX_WINDOWS,
    OFFLINE_WINDOW,
};
pub use shape::{MapShape, ShapeError};
pub use tracker::EventTracker;
pub use trainer::{TrainError, Trainer};
pub use trainer_json::TrainingError;
