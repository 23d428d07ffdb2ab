//! What the page shows: the cameras as they are now, and what is kept of them.
//!
//! Pure but for a lock: the time is an argument. Everything is bounded: cameras and events in number, maps in bytes,
//! scores in time. It is told what happens by [`Hub::observe`] and asked by the pages; nobody holds the lock for longer
//! than it takes to copy the figures that were asked for.

mod camera;
mod event_maps;
mod events;
mod maps;
mod scores;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use wire::message::SessionId;
use wire::name::Name;
use wire::topic::Topic;

pub(crate) use event_maps::Moment;
pub(crate) use maps::Shown;
pub(crate) use scores::{INTERVAL_MS, Point, SPAN_MS};

use super::api::schema::{CameraState, CamerasMessage};
use crate::clock::unix_ms;
use crate::event::{AnomalyEvent, ViewerEvent};
use crate::watch::WatchMode;
use camera::CameraBoard;
use events::EventBook;

/// Cameras that are shown. A worker may make up names, and each takes memory.
const CAMERAS: usize = 64;

/// When something happened, by two clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// The one that never goes back.
    pub(crate) instant: Instant,
    /// Milliseconds since 1970 UTC.
    pub(crate) unix_ms: u64,
}

impl Now {
    /// What the clocks say.
    pub(crate) fn read() -> Self {
        Self {
            instant: Instant::now(),
            unix_ms: unix_ms(),
        }
    }
}

/// All that the pages know.
pub(crate) struct Hub {
    site: Name,
    /// The camera of the lab, which has a page of its own.
    lab: Option<Name>,
    board: Mutex<Board>,
}

#[derive(Default)]
struct Board {
    cameras: BTreeMap<Name, CameraBoard>,
    events: EventBook,
    refused: u64,
}

impl Hub {
    /// Nothing has happened yet at `site`.
    pub(crate) fn new(site: Name, lab: Option<Name>) -> Self {
        Self {
            site,
            lab,
            board: Mutex::default(),
        }
    }

    /// The site.
    pub(crate) fn site(&self) -> &Name {
        &self.site
    }

    /// Takes note of what happened.
    pub(crate) fn observe(&self, event: &ViewerEvent, now: Now) {
        let mut board = self.board();
        match event {
            ViewerEvent::Serving { .. } => {}
            ViewerEvent::Refused { topic, reason } => {
                board.refused += 1;
                board.claimed(topic, reason, now);
            }
            ViewerEvent::Anomaly(event) => {
                if let Some(camera) = board.camera(&event.camera) {
                    camera.anomaly(event);
                }
                board.events.take(event.clone());
            }
            ViewerEvent::Tile { frame, .. }
            | ViewerEvent::Map { frame, .. }
            | ViewerEvent::Unreadable { frame, .. }
            | ViewerEvent::Incomplete { frame, .. } => {
                let is_lab = self.lab.as_ref() == Some(&frame.camera);
                let camera = (!is_lab).then(|| board.camera(&frame.camera)).flatten();
                if let Some(camera) = camera {
                    camera.observe(event, now);
                }
            }
        }
    }

    /// Takes note of whether a camera is watched.
    pub(crate) fn watched(&self, camera: &Name, mode: WatchMode) {
        if self.lab.as_ref() == Some(camera) {
            return;
        }
        if let Some(camera) = self.board().camera(camera) {
            camera.mode = mode;
        }
    }

    /// All cameras, in the order of their names.
    pub(crate) fn cameras(&self, now: Now) -> CamerasMessage {
        let board = self.board();
        let states = board.cameras.iter();
        CamerasMessage {
            site: self.site.to_string(),
            now_unix_ms: now.unix_ms,
            cameras: states
                .map(|(name, camera)| camera.state(name, now))
                .collect(),
            refused: board.refused,
        }
    }

    /// One camera.
    pub(crate) fn camera(&self, name: &str, now: Now) -> Option<CameraState> {
        self.find(name, |name, camera| camera.state(name, now))
    }

    /// The latest map of a camera; the inner `None` when it has none yet.
    pub(crate) fn latest(&self, name: &str) -> Option<Option<Arc<Shown>>> {
        self.find(name, |_, camera| camera.latest())
    }

    /// The latest map of each camera with its running number, which grows by one with each map of the camera.
    pub(crate) fn latest_of_all(&self) -> Vec<(u64, Arc<Shown>)> {
        let board = self.board();
        let maps = board.cameras.values();
        maps.filter_map(|camera| Some((camera.shown(), camera.latest()?)))
            .collect()
    }

    /// A map that is still kept.
    pub(crate) fn map(
        &self,
        name: &str,
        session: SessionId,
        seq: u64,
    ) -> Option<Option<Arc<Shown>>> {
        self.find(name, |_, camera| camera.map(session, seq))
    }

    /// The maps that are kept, the newest first, at most `limit`.
    pub(crate) fn maps(&self, name: &str, limit: usize) -> Option<Vec<Arc<Shown>>> {
        self.find(name, |_, camera| camera.maps(limit))
    }

    /// The map of a moment of an event; the inner `None` when it is not kept.
    pub(crate) fn moment(&self, event: &str, moment: Moment) -> Option<Option<Arc<Shown>>> {
        let board = self.board();
        let camera = board.cameras.get(&board.events.find(event)?.camera);
        Some(camera.and_then(|camera| camera.moment(event, moment)))
    }

    /// The scores of the last `span_ms`, as at most `points` intervals of a length that is given with them.
    pub(crate) fn scores(
        &self,
        name: &str,
        span_ms: u64,
        points: u64,
        now: Now,
    ) -> Option<(u64, Vec<Point>)> {
        self.find(name, |_, camera| {
            camera.scores.thinned(span_ms, points, now.unix_ms)
        })
    }

    /// How far the scores of each camera are, to be asked with by [`Hub::scores_after`].
    pub(crate) fn score_revisions(&self) -> BTreeMap<Name, u64> {
        let board = self.board();
        let cameras = board.cameras.iter();
        cameras
            .map(|(name, camera)| (name.clone(), camera.scores.revision()))
            .collect()
    }

    /// What changed of each camera's scores since the revisions in `told`, which are brought up to date.
    pub(crate) fn scores_after(&self, told: &mut BTreeMap<Name, u64>) -> Vec<(Name, Vec<Point>)> {
        let board = self.board();
        let mut changed = Vec::new();
        for (name, camera) in &board.cameras {
            let revision = camera.scores.revision();
            let before = told.insert(name.clone(), revision).unwrap_or(0);
            if before < revision {
                changed.push((name.clone(), camera.scores.after(before)));
            }
        }
        changed
    }

    /// The latest state of each event, the newest first; of one camera if it is named.
    pub(crate) fn events(&self, camera: Option<&str>, limit: usize) -> Vec<AnomalyEvent> {
        self.board().events.latest(camera, limit)
    }

    /// What was told of events after number `after`, and the number to ask with next time.
    pub(crate) fn events_after(&self, after: u64) -> (u64, Vec<AnomalyEvent>) {
        self.board().events.after(after)
    }

    fn find<T>(&self, name: &str, what: impl FnOnce(&Name, &CameraBoard) -> T) -> Option<T> {
        let board = self.board();
        let mut cameras = board.cameras.iter();
        let (name, camera) = cameras.find(|(camera, _)| camera.as_str() == name)?;
        Some(what(name, camera))
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // What a panicking thread left behind is counts and maps, each whole.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn camera(&mut self, name: &Name) -> Option<&mut CameraBoard> {
        if !self.cameras.contains_key(name) && self.cameras.len() >= CAMERAS {
            return None;
        }
        Some(self.cameras.entry(name.clone()).or_default())
    }

    /// Notes a refused message at the camera that its topic names. Anybody can name any: it makes no camera known.
    fn claimed(&mut self, topic: &str, reason: &str, now: Now) {
        if let Ok(Topic::Map { camera, .. }) = Topic::parse(topic)
            && let Some(camera) = self.cameras.get_mut(&camera)
        {
            camera.refused(reason, now);
        }
    }
}

#[cfg(test)]
mod tests;
