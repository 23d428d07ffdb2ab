//! What happens, as server-sent events: each page is told at its own pace, the newest map of each camera first of all.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{self, Interval, MissedTickBehavior};
use wire::name::Name;

use super::api::answer::Refusal;
use super::api::schema::{MapRecord, Problem, Scores};
use super::hub::{INTERVAL_MS, Now};
use super::server::Pages;

/// How often a page is told; a camera shows at most one map each time.
const TICK: Duration = Duration::from_millis(100);
/// How often it is told of all cameras.
const CAMERAS_EVERY: Duration = Duration::from_secs(1);
/// When a page that lost the connection comes back.
const RETRY: Duration = Duration::from_secs(1);

/// Everything as it happens
///
/// Server-sent events: `cameras` (a `CamerasMessage`, at once and then every second), `map` (a `MapRecord`, the latest of
/// each camera at once and then at most ten a second), `scores` (a `Scores`: the intervals that are new or have changed),
/// `anomaly` (an `AnomalyEvent`).
#[utoipa::path(get, path = "/api/live", tag = "live",
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 503, body = Problem)))]
pub(crate) async fn live(
    State(pages): State<Pages>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let place = pages.streams.clone().try_acquire_owned().map_err(|_| {
        let error = "too many pages are open";
        let mend = "close one of them, and load this one again";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error, mend)
    })?;
    let teller = Teller::new(pages, place);
    let events = stream::unfold(teller, async |mut teller| {
        let event = teller.next().await?;
        Some((Ok(event), teller))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new()))
}

/// Tells one page.
struct Teller {
    pages: Pages,
    _place: OwnedSemaphorePermit,
    tick: Interval,
    /// What is to be told next.
    queue: VecDeque<Event>,
    /// The running number of the last map told, for each camera.
    told: BTreeMap<Name, u64>,
    anomalies: u64,
    /// How far the scores of each camera are told.
    scores: BTreeMap<Name, u64>,
    cameras_at: Option<Instant>,
    /// Whether nothing will happen any more.
    done: bool,
}

impl Teller {
    fn new(pages: Pages, place: OwnedSemaphorePermit) -> Self {
        let mut tick = time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (anomalies, _) = pages.hub.events_after(u64::MAX);
        let scores = pages.hub.score_revisions();
        Self {
            pages,
            _place: place,
            tick,
            queue: VecDeque::from([Event::default().retry(RETRY)]),
            told: BTreeMap::new(),
            anomalies,
            scores,
            cameras_at: None,
            done: false,
        }
    }

    /// The next thing to tell; nothing once everything is over and told.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.done {
                return None;
            }
            // What happened before the end is still told.
            self.done = tokio::select! {
                biased;
                () = self.pages.over.cancelled() => true,
                _ = self.tick.tick() => false,
            };
            self.look();
        }
    }

    /// Queues what is new.
    fn look(&mut self) {
        let now = Now::read();
        let is_due = self
            .cameras_at
            .is_none_or(|at| now.instant.saturating_duration_since(at) >= CAMERAS_EVERY);
        if is_due {
            self.cameras_at = Some(now.instant);
            self.tell("cameras", &self.pages.hub.cameras(now));
        }
        let anomalies;
        (self.anomalies, anomalies) = self.pages.hub.events_after(self.anomalies);
        for event in &anomalies {
            self.tell("anomaly", event);
        }
        for (camera, points) in self.pages.hub.scores_after(&mut self.scores) {
            let scores = Scores::of(camera.to_string(), (INTERVAL_MS, points));
            self.tell("scores", &scores);
        }
        for (number, shown) in self.pages.hub.latest_of_all() {
            let told = self.told.insert(shown.frame.camera.clone(), number);
            if told != Some(number) {
                self.tell("map", &MapRecord::of(&shown));
            }
        }
    }

    fn tell(&mut self, name: &str, what: &impl Serialize) {
        // What is told has no maps with odd keys: it always has a JSON form.
        if let Ok(event) = Event::default().event(name).json_data(what) {
            self.queue.push_back(event);
        }
    }
}
