//! Anomaly events.

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::schema::Events;
use crate::web::server::Pages;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
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
