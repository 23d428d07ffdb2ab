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

/// Runs a node on a runtime of its own until it ends, with a token that SIGINT or SIGTERM cancels. A
/// second signal ends the program at once.
///
/// For `main` functions only: libraries and tests cancel a token of their own.
///
/// # Errors
/// That of the node; [`FailureKind::Io`] when the system has no threads for the runtime;
/// [`FailureKind::Bug`] when it refuses a signal handler.
pub fn run_until_signals<T, Node>(node: impl FnOnce(Shutdown) -> Node) -> Result<T, Failure>
where
    Node: Future<Output = Result<T, Failure>>,
{
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        Failure::io(
            "starting the runtime",
            &error,
            "allow this user more threads",
        )
    })?;
    let ended = runtime.block_on(async { node(on_signals()?).await });
    // A thread that still blocks, such as one that pools a tile, must not hold up the end.
    runtime.shutdown_background();
    ended
}

fn on_signals() -> Result<Shutdown, Failure> {
    let mut interrupt = install(SignalKind::interrupt())?;
    let mut terminate = install(SignalKind::terminate())?;
    let shutdown = Shutdown::new();
    let cancelled = shutdown.clone();
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        cancelled.cancel();
        tracing::info!("asked to stop, finishing");
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
