//! What is normal for one camera, while it is being learned.

use std::time::Duration;

use crate::anomaly::{MapShape, Model, ShapeError, TrainError, Trainer, TrainingError};
use cipherframe::FeatureMap;

/// What was learned is kept each time so much has come to it.
const KEEP_EVERY: Duration = Duration::from_secs(300);
/// Where too little was seen for a model, one is tried again after this part of the time that it takes.
const TRIES: u32 = 4;

/// How far the learning is.
pub(super) struct Learning {
    /// Made with the first map, which says of what shape they are.
    trainer: Option<Box<Trainer>>,
    /// For how long maps have come. Times without any do not count.
    learned: Duration,
    /// How long it takes.
    learn: Duration,
    /// When a model is tried, in terms of `learned`.
    due: Duration,
    /// What of it was kept.
    kept: Duration,
}

impl Learning {
    /// Begins, or goes on with what a viewer before this one has learned, and for how long.
    pub(super) fn new(learn: Duration, before: Option<(Trainer, Duration)>) -> Self {
        let (trainer, learned) = before.unzip();
        let learned = learned.unwrap_or_default();
        Self {
            trainer: trainer.map(Box::new),
            learned,
            learn,
            due: learn,
            kept: learned,
        }
    }

    /// How much of it is done, 0 to 1.
    pub(super) fn done(&self) -> f64 {
        let done = self.learned.as_secs_f64() / self.learn.as_secs_f64().max(f64::MIN_POSITIVE);
        // The rest comes with the model.
        done.min(0.99)
    }

    pub(super) fn begin_clip(&mut self) {
        if let Some(trainer) = &mut self.trainer {
            trainer.begin_clip();
        }
    }

    pub(super) fn skip(&mut self, missing: u32) {
        if let Some(trainer) = &mut self.trainer {
            trainer.skip(missing);
        }
    }

    pub(super) fn learn(&mut self, map: &FeatureMap) -> Result<(), ShapeError> {
        let trainer = match &mut self.trainer {
            Some(trainer) => trainer,
            none => none.insert(Box::new(Trainer::new(MapShape::of(map))?)),
        };
        trainer.learn(map)
    }

    /// So much time has gone by with maps.
    pub(super) fn pass(&mut self, step: Duration) {
        self.learned = self.learned.saturating_add(step);
    }

    /// The model, once one is due.
    pub(super) fn model(&mut self) -> Option<Result<Model, TrainError>> {
        let trainer = self.trainer.as_ref()?;
        if self.learned < self.due {
            return None;
        }
        self.due = self.learned.saturating_add(self.learn / TRIES);
        Some(trainer.model())
    }

    /// Whether so much was learned since it was kept last that it should be kept again.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.learned.saturating_sub(self.kept) >= KEEP_EVERY
    }

    /// What was learned so far as text, if anything was.
    pub(super) fn keep(&mut self) -> Option<Result<String, TrainingError>> {
        self.kept = self.learned;
        let trainer = self.trainer.as_ref()?;
        Some(trainer.to_json(self.learned))
    }
}
