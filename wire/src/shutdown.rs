//! Ending in good order: one token that every part of a node watches, and the signals that cancel
//! it.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, FailureKind};

/// The token that asks a node to drain and end. Cloned freely; cancelled once.
pub type Shutdown = CancellationToken;

/// Exit code after a second signal, as a shell reports an interrupted program.
const INTERRUPTED: i32 = 130;

/// Returns a token that SIGINT or SIGTERM cancels. A second signal ends the program at once.
///
/// For `main` functions only, inside a tokio runtime: libraries and tests cancel a token of their
/// own.
///
/// # Errors
/// [`FailureKind::Bug`] when the system refuses a signal handler.
pub fn on_signals() -> Result<Shutdown, Failure> {
    let mut interrupt = install(SignalKind::interrupt())?;
    let mut terminate = install(SignalKind::terminate())?;
    let shutdown = Shutdown::new();
    let cancelled = shutdown.clone();
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        tracing::info!("asked to stop, finishing");
        cancelled.cancel();
        either(&mut interrupt, &mut terminate).await;
        process::exit(INTERRUPTED);
    });
    Ok(shutdown)
}

async fn either(first: &mut Signal, second: &mut Signal) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}

fn install(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        Failure::new(
            FailureKind::Bug,
            format!("cannot install a signal handler: {error}"),
            "report this with the name and version of your system",
        )
    })
}
