//! Cameras, their maps and their scores.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;
use wire::message::SessionId;

use super::answer::Refusal;
use super::schema::{CameraState, CamerasMessage, MapName, MapRecord, Maps, Problem, Scores};
use crate::web::hub::{Now, SPAN_MS};
use crate::web::server::Pages;

/// Answers are no longer than this.
const MOST: usize = 20_000;

/// How much to answer with.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    /// At most so many entries.
    limit: Option<usize>,
}

impl Limit {
    fn or(&self, default: usize) -> usize {
        self.limit.unwrap_or(default).min(MOST)
    }
}

/// Which part of the timeline.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stretch {
    /// The last so many seconds, 1 to 3600; 3600 if not said.
    span_s: Option<u64>,
    /// As at most so many intervals, 1 to 20000; 600 if not said.
    points: Option<u64>,
}

/// All cameras as they are now
#[utoipa::path(get, path = "/api/cameras", tag = "cameras",
    responses((status = 200, body = CamerasMessage)))]
pub(crate) async fn cameras(State(pages): State<Pages>) -> Json<CamerasMessage> {
    Json(pages.hub.cameras(Now::read()))
}

/// One camera as it is now
#[utoipa::path(get, path = "/api/cameras/{camera}", tag = "cameras",
    params(("camera" = String, Path, description = "Name of the camera.")),
    responses((status = 200, body = CameraState), (status = 404, body = Problem)))]
pub(crate) async fn camera(
    State(pages): State<Pages>,
    Path(camera): Path<String>,
) -> Result<Json<CameraState>, Refusal> {
    let state = pages.hub.camera(&camera, Now::read());
    state.map(Json).ok_or_else(|| no_camera(&camera))
}

/// The timeline of its anomaly score: the largest of each interval
#[utoipa::path(get, path = "/api/cameras/{camera}/scores", tag = "cameras",
    params(("camera" = String, Path, description = "Name of the camera."), Stretch),
    responses((status = 200, body = Scores), (status = 404, body = Problem)))]
pub(crate) async fn scores(
    State(pages): State<Pages>,
    Path(camera): Path<String>,
    Query(stretch): Query<Stretch>,
) -> Result<Json<Scores>, Refusal> {
    let longest_s = SPAN_MS / 1000;
    let span_ms = stretch.span_s.unwrap_or(longest_s).clamp(1, longest_s) * 1000;
    let points = stretch.points.unwrap_or(600).clamp(1, MOST as u64);
    let scores = pages.hub.scores(&camera, span_ms, points, Now::read());
    let scores = scores.ok_or_else(|| no_camera(&camera))?;
    Ok(Json(Scores::of(camera, scores)))
}

/// Which of its maps are kept in memory
#[utoipa::path(get, path = "/api/cameras/{camera}/maps", tag = "cameras",
    params(("camera" = String, Path, description = "Name of the camera."), Limit),
    responses((status = 200, body = Maps), (status = 404, body = Problem)))]
pub(crate) async fn maps(
    State(pages): State<Pages>,
    Path(camera): Path<String>,
    Query(limit): Query<Limit>,
) -> Result<Json<Maps>, Refusal> {
    let maps = pages.hub.maps(&camera, limit.or(50));
    let maps = maps.ok_or_else(|| no_camera(&camera))?;
    let maps = maps.iter().map(|shown| MapName {
        session: shown.frame.session.to_string(),
        seq: shown.frame.seq,
        captured_unix_ms: shown.captured_unix_ms,
    });
    Ok(Json(Maps {
        camera,
        maps: maps.collect(),
    }))
}

/// Its latest map
#[utoipa::path(get, path = "/api/cameras/{camera}/maps/latest", tag = "cameras",
    params(("camera" = String, Path, description = "Name of the camera.")),
    responses((status = 200, body = MapRecord), (status = 404, body = Problem)))]
pub(crate) async fn latest_map(
    State(pages): State<Pages>,
    Path(camera): Path<String>,
) -> Result<Json<MapRecord>, Refusal> {
    let latest = pages
        .hub
        .latest(&camera)
        .ok_or_else(|| no_camera(&camera))?;
    let latest = latest.ok_or_else(|| {
        let error = format!("the camera {camera} has no map yet");
        Refusal::unknown(error, "wait for its first frame")
    })?;
    Ok(Json(MapRecord::of(&latest)))
}

/// The map of a moment
#[utoipa::path(get, path = "/api/cameras/{camera}/maps/{session}/{seq}", tag = "cameras",
    params(
        ("camera" = String, Path, description = "Name of the camera."),
        ("session" = String, Path, description = "The camera's run, 32 hexadecimal digits."),
        ("seq" = u64, Path, description = "The frame's number in its session."),
    ),
    responses((status = 200, body = MapRecord), (status = 404, body = Problem)))]
pub(crate) async fn map(
    State(pages): State<Pages>,
    Path((camera, session, seq)): Path<(String, String, u64)>,
) -> Result<Json<MapRecord>, Refusal> {
    let session = session.parse::<SessionId>().map_err(|error| {
        let mend = "take the session from a map, an event or the timeline";
        Refusal::unknown(error.to_string(), mend)
    })?;
    let map = pages.hub.map(&camera, session, seq);
    let map = map
        .ok_or_else(|| no_camera(&camera))?
        .ok_or_else(|| not_kept(&format!("the map of frame {seq} of {camera}")))?;
    Ok(Json(MapRecord::of(&map)))
}

/// A map that was there.
pub(super) fn not_kept(which: &str) -> Refusal {
    let error = format!("{which} is not kept in memory any more");
    let mend = "look for its picture in the folder `out.folder`, if pictures are written";
    Refusal::unknown(error, mend)
}

fn no_camera(camera: &str) -> Refusal {
    let error = format!("nothing has come from a camera {camera:?}");
    Refusal::unknown(error, "take a name from /api/cameras")
}
