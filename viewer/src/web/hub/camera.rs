//! One camera on the page.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::message::{FrameId, SessionId};
use wire::name::Name;

use super::Now;
use super::event_maps::{MapsOfEvents, Moment};
use super::maps::{LatestMaps, Shown};
use super::scores::{Point, ScoreLine};
use crate::event::{AnomalyEvent, AnomalyKind, ViewerEvent};
use crate::watch::WatchMode;
use crate::web::api::schema::{
    AnomalyState, CameraState, CameraStatus, LastMap, Progress, Refusals, StreamState,
};

/// The reason of a refusal is cut off here: parts of it may be a stranger's.
const REASON_CHARS: usize = 300;
/// The arrivals that the rate is computed from.
const ARRIVALS: usize = 32;
/// A camera that is late by so many of its intervals is stalled...
const STALLED_INTERVALS: f64 = 5.0;
/// ...but not before this.
const STALLED_AFTER: Duration = Duration::from_secs(10);

/// What is known of a camera.
#[derive(Default)]
pub(super) struct CameraBoard {
    pub(super) mode: WatchMode,
    maps_kept: LatestMaps,
    event_maps: MapsOfEvents,
    pub(super) scores: ScoreLine,
    /// When the last maps came.
    arrivals: VecDeque<Instant>,
    /// A frame of which only some tiles have come, how many of how many, and when the first one did.
    progress: Option<(FrameId, u32, u32, Instant)>,
    open_event: Option<Arc<str>>,
    maps: u64,
    missing: u64,
    dropped: u64,
    incomplete: u64,
    unreadable: u64,
    refused: Refusals,
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
                decrypt: _,
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
        match event.kind {
            AnomalyKind::Begin => self.begin(event),
            AnomalyKind::Update => {}
            AnomalyKind::End => self.open_event = None,
        }
    }

    /// An event is known as one when the map after its first is looked at.
    fn begin(&mut self, event: &AnomalyEvent) {
        let (id, session): (Arc<str>, _) = (event.id.as_str().into(), event.session.0);
        let is_first = |shown: &&Arc<Shown>| {
            shown.frame.session == session && shown.captured_unix_ms == event.began_unix_ms
        };
        let first = self.maps_kept.iter().find(is_first).cloned();
        if let Some(first) = &first {
            self.scores.mark(&id, session, first.frame.seq);
        }
        self.event_maps.begin(id.clone(), first);
        self.open_event = Some(id);
    }

    /// A message that claims to be of this camera was refused.
    pub(super) fn refused(&mut self, reason: &str, now: Now) {
        self.refused.count += 1;
        self.refused.last_reason = Some(reason.chars().take(REASON_CHARS).collect());
        self.refused.last_unix_ms = Some(now.unix_ms);
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
            self.scores.add(Point {
                session: shown.frame.session,
                seq: shown.frame.seq,
                shown_unix_ms: shown.shown_unix_ms,
                captured_unix_ms: shown.captured_unix_ms,
                score: score.value,
                threshold: score.threshold,
                event: self.open_event.clone(),
            });
        }
        let shown = Arc::new(shown);
        if self.open_event.is_some() {
            self.event_maps.go_on(&shown);
        }
        self.maps_kept.add(shown);
    }

    /// How many maps were shown.
    pub(super) fn shown(&self) -> u64 {
        self.maps
    }

    pub(super) fn latest(&self) -> Option<Arc<Shown>> {
        self.maps_kept.latest().cloned()
    }

    pub(super) fn map(&self, session: SessionId, seq: u64) -> Option<Arc<Shown>> {
        let mut latest = self.maps_kept.iter();
        let found = latest.find(|shown| shown.is_of(session, seq));
        found.or_else(|| self.event_maps.map(session, seq)).cloned()
    }

    /// The map of a moment of an event, if it is kept.
    pub(super) fn moment(&self, event: &str, moment: Moment) -> Option<Arc<Shown>> {
        self.event_maps.moment(event, moment)
    }

    pub(super) fn maps(&self, limit: usize) -> Vec<Arc<Shown>> {
        self.maps_kept.iter().take(limit).cloned().collect()
    }

    pub(super) fn state(&self, name: &Name, now: Now) -> CameraState {
        let last = self.maps_kept.latest();
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
            refused: self.refused.clone(),
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
                self.open_event.as_deref(),
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
