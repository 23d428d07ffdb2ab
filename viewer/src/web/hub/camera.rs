//! One camera on the page.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cipherframe::{FeatureMap, StreamSpec};
use wire::message::{FrameId, SessionId};
use wire::name::Name;

use super::Now;
use crate::event::{AnomalyEvent, AnomalyKind, MapScore, ViewerEvent};
use crate::watch::WatchMode;
use crate::web::api::schema::{
    AnomalyState, CameraState, CameraStatus, LastMap, Progress, StreamState,
};

/// Maps that are kept of a camera, in bytes of values. A map of 48x27 windows takes 1296.
const KEPT_BYTES: usize = 8 << 20;
/// Maps that are kept of a camera, in number.
const KEPT_MAPS: usize = 20_000;
/// Scores that are kept of a camera.
const KEPT_SCORES: usize = 20_000;
/// The arrivals that the rate is computed from.
const ARRIVALS: usize = 32;
/// A camera that is late by so many of its intervals is stalled...
const STALLED_INTERVALS: f64 = 5.0;
/// ...but not before this.
const STALLED_AFTER: Duration = Duration::from_secs(10);

/// A map as the pages show it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) frame: FrameId,
    pub(crate) spec: StreamSpec,
    pub(crate) map: FeatureMap,
    pub(crate) score: Option<MapScore>,
    pub(crate) captured_unix_ms: u64,
    pub(crate) shown_unix_ms: u64,
    pub(crate) latency_ms: u64,
    pub(crate) pool_ms: u64,
    pub(crate) bytes: u64,
}

/// A score of the timeline.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) session: SessionId,
    pub(crate) seq: u64,
    pub(crate) captured_unix_ms: u64,
    pub(crate) score: f64,
    pub(crate) threshold: f64,
    pub(crate) event: Option<String>,
}

/// What is known of a camera.
#[derive(Default)]
pub(super) struct CameraBoard {
    pub(super) mode: WatchMode,
    /// The maps that are kept, the oldest first.
    kept: VecDeque<Arc<Shown>>,
    kept_bytes: usize,
    scores: VecDeque<Point>,
    /// When the last maps came.
    arrivals: VecDeque<Instant>,
    /// A frame of which only some tiles have come, how many of how many, and when the first one did.
    progress: Option<(FrameId, u32, u32, Instant)>,
    open_event: Option<String>,
    maps: u64,
    missing: u64,
    dropped: u64,
    incomplete: u64,
    unreadable: u64,
}

impl CameraBoard {
    pub(super) fn observe(&mut self, event: &ViewerEvent, now: Now) {
        match event {
            ViewerEvent::Tile {
                frame,
                arrived,
                tiles,
            } => self.tile(frame, *arrived, *tiles, now.instant),
            ViewerEvent::Map {
                frame,
                spec,
                map,
                gap,
                captured_unix_ms,
                score,
                latency_ms,
                pool_ms,
                bytes,
            } => {
                self.missing += gap.missing;
                self.dropped += gap.dropped;
                self.show(
                    Shown {
                        frame: frame.clone(),
                        spec: spec.clone(),
                        map: map.clone(),
                        score: *score,
                        captured_unix_ms: *captured_unix_ms,
                        shown_unix_ms: now.unix_ms,
                        latency_ms: *latency_ms,
                        pool_ms: *pool_ms,
                        bytes: *bytes,
                    },
                    now.instant,
                );
            }
            ViewerEvent::Unreadable { frame, .. } => {
                self.unreadable += 1;
                self.settle(frame);
            }
            ViewerEvent::Incomplete { frame, .. } => {
                self.incomplete += 1;
                self.settle(frame);
            }
            ViewerEvent::Serving { .. } | ViewerEvent::Anomaly(_) | ViewerEvent::Refused { .. } => {
            }
        }
    }

    pub(super) fn anomaly(&mut self, event: &AnomalyEvent) {
        self.open_event = match event.kind {
            AnomalyKind::Begin | AnomalyKind::Update => Some(event.id.clone()),
            AnomalyKind::End => None,
        };
    }

    fn tile(&mut self, frame: &FrameId, arrived: u32, tiles: u32, now: Instant) {
        let since = match &self.progress {
            Some((known, .., since)) if known == frame => *since,
            _ => now,
        };
        // A frame of one tile has no progress to show.
        self.progress = (arrived < tiles).then(|| (frame.clone(), arrived, tiles, since));
    }

    fn settle(&mut self, frame: &FrameId) {
        let is_this = |progress: &mut (FrameId, u32, u32, Instant)| progress.0 == *frame;
        let _ = self.progress.take_if(is_this);
    }

    fn show(&mut self, shown: Shown, now: Instant) {
        self.maps += 1;
        self.settle(&shown.frame);
        if self.arrivals.len() == ARRIVALS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now);
        if let Some(score) = shown.score {
            if self.scores.len() == KEPT_SCORES {
                self.scores.pop_front();
            }
            self.scores.push_back(Point {
                session: shown.frame.session,
                seq: shown.frame.seq,
                captured_unix_ms: shown.captured_unix_ms,
                score: score.value,
                threshold: score.threshold,
                event: self.open_event.clone(),
            });
        }
        self.kept_bytes += shown.map.values().len();
        self.kept.push_back(Arc::new(shown));
        while self.kept.len() > 1 && (self.kept_bytes > KEPT_BYTES || self.kept.len() > KEPT_MAPS) {
            let gone = self.kept.pop_front();
            self.kept_bytes -= gone.map_or(0, |gone| gone.map.values().len());
        }
    }

    /// How many maps were shown.
    pub(super) fn shown(&self) -> u64 {
        self.maps
    }

    pub(super) fn latest(&self) -> Option<Arc<Shown>> {
        self.kept.back().cloned()
    }

    pub(super) fn map(&self, session: SessionId, seq: u64) -> Option<Arc<Shown>> {
        let is_this =
            |shown: &&Arc<Shown>| shown.frame.session == session && shown.frame.seq == seq;
        self.kept.iter().rev().find(is_this).cloned()
    }

    pub(super) fn maps(&self, limit: usize) -> Vec<Arc<Shown>> {
        self.kept.iter().rev().take(limit).cloned().collect()
    }

    pub(super) fn scores(&self, limit: usize) -> Vec<Point> {
        let skipped = self.scores.len().saturating_sub(limit);
        self.scores.iter().skip(skipped).cloned().collect()
    }

    pub(super) fn state(&self, name: &Name, now: Now) -> CameraState {
        let last = self.kept.back();
        let since = self.arrivals.back();
        let since = since.map(|last| now.instant.saturating_duration_since(*last));
        CameraState {
            camera: name.to_string(),
            state: self.status(since),
            since_last_ms: since.map(millis),
            stream: last.map(|shown| StreamState::of(&shown.spec, &shown.map)),
            last: last.map(|shown| LastMap::of(shown)),
            fps: self.fps(since),
            maps: self.maps,
            missing: self.missing,
            dropped: self.dropped,
            incomplete: self.incomplete,
            unreadable: self.unreadable,
            progress: self
                .progress
                .as_ref()
                .map(|(frame, arrived, tiles, began)| Progress {
                    session: frame.session.to_string(),
                    seq: frame.seq,
                    arrived: *arrived,
                    tiles: *tiles,
                    since_ms: millis(now.instant.saturating_duration_since(*began)),
                }),
            anomaly: AnomalyState::of(
                &self.mode,
                last.and_then(|shown| shown.score),
                &self.open_event,
            ),
        }
    }

    fn status(&self, since: Option<Duration>) -> CameraStatus {
        let Some(since) = since else {
            return CameraStatus::Waiting;
        };
        let late = self
            .interval()
            .unwrap_or_default()
            .mul_f64(STALLED_INTERVALS);
        if since > late.max(STALLED_AFTER) {
            CameraStatus::Stalled
        } else {
            CameraStatus::Live
        }
    }

    /// The mean time between the last maps.
    fn interval(&self) -> Option<Duration> {
        let (first, last) = (self.arrivals.front()?, self.arrivals.back()?);
        let count = u32::try_from(self.arrivals.len()).ok()?.checked_sub(1)?;
        last.saturating_duration_since(*first).checked_div(count)
    }

    /// Maps per second; falls while none comes.
    fn fps(&self, since: Option<Duration>) -> Option<f64> {
        let interval = self
            .interval()?
            .max(since?.min(Duration::from_secs(3600)).div_f64(2.0));
        let seconds = interval.as_secs_f64();
        (seconds > 0.0).then(|| 1.0 / seconds)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
