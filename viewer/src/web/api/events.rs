//! Anomaly events.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::Refusal;
use super::cameras::not_kept;
use super::schema::{Events, MapRecord, Problem};
use crate::web::hub::Moment;
use crate::web::server::Pages;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Only those of this camera.
    camera: Option<String>,
    /// At most so many, 100 if not said.
    limit: Option<usize>,
}

/// The latest state of each event, the newest first
#[utoipa::path(get, path = "/api/events", tag = "events", params(Wanted),
    responses((status = 200, body = Events)))]
pub(crate) async fn events(
    State(pages): State<Pages>,
    Query(wanted): Query<Wanted>,
) -> Json<Events> {
    let events = pages
        .hub
        .events(wanted.camera.as_deref(), wanted.limit.unwrap_or(100));
    Json(Events { events })
}

/// The map of a moment of an event
#[utoipa::path(get, path = "/api/events/{event}/maps/{moment}", tag = "events",
    params(
        ("event" = String, Path, description = "The event's `id`."),
        ("moment" = Moment, Path, description = "`begin` or `peak`."),
    ),
    responses((status = 200, body = MapRecord), (status = 404, body = Problem)))]
pub(crate) async fn map(
    State(pages): State<Pages>,
    Path((event, moment)): Path<(String, Moment)>,
) -> Result<Json<MapRecord>, Refusal> {
    let map = pages.hub.moment(&event, moment).ok_or_else(|| {
        let error = format!("no event {event:?} is kept in memory");
        Refusal::unknown(error, "take one from /api/events, or look in events.jsonl")
    })?;
    let map = map.ok_or_else(|| {
        let which = match moment {
            Moment::Begin => "that the event began with",
            Moment::Peak => "of the event's highest score",
        };
        not_kept(&format!("the map {which}"))
    })?;
    Ok(Json(MapRecord::of(&map)))
}
