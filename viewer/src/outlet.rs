//! What a viewer gives out: the line of its log, then the receipt, then all that depends on what a map shows.
//!
//! A receipt says that the frame is in the log, so it goes out after that. The line is made from the header, but for
//! one word that says whether there is a map.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cipherframe::{FeatureMap, StreamSpec};
use tokio::{task, time};
use tokio_util::sync::CancellationToken;
use wire::envelope;
use wire::identity::SigningIdentity;
use wire::message::{FrameId, Message, Receipt};
use wire::mqtt::Publisher;
use wire::name::Name;
use wire::telemetry::Need;

use crate::archive::Archive;
use crate::assemble::{IncompleteFrame, MapFailure, TileRefusal, WholeFrame};
use crate::clock::unix_ms;
use crate::desk::{MessageRefusal, Step};
use crate::event::{AnomalyEvent, AnomalyKind, MapScore, ViewerEvent, ViewerSummary};
use crate::events::Announcer;
use crate::journal::{Record, Status};
use crate::report;
use crate::sessions::Gap;
use crate::watch::{Sighting, Watch};
use crate::web::hub::Hub;

/// How long to wait before a log that cannot be written is tried again.
const LOG_RETRY: Duration = Duration::from_secs(1);

/// Where the results go.
pub(crate) struct Outlet {
    pub(crate) archive: Arc<Archive>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) identity: SigningIdentity,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) observer: Arc<dyn Fn(ViewerEvent) + Send + Sync>,
    pub(crate) summary: ViewerSummary,
    /// Whether lines get into the log.
    pub(crate) log_works: Need,
    /// Holds maps against what is normal; `None` where nobody is watched.
    pub(crate) watch: Option<Box<Watch>>,
    /// The camera of the lab, whose maps are on its page alone.
    pub(crate) lab_camera: Option<Name>,
    /// Whether lines of events wait until they can be written.
    pub(crate) events_wait: bool,
    /// Tells the second broker.
    pub(crate) announcer: Option<Announcer>,
    /// Is told whether a camera is watched.
    pub(crate) hub: Option<Arc<Hub>>,
}

impl Outlet {
    /// Does what a step asks for.
    pub(crate) async fn follow(&mut self, topic: &str, step: Step) {
        match step {
            Step::Placed {
                frame,
                arrived,
                tiles,
                ready,
                given_up,
            } => {
                self.summary.tiles += 1;
                (self.observer)(ViewerEvent::Tile {
                    frame,
                    arrived,
                    tiles,
                });
                self.settled(ready, given_up).await;
            }
            Step::Repeated {
                receipt_again,
                ready,
                given_up,
            } => {
                self.summary.repeated += 1;
                if let Some(frame) = receipt_again {
                    self.receipt(frame, true).await;
                }
                self.settled(ready, given_up).await;
            }
            Step::TooLate { say_so } => {
                self.summary.late += 1;
                if let Some(frame) = say_so {
                    let (camera, seq) = (&frame.camera, frame.seq);
                    tracing::warn!(%camera, seq, "a frame came after later ones, which are in the log");
                    self.receipt(frame, false).await;
                }
            }
            Step::Refused { tile, reason } => {
                let refused = match reason {
                    MessageRefusal::Tile(TileRefusal::NoRoom { .. }) => &mut self.summary.no_room,
                    _ => &mut self.summary.refused,
                };
                *refused += 1;
                // Rarer and rarer, so that a flood does not fill the log.
                let is_said = refused.is_power_of_two();
                match tile {
                    _ if !is_said => tracing::debug!(topic, %reason, "message refused"),
                    Some(header) => tracing::warn!(
                        camera = %header.frame.camera,
                        session = %header.frame.session,
                        seq = header.frame.seq,
                        tile = header.tile,
                        refused,
                        %reason,
                        "tile refused"
                    ),
                    None => tracing::warn!(topic, refused, %reason, "message refused"),
                }
                let (topic, reason) = (topic.to_owned(), reason.to_string());
                (self.observer)(ViewerEvent::Refused { topic, reason });
            }
        }
    }

    /// Gives out what is whole, in its order, after what will never be.
    async fn settled(&mut self, ready: Vec<WholeFrame>, given_up: Vec<IncompleteFrame>) {
        for part in given_up {
            self.incomplete(part);
        }
        for whole in ready {
            // The log is in order: without this frame, none after it.
            if !self.whole(whole).await {
                break;
            }
        }
    }

    /// Says that a frame is in the log, or never will be. A receipt that cannot be sent makes the camera send the frame
    /// again.
    async fn receipt(&mut self, frame: FrameId, logged: bool) {
        let receipt = Receipt { frame, logged };
        let sent = match envelope::seal(&self.identity, &receipt, &[]) {
            Ok(bytes) => self
                .publisher
                .publish(&receipt.topic(), bytes)
                .await
                .map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match sent {
            Ok(()) => self.summary.receipts += 1,
            Err(reason) => {
                let (camera, seq) = (&receipt.frame.camera, receipt.frame.seq);
                tracing::warn!(%camera, seq, reason, "receipt not sent");
            }
        }
    }

    /// Logs a frame, says that it arrived, and gives out what it shows. A frame that cannot be logged waits; it is given
    /// up, without a receipt, when the viewer is asked to stop: `false`.
    async fn whole(&mut self, whole: WholeFrame) -> bool {
        let frame = whole.frame.clone();
        let gap = whole.gap;
        let (pool_ms, decrypt, bytes) = (whole.pool_ms, whole.decrypt, whole.bytes);
        let spec = StreamSpec::clone(&whole.spec);
        let now = unix_ms();
        let (captured_unix_ms, session_unix_ms) = (whole.captured_unix_ms, whole.session_unix_ms);
        let latency_ms = now.saturating_sub(whole.captured_unix_ms);
        let record = |status| Record::of(&whole, status, now);
        let (as_map, as_unreadable) = (record(Status::Map), record(Status::Unreadable));
        let (record, map) = match whole.into_map() {
            Ok(map) => (as_map, Ok(Arc::new(map))),
            Err(failure) => (as_unreadable, Err(failure)),
        };
        if !self.log(&frame, record).await {
            return false;
        }
        // Before anything whose time depends on what the map shows.
        self.receipt(frame.clone(), true).await;
        self.summary.missing += gap.missing;
        self.summary.dropped += gap.dropped;
        if gap != Gap::default() {
            let (camera, seq, missing, dropped) =
                (&frame.camera, frame.seq, gap.missing, gap.dropped);
            tracing::warn!(%camera, seq, missing, dropped, "gap before this frame");
        }
        match map {
            Ok(map) => {
                self.summary.maps += 1;
                report::log_map(&frame, &map, latency_ms, pool_ms);
                self.picture(&frame, session_unix_ms, &map).await;
                let score = self.watch(&frame, &map, captured_unix_ms, gap).await;
                (self.observer)(ViewerEvent::Map {
                    frame,
                    spec,
                    map: Arc::unwrap_or_clone(map),
                    gap,
                    captured_unix_ms,
                    score,
                    latency_ms,
                    pool_ms,
                    decrypt,
                    bytes,
                });
            }
            Err(failure) => self.unreadable(frame, &failure),
        }
        true
    }

    /// Holds a map against what is normal, and gives out what became of events.
    async fn watch(
        &mut self,
        frame: &FrameId,
        map: &Arc<FeatureMap>,
        captured_unix_ms: u64,
        gap: Gap,
    ) -> Option<MapScore> {
        let (id, map) = (frame.clone(), map.clone());
        let step = move |watch: &mut Watch| {
            let sighting = Sighting {
                frame: &id,
                map: &map,
                captured_unix_ms,
                gap,
            };
            let outcome = watch.observe(&sighting, Instant::now());
            (outcome, watch.mode(&id.camera))
        };
        let (outcome, mode) = self.watching(step).await?;
        let camera = &frame.camera;
        if let Some(hub) = &self.hub {
            hub.watched(camera, mode);
        }
        if outcome.score.is_some()
            && let Some(announcer) = &mut self.announcer
        {
            announcer.meet(camera);
        }
        self.anomalies(outcome.events).await;
        outcome.score
    }

    /// Ends events of cameras that have gone silent.
    pub(crate) async fn tick(&mut self) {
        let ended = self.watching(|watch| watch.tick(Instant::now())).await;
        self.anomalies(ended.unwrap_or_default()).await;
    }

    /// Does a step of watching where it may block. `None` where nobody is watched, and when it panicked.
    async fn watching<T: Send + 'static>(
        &mut self,
        step: impl FnOnce(&mut Watch) -> T + Send + 'static,
    ) -> Option<T> {
        let mut watch = self.watch.take()?;
        let done = task::spawn_blocking(move || {
            let done = watch.guarded(step);
            (watch, done)
        });
        let (watch, done) = done.await.ok()?;
        let watch = self.watch.insert(watch);
        match done {
            Ok(done) => Some(done),
            Err(ended) => {
                if let Some(hub) = &self.hub {
                    watch
                        .modes()
                        .for_each(|(camera, mode)| hub.watched(camera, mode));
                }
                self.anomalies(ended).await;
                None
            }
        }
    }

    /// Gives out what became of events: into the files first, then to whoever listens.
    async fn anomalies(&mut self, events: Vec<AnomalyEvent>) {
        self.write(&events).await;
        for event in events {
            report::log_event(&event);
            self.summary.events += u64::from(event.kind == AnomalyKind::Begin);
            if let Some(announcer) = &mut self.announcer {
                announcer.tell(&event);
            }
            (self.observer)(ViewerEvent::Anomaly(event));
        }
    }

    /// Writes what became of events, and what waits since the last time.
    async fn write(&mut self, events: &[AnomalyEvent]) {
        if events.is_empty() && !self.events_wait {
            return;
        }
        let (archive, lines) = (self.archive.clone(), events.to_vec());
        let written = task::spawn_blocking(move || archive.events(&lines)).await;
        match written.map_err(io::Error::other).flatten() {
            Err(error) if !self.events_wait => {
                tracing::error!(%error, "events cannot be written; they wait, and are tried again at least each second");
                self.events_wait = true;
            }
            Err(_) => {}
            Ok(()) => self.events_wait = false,
        }
    }

    /// Ends the events that go on.
    pub(crate) async fn finish(&mut self) {
        let ended = self.watching(Watch::end_events).await;
        self.anomalies(ended.unwrap_or_default()).await;
        if self.events_wait {
            tracing::error!("the last events are not in the log, which still cannot be written");
        }
    }

    fn unreadable(&mut self, frame: FrameId, failure: &MapFailure) {
        self.summary.unreadable += 1;
        let (camera, seq, reason) = (&frame.camera, frame.seq, failure.to_string());
        tracing::warn!(%camera, seq, reason, "unreadable frame");
        (self.observer)(ViewerEvent::Unreadable { frame, reason });
    }

    async fn picture(&mut self, frame: &FrameId, session_unix_ms: u64, map: &Arc<FeatureMap>) {
        if self.lab_camera.as_ref() == Some(&frame.camera) {
            return;
        }
        let (archive, id, map) = (self.archive.clone(), frame.clone(), map.clone());
        let written =
            task::spawn_blocking(move || archive.picture(&id, session_unix_ms, &map)).await;
        if let Err(error) = written.map_err(io::Error::other).flatten() {
            self.summary.unwritten += 1;
            tracing::warn!(camera = %frame.camera, seq = frame.seq, %error, "picture not written");
        }
    }

    /// Writes the line of a frame, however long that takes; `false` when the viewer is asked to stop before.
    async fn log(&mut self, frame: &FrameId, record: Record) -> bool {
        let record = Arc::new(record);
        let mut failed_at = None;
        loop {
            let (archive, line) = (self.archive.clone(), record.clone());
            let written = task::spawn_blocking(move || archive.line(&line)).await;
            let Err(error) = written.map_err(io::Error::other).flatten() else {
                self.log_works.set(true);
                if let Some(failed_at) = failed_at {
                    self.watching(move |watch| watch.held_up(Instant::elapsed(&failed_at)))
                        .await;
                }
                return true;
            };
            self.log_works.set(false);
            if failed_at.is_none() {
                let (camera, seq) = (&frame.camera, frame.seq);
                tracing::error!(%camera, seq, %error, "the log of frames cannot be written, trying again");
                failed_at = Some(Instant::now());
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return false,
                () = time::sleep(LOG_RETRY) => {}
            }
            self.write(&[]).await;
        }
    }

    /// A frame was given up.
    pub(crate) fn incomplete(&mut self, part: IncompleteFrame) {
        let IncompleteFrame {
            frame,
            arrived,
            tiles,
        } = part;
        self.summary.incomplete += 1;
        tracing::warn!(camera = %frame.camera, seq = frame.seq, arrived, tiles, "incomplete frame");
        (self.observer)(ViewerEvent::Incomplete {
            frame,
            arrived,
            tiles,
        });
    }
}

#[cfg(test)]
mod tests;
