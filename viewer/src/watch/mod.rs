//! Watching the cameras of a site: for each, what is normal is learned or read from a file, and every map is held
//! against it.
//!
//! Pure but for the files of the models: the time is an argument. Runs after a frame's receipt is out, so it changes nothing of
//! what the untrusted side sees. Like the writing of pictures it takes time before the next message is taken; times are
//! not hidden.

mod camera;
mod config;
mod learning;
pub(crate) mod models;
mod pace;

use std::collections::BTreeMap;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cipherframe::FeatureMap;
use wire::message::FrameId;
use wire::name::Name;

pub use config::AnomalyConfig;
pub(crate) use config::AnomalyToml;

use crate::anomaly::{MapShape, Model, Trainer};
use crate::event::{AnomalyEvent, MapScore};
use crate::sessions::Gap;
use camera::CameraWatch;
use learning::Learning;
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
    /// Why nobody is watched any more.
    given_up: Option<String>,
}

impl Watch {
    /// Nobody is watched yet.
    pub(crate) fn new(config: AnomalyConfig) -> Self {
        let models = Models::new(config.models.clone());
        Self {
            config,
            models,
            cameras: BTreeMap::new(),
            given_up: None,
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
            let watch = self.begin(camera, MapShape::of(sighting.map));
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
        keep_learning(&self.models, camera, watch, false);
        outcome
    }

    /// Ends the events of cameras that have gone silent.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<AnomalyEvent> {
        let cameras = self.cameras.values_mut();
        cameras.filter_map(|watch| watch.tick(now)).collect()
    }

    /// The viewer took no maps for so long: no camera has been silent meanwhile.
    pub(crate) fn held_up(&mut self, time: Duration) {
        for watch in self.cameras.values_mut() {
            watch.held_up(time);
        }
    }

    /// Whether a camera is watched.
    pub(crate) fn mode(&self, camera: &Name) -> WatchMode {
        match self.cameras.get(camera) {
            Some(watch) => watch.mode(),
            None if self.cameras.len() == CAMERAS && !self.config.except.contains(camera) => {
                let reason = format!("{CAMERAS} cameras are watched, which is the most");
                WatchMode::Off {
                    reason: Some(reason),
                }
            }
            None => WatchMode::default(),
        }
    }

    /// Whether each camera is watched.
    pub(crate) fn modes(&self) -> impl Iterator<Item = (&Name, WatchMode)> {
        let cameras = self.cameras.iter();
        cameras.map(|(camera, watch)| (camera, watch.mode()))
    }

    /// Ends the events that go on.
    pub(crate) fn end_events(&mut self) -> Vec<AnomalyEvent> {
        let cameras = self.cameras.values_mut();
        cameras.filter_map(CameraWatch::finish).collect()
    }

    /// Keeps what was learned. Blocks as long as writing takes.
    pub(crate) fn keep(&mut self) {
        for (camera, watch) in &mut self.cameras {
            keep_learning(&self.models, camera, watch, true);
        }
    }

    /// Does `step`. If that panics, nobody is watched any more, and the error is the events that end.
    pub(crate) fn guarded<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, Vec<AnomalyEvent>> {
        // What is left half done is not looked at again, but for events that go on.
        let done = panic::catch_unwind(AssertUnwindSafe(|| step(self)));
        done.map_err(|_| self.give_up())
    }

    fn give_up(&mut self) -> Vec<AnomalyEvent> {
        let reason = "watching panicked; report this with the viewer's log".to_owned();
        tracing::error!(reason, "nobody is watched until the viewer starts again");
        let ended = self.end_events();
        for watch in self.cameras.values_mut() {
            *watch = CameraWatch::off(Some(reason.clone()));
        }
        self.given_up = Some(reason);
        ended
    }

    /// Begins to watch a camera whose maps are of `shape`.
    fn begin(&self, camera: &Name, shape: MapShape) -> CameraWatch {
        if let Some(reason) = &self.given_up {
            return CameraWatch::off(Some(reason.clone()));
        }
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
                let before = self.learned_before(camera, shape);
                let maps = before.as_ref().map_or(0, |(trainer, _)| trainer.maps());
                let minutes = self.config.learn.as_secs_f64() / 60.0;
                tracing::info!(%camera, minutes, maps, "learning what is normal");
                let learning = Learning::new(self.config.learn, before);
                CameraWatch::learning(learning, self.config.threshold)
            }
            Err(reason) => {
                tracing::error!(%camera, reason, "not watched");
                CameraWatch::off(Some(reason))
            }
        }
    }

    /// What a viewer before this one has learned from maps of this shape, and for how long.
    fn learned_before(&self, camera: &Name, shape: MapShape) -> Option<(Trainer, Duration)> {
        match self.models.load_learning(camera) {
            Ok(Some((trainer, _))) if trainer.shape() != shape => {
                tracing::warn!(%camera, "its maps have another shape than before; learning begins anew");
                None
            }
            Ok(before) => before,
            Err(error) => {
                tracing::warn!(%camera, %error, "learning begins anew");
                None
            }
        }
    }
}

/// Writes down what is being learned of a camera, if that is due or this is the `last` chance.
fn keep_learning(models: &Models, camera: &Name, watch: &mut CameraWatch, last: bool) {
    let Some(json) = watch.keep_learning(last) else {
        return;
    };
    let saved = json
        .map_err(io::Error::other)
        .and_then(|json| models.save_learning(camera, &json));
    if let Err(error) = saved {
        tracing::warn!(%camera, %error, "what was learned so far cannot be saved; it is lost when the viewer stops");
    }
}

#[cfg(test)]
mod tests;
