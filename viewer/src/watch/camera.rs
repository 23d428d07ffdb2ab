//! One camera that is watched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::message::{FrameId, SessionId};

use super::{Outcome, Sighting, WatchMode};
use crate::anomaly::{
    Event, EventChange, EventSettings, EventTracker, MapShape, Model, Score, Scorer, ShapeError,
    Trainer,
};
use crate::event::{AnomalyEvent, AnomalyKind, MapScore};
use crate::journal::SessionText;

/// What an event calls a frame by.
#[derive(Debug, Clone)]
struct Seen {
    frame: FrameId,
    captured_unix_ms: u64,
}

/// What is known of a camera.
pub(super) struct CameraWatch {
    stage: Stage,
    /// From which score on a map is unusual, if not what the model says.
    threshold: Option<f64>,
    session: Option<SessionId>,
    learned: Option<Arc<Model>>,
}

enum Stage {
    Off {
        reason: Option<String>,
    },
    Learning {
        /// Made with the first map, which says of what shape they are.
        trainer: Option<Box<Trainer>>,
        began: Instant,
        learn: Duration,
    },
    Watching {
        scorer: Box<Scorer>,
        tracker: Box<EventTracker<Seen>>,
        threshold: f64,
        last: Option<(Seen, Score)>,
    },
}

impl CameraWatch {
    pub(super) fn off(reason: Option<String>) -> Self {
        Self::at(Stage::Off { reason }, None)
    }

    pub(super) fn learning(learn: Duration, now: Instant, threshold: Option<f64>) -> Self {
        let stage = Stage::Learning {
            trainer: None,
            began: now,
            learn,
        };
        Self::at(stage, threshold)
    }

    pub(super) fn watching(model: Arc<Model>, threshold: Option<f64>) -> Self {
        Self::at(Stage::watching(model, threshold), threshold)
    }

    fn at(stage: Stage, threshold: Option<f64>) -> Self {
        Self {
            stage,
            threshold,
            session: None,
            learned: None,
        }
    }

    /// A model that was learned since this was asked last.
    pub(super) fn take_learned(&mut self) -> Option<Arc<Model>> {
        self.learned.take()
    }

    pub(super) fn mode(&self, now: Instant) -> WatchMode {
        match &self.stage {
            Stage::Off { reason } => WatchMode::Off {
                reason: reason.clone(),
            },
            Stage::Learning { began, learn, .. } => {
                let so_far = now.saturating_duration_since(*began).as_secs_f64();
                let done = so_far / learn.as_secs_f64().max(f64::MIN_POSITIVE);
                // The rest comes with the model.
                WatchMode::Learning {
                    done: done.min(0.99),
                }
            }
            Stage::Watching { .. } => WatchMode::Watching,
        }
    }

    pub(super) fn observe(&mut self, sighting: &Sighting<'_>, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        let session = sighting.frame.session;
        let anew = self
            .session
            .replace(session)
            .is_some_and(|before| before != session);
        if anew {
            outcome.events.extend(self.finish());
            self.stage.begin_clip();
        } else {
            let missing = sighting.gap.missing.saturating_add(sighting.gap.dropped);
            self.stage.skip(u32::try_from(missing).unwrap_or(u32::MAX));
        }
        match self.stage.take(sighting) {
            Ok(Some((score, change))) => {
                outcome.score = Some(score);
                outcome.events.extend(change);
            }
            Ok(None) => {}
            Err(error) => {
                let camera = &sighting.frame.camera;
                let reason =
                    format!("{error}; remove its model and start the viewer again to learn anew");
                tracing::error!(%camera, reason, "not watched any more");
                outcome.events.extend(self.finish());
                self.stage = Stage::Off {
                    reason: Some(reason),
                };
            }
        }
        self.end_learning(sighting, now);
        outcome
    }

    /// Ends an event that goes on.
    pub(super) fn finish(&mut self) -> Option<AnomalyEvent> {
        let Stage::Watching {
            tracker,
            last: Some((seen, score)),
            ..
        } = &mut self.stage
        else {
            return None;
        };
        let change = tracker.finish()?;
        Some(told(change, seen, score))
    }

    /// Makes the model once enough time has passed and enough was seen.
    fn end_learning(&mut self, sighting: &Sighting<'_>, now: Instant) {
        let Stage::Learning {
            trainer,
            began,
            learn,
        } = &mut self.stage
        else {
            return;
        };
        if now.saturating_duration_since(*began) < *learn {
            return;
        }
        let Some(learned) = trainer.take() else {
            return;
        };
        let camera = &sighting.frame.camera;
        match learned.finish() {
            Ok(model) => {
                let (maps, threshold) = (model.maps(), model.threshold());
                tracing::info!(%camera, maps, threshold, "what is normal is learned; watching from now on");
                let model = Arc::new(model);
                self.learned = Some(model.clone());
                self.stage = Stage::watching(model, self.threshold);
            }
            Err(error) => {
                tracing::warn!(%camera, %error, "nothing was learned; learning begins anew");
                *began = now;
            }
        }
    }
}

impl Stage {
    fn watching(model: Arc<Model>, threshold: Option<f64>) -> Self {
        let threshold = threshold.unwrap_or(model.threshold());
        Self::Watching {
            scorer: Box::new(Scorer::new(model)),
            tracker: Box::new(EventTracker::new(EventSettings::at(threshold))),
            threshold,
            last: None,
        }
    }

    fn begin_clip(&mut self) {
        match self {
            Self::Off { .. } => {}
            Self::Learning { trainer, .. } => {
                if let Some(trainer) = trainer {
                    trainer.begin_clip();
                }
            }
            Self::Watching { scorer, .. } => scorer.reset(),
        }
    }

    fn skip(&mut self, missing: u32) {
        match self {
            Self::Learning {
                trainer: Some(trainer),
                ..
            } => trainer.skip(missing),
            Self::Watching { scorer, .. } => scorer.skip(missing),
            Self::Off { .. } | Self::Learning { .. } => {}
        }
    }

    /// Learns from a map, or scores it.
    fn take(
        &mut self,
        sighting: &Sighting<'_>,
    ) -> Result<Option<(MapScore, Option<AnomalyEvent>)>, ShapeError> {
        let map = sighting.map;
        match self {
            Self::Off { .. } => Ok(None),
            Self::Learning { trainer, .. } => {
                let trainer = match trainer {
                    Some(trainer) => trainer,
                    None => trainer.insert(Box::new(Trainer::new(MapShape::of(map))?)),
                };
                trainer.learn(map)?;
                Ok(None)
            }
            Self::Watching {
                scorer,
                tracker,
                threshold,
                last,
            } => {
                let score = scorer.score(map)?;
                let seen = Seen {
                    frame: sighting.frame.clone(),
                    captured_unix_ms: sighting.captured_unix_ms,
                };
                let change = tracker.observe(seen.clone(), seen.captured_unix_ms, &score);
                let event = change.map(|change| told(change, &seen, &score));
                let map_score = MapScore {
                    value: score.value,
                    threshold: *threshold,
                    region: score.region,
                };
                *last = Some((seen, score));
                Ok(Some((map_score, event)))
            }
        }
    }
}

/// What became of an event, seen in frame `seen`.
fn told(change: EventChange<Seen>, seen: &Seen, score: &Score) -> AnomalyEvent {
    let (kind, event) = match change {
        EventChange::Began(event) => (AnomalyKind::Begin, event),
        EventChange::Updated(event) => (AnomalyKind::Update, event),
        EventChange::Ended(event) => (AnomalyKind::End, event),
    };
    let Event {
        id,
        began,
        last,
        peak,
        peak_at,
        threshold,
        region,
        ..
    } = event;
    AnomalyEvent {
        kind,
        // The number keeps apart what a camera with a standing clock sends.
        id: format!("{}-{}-{id}", began.frame.camera, began.captured_unix_ms),
        camera: seen.frame.camera.clone(),
        session: SessionText(seen.frame.session),
        seq: seen.frame.seq,
        captured_unix_ms: seen.captured_unix_ms,
        began_unix_ms: began.captured_unix_ms,
        ended_unix_ms: (kind == AnomalyKind::End).then_some(last.captured_unix_ms),
        score: score.value,
        peak,
        peak_seq: peak_at.frame.seq,
        peak_unix_ms: peak_at.captured_unix_ms,
        threshold,
        region,
    }
}
