//! Work that blocks or computes, on a thread where that is allowed.

use wire::failure::{Failure, FailureKind};

/// Runs `work` on a blocking thread. A panic in it becomes a failure.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Failure::new(
            FailureKind::Bug,
            format!("a step of the camera did not end well: {error}"),
            "report this with the log lines above",
        )
    })
}
