//! What went wrong, as an answer: a status and a sentence with its mend.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
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

/// What the library says of a request is no longer than this, in bytes.
const LONGEST: usize = 4096;

/// The middleware that makes a [`Problem`] of what the library answers by itself: to a number that is none, to a method
/// that is not there.
pub(crate) async fn as_problems(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let response = next.run(request).await;
    let status = response.status();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value == "application/json");
    if !is_api || is_json || !status.is_client_error() {
        return response;
    }
    let said = to_bytes(response.into_body(), LONGEST)
        .await
        .unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let error = match said.trim() {
        "" => status
            .canonical_reason()
            .unwrap_or("the request makes no sense"),
        said => said,
    };
    Refusal::new(status, error, "compare the request with /api/openapi.json").into_response()
}
