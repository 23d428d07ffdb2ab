//! Watching the cameras of a site: for each, what is normal is learned or read from a file, and every map is held
//! against it.
//!
//! Pure but for the model files: the time is an argument. Runs after a frame's receipt is out, so it changes nothing of
//! what the untrusted side sees. Like the writing of pictures it takes time before the next message is taken; times are
//! not hidden.

mod camera;
mod config;
pub(crate) mod models;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cipherframe::FeatureMap;
use wire::message::FrameId;
use wire::name::Name;

pub use config::AnomalyConfig;
pub(crate) use config::AnomalyToml;

use crate::anomaly::Model;
use crate::event::{AnomalyEvent, MapScore};
use crate::sessions::Gap;
use camera::CameraWatch;
use models::Models;

/// Cameras that are watched: a worker may make up names, and each takes memory.
const CAMERAS: usize = 64;

/// Whether a camera is watched.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WatchMode {
    /// It is not.
    Off {
        /// Why, if that is not by intent.
        reason: Option<String>,
    },
    /// What is normal is being learned.
    Learning {
        /// How much of it is done, 0 to 1.
        done: f64,
    },
    /// Every map is scored.
    Watching,
}

impl Default for WatchMode {
    fn default() -> Self {
        Self::Off { reason: None }
    }
}

/// A map to be watched.
pub(crate) struct Sighting<'a> {
    pub(crate) frame: &'a FrameId,
    pub(crate) map: &'a FeatureMap,
    pub(crate) captured_unix_ms: u64,
    /// What is missing before it.
    pub(crate) gap: Gap,
}

/// What a map turned out to be.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) score: Option<MapScore>,
    /// What became of an event; an end and a begin when a camera has started anew.
    pub(crate) events: Vec<AnomalyEvent>,
}

/// All cameras.
pub(crate) struct Watch {
    config: AnomalyConfig,
    models: Models,
    cameras: BTreeMap<Name, CameraWatch>,
}

impl Watch {
    /// Nobody is watched yet.
    pub(crate) fn new(config: AnomalyConfig) -> Self {
        let models = Models::new(config.models.clone());
        Self {
            config,
            models,
            cameras: BTreeMap::new(),
        }
    }

    /// Holds a map against what is normal for its camera. Blocks for up to a millisecond, longer when a model is read or
    /// made.
    pub(crate) fn observe(&mut self, sighting: &Sighting<'_>, now: Instant) -> Outcome {
        let camera = &sighting.frame.camera;
        if self.config.except.contains(camera) {
            return Outcome::default();
        }
        if !self.cameras.contains_key(camera) {
            if self.cameras.len() == CAMERAS {
                return Outcome::default();
            }
            let watch = self.begin(camera, now);
            self.cameras.insert(camera.clone(), watch);
        }
        let Some(watch) = self.cameras.get_mut(camera) else {
            return Outcome::default();
        };
        let outcome = watch.observe(sighting, now);
        if let Some(model) = watch.take_learned() {
            let saved = self.models.save(camera, &model);
            if let Err(error) = saved {
                tracing::error!(%camera, %error, "the model cannot be saved; it is lost when the viewer stops");
            }
        }
        outcome
    }

    /// Whether a camera is watched.
    pub(crate) fn mode(&self, camera: &Name, now: Instant) -> WatchMode {
        let watch = self.cameras.get(camera);
        watch.map_or_else(WatchMode::default, |watch| watch.mode(now))
    }

    /// Ends the events that go on.
    pub(crate) fn finish(&mut self) -> Vec<AnomalyEvent> {
        let cameras = self.cameras.values_mut();
        cameras.filter_map(CameraWatch::finish).collect()
    }

    fn begin(&self, camera: &Name, now: Instant) -> CameraWatch {
        let given = self.config.given.get(camera).cloned();
        let found: Result<Option<Arc<Model>>, String> = match given {
            Some(model) => Ok(Some(model)),
            None => self.models.load(camera).map(|model| model.map(Arc::new)),
        };
        match found {
            Ok(Some(model)) => {
                let threshold = self.config.threshold.unwrap_or(model.threshold());
                tracing::info!(%camera, threshold, maps = model.maps(), "watching with its model");
                CameraWatch::watching(model, self.config.threshold)
            }
            Ok(None) if self.config.learn.is_zero() => CameraWatch::off(None),
            Ok(None) => {
                let minutes = self.config.learn.as_secs_f64() / 60.0;
                tracing::info!(%camera, minutes, "learning what is normal");
                CameraWatch::learning(self.config.learn, now, self.config.threshold)
            }
            Err(reason) => {
                tracing::error!(%camera, reason, "not watched");
                CameraWatch::off(Some(reason))
            }
        }
    }
}

#[cfg(test)]
mod tests;
