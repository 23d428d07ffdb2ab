//! One camera that is watched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::message::{FrameId, SessionId};
use wire::name::Name;

use super::learning::Learning;
use super::pace::Pace;
use super::{Outcome, Sighting, WatchMode};
use crate::anomaly::{
    Event, EventChange, EventSettings, EventTracker, Model, Score, Scorer, ShapeError,
    TrainingError,
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
    pace: Pace,
    learned: Option<Arc<Model>>,
}

enum Stage {
    Off {
        reason: Option<String>,
    },
    Learning(Learning),
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

    pub(super) fn learning(learning: Learning, threshold: Option<f64>) -> Self {
        Self::at(Stage::Learning(learning), threshold)
    }

    pub(super) fn watching(model: Arc<Model>, threshold: Option<f64>) -> Self {
        Self::at(Stage::watching(model, threshold), threshold)
    }

    fn at(stage: Stage, threshold: Option<f64>) -> Self {
        Self {
            stage,
            threshold,
            session: None,
            pace: Pace::default(),
            learned: None,
        }
    }

    /// A model that was learned since this was asked last.
    pub(super) fn take_learned(&mut self) -> Option<Arc<Model>> {
        self.learned.take()
    }

    /// What is learned of the camera, as text, if that should be kept now: because so much has come to it, or because
    /// this is the `last` chance.
    pub(super) fn keep_learning(&mut self, last: bool) -> Option<Result<String, TrainingError>> {
        match &mut self.stage {
            Stage::Learning(learning) if last || learning.is_worth_keeping() => learning.keep(),
            _ => None,
        }
    }

    pub(super) fn mode(&self) -> WatchMode {
        match &self.stage {
            Stage::Off { reason } => WatchMode::Off {
                reason: reason.clone(),
            },
            Stage::Learning(learning) => WatchMode::Learning {
                done: learning.done(),
            },
            Stage::Watching { .. } => WatchMode::Watching,
        }
    }

    /// Ends an event that goes on if the camera has gone silent: whatever comes next is another clip.
    pub(super) fn tick(&mut self, now: Instant) -> Option<AnomalyEvent> {
        if !self.pace.falls_silent(now) {
            return None;
        }
        let ended = self.finish();
        self.stage.begin_clip();
        ended
    }

    /// The viewer took no maps for so long.
    pub(super) fn held_up(&mut self, time: Duration) {
        self.pace.held_up(time);
    }

    pub(super) fn observe(&mut self, sighting: &Sighting<'_>, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.events.extend(self.tick(now));
        let step = self.pace.arrival(now);
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
                let first = match self.stage {
                    Stage::Watching { .. } => "remove its model and ",
                    _ => "",
                };
                let reason = format!("{error}; {first}start the viewer again to learn anew");
                tracing::error!(%camera, reason, "not watched any more");
                outcome.events.extend(self.finish());
                self.stage = Stage::Off {
                    reason: Some(reason),
                };
            }
        }
        self.end_learning(&sighting.frame.camera, step.unwrap_or_default());
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

    /// Makes the model once maps have come for long enough and enough was seen; `step` more has passed.
    fn end_learning(&mut self, camera: &Name, step: Duration) {
        let Stage::Learning(learning) = &mut self.stage else {
            return;
        };
        learning.pass(step);
        match learning.model() {
            None => {}
            Some(Ok(model)) => {
                let (maps, threshold) = (model.maps(), model.threshold());
                tracing::info!(%camera, maps, threshold, "what is normal is learned; watching from now on");
                let model = Arc::new(model);
                self.learned = Some(model.clone());
                self.stage = Stage::watching(model, self.threshold);
            }
            Some(Err(error)) => {
                tracing::warn!(%camera, %error, "learning goes on");
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
            Self::Learning(learning) => learning.begin_clip(),
            Self::Watching { scorer, .. } => scorer.reset(),
        }
    }

    fn skip(&mut self, missing: u32) {
        match self {
            Self::Off { .. } => {}
            Self::Learning(learning) => learning.skip(missing),
            Self::Watching { scorer, .. } => scorer.skip(missing),
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
            Self::Learning(learning) => learning.learn(map).map(|()| None),
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
