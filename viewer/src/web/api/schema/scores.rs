//! The anomaly scores of a camera over time.

use serde::Serialize;
use utoipa::ToSchema;

use crate::web::hub::Point;

/// A score of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ScorePoint {
    pub(crate) session: String,
    pub(crate) seq: u64,
    pub(crate) captured_unix_ms: u64,
    pub(crate) score: f64,
    pub(crate) threshold: f64,
    /// The event that it is part of.
    pub(crate) event: Option<String>,
}

impl From<Point> for ScorePoint {
    fn from(point: Point) -> Self {
        Self {
            session: point.session.to_string(),
            seq: point.seq,
            captured_unix_ms: point.captured_unix_ms,
            score: point.score,
            threshold: point.threshold,
            event: point.event,
        }
    }
}

/// The timeline of a camera.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Scores {
    pub(crate) camera: String,
    /// The oldest first.
    pub(crate) scores: Vec<ScorePoint>,
}
