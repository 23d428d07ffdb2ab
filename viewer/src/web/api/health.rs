//! How the viewer is.

use axum::Json;
use axum::extract::State;

use super::schema::Health;
use crate::web::server::Pages;

/// How the viewer is
#[utoipa::path(get, path = "/api/health", tag = "health",
    responses((status = 200, body = Health)))]
pub(crate) async fn health(State(pages): State<Pages>) -> Json<Health> {
    let lacking = pages.vitals.lacking();
    let summary = pages.figures.borrow().summary;
    Json(Health {
        ready: lacking.is_empty(),
        lacking,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        site: pages.hub.site().to_string(),
        refused: summary.refused,
        no_room: summary.no_room,
        repeated: summary.repeated,
        late: summary.late,
        uptime_s: pages.started.elapsed().as_secs(),
    })
}
