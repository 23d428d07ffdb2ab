//! The anomaly scores of a camera over time.

use serde::Serialize;
use utoipa::ToSchema;

use crate::web::hub::Point;

/// The largest score of an interval.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ScorePoint {
    pub(crate) session: String,
    pub(crate) seq: u64,
    /// When its map was shown, by the viewer's clock.
    pub(crate) shown_unix_ms: u64,
    /// When its frame was captured, by the camera's clock.
    pub(crate) captured_unix_ms: u64,
    pub(crate) score: f64,
    pub(crate) threshold: f64,
    /// An event that goes on in the interval.
    pub(crate) event: Option<String>,
}

impl From<Point> for ScorePoint {
    fn from(point: Point) -> Self {
        Self {
            session: point.session.to_string(),
            seq: point.seq,
            shown_unix_ms: point.shown_unix_ms,
            captured_unix_ms: point.captured_unix_ms,
            score: point.score,
            threshold: point.threshold,
            event: point.event.map(|event| event.to_string()),
        }
    }
}

/// Scores of a camera over time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Scores {
    pub(crate) camera: String,
    /// The length of an interval: multiples of it since 1970, by the viewer's clock.
    pub(crate) interval_ms: u64,
    /// One for each interval in which maps were scored, the oldest first.
    pub(crate) scores: Vec<ScorePoint>,
}

impl Scores {
    pub(crate) fn of(camera: String, (interval_ms, points): (u64, Vec<Point>)) -> Self {
        Self {
            camera,
            interval_ms,
            scores: points.into_iter().map(ScorePoint::from).collect(),
        }
    }
}
