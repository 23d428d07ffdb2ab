//! What went wrong, as an answer: a status and a sentence with its mend.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::schema::Problem;

/// Why a request is not answered.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    problem: Problem,
}

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        error: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (error, mend) = (error.into(), mend.into());
        Self {
            status,
            problem: Problem { error, mend },
        }
    }

    /// There is no such thing.
    pub(crate) fn unknown(error: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, mend)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.problem)).into_response()
    }
}
