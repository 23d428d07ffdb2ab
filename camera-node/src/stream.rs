//! The camera at work: frames are captured, sent and struck off, all three at the same time.

mod capture;
mod dispatch;
mod feed;
mod live;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time;
use tokio_util::sync::CancellationToken;
use wire::failure::Failure;
use wire::message::FrameId;
use wire::telemetry::Need;

use crate::event::Observer;
use crate::ledger::Ledger;
use crate::outbox::Policy;
use crate::preprocess::Preprocessor;
use crate::receipts::Arrival;
use crate::sealing::Sealer;
use crate::source::Source;

pub(crate) use dispatch::Outlet;

/// How long a frame that is half sent may go on after the camera was asked to stop. Half a frame is
/// of no use to anybody; with the publisher's 2 s the camera still ends within 5 s.
const FINISH_FRAME: Duration = Duration::from_millis(2500);

/// Why the stream is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The source had no more frames, and each has its receipt or was given up.
    Source,
    /// The camera was asked to stop.
    Asked,
}

/// A stream of frames on its way to the broker.
pub(crate) struct Stream<'a, O> {
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) outlet: &'a O,
    /// Whether the outlet is connected.
    pub(crate) connected: watch::Receiver<bool>,
    pub(crate) ledger: Ledger,
    pub(crate) policy: Policy,
    /// What the messages of a frame take at most.
    pub(crate) frame_bytes: u64,
    /// The identity of the next frame.
    pub(crate) next: FrameId,
    pub(crate) observer: Observer,
    /// Whether frames get into the spool.
    pub(crate) spool_works: Need,
}

impl<O: Outlet> Stream<'_, O> {
    /// Sends the frames of `source`, as `preprocessor` makes them, until it ends or `shutdown` is
    /// cancelled.
    pub(crate) async fn run(
        &self,
        source: Box<dyn Source>,
        preprocessor: Preprocessor,
        mut arrivals: mpsc::Receiver<Arrival>,
        shutdown: &CancellationToken,
    ) -> Result<Ended, Failure> {
        let closing = CancellationToken::new();
        let mut dispatch = pin!(self.dispatch(&closing));
        let mut settle = pin!(self.settle(&mut arrivals));
        let capture = async {
            self.capture(source, preprocessor).await?;
            self.wait_for_the_rest().await;
            Ok::<_, Failure>(())
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            captured = capture => return captured.map(|()| Ended::Source),
            ended = &mut dispatch => return ended.map(|()| Ended::Asked),
            ended = &mut settle => return ended.map(|()| Ended::Asked),
        }
        closing.cancel();
        tokio::select! {
            ended = &mut dispatch => ended?,
            ended = &mut settle => ended?,
            () = time::sleep(FINISH_FRAME) => {
                tracing::warn!("a frame could not be sent whole in time");
            }
        }
        Ok(Ended::Asked)
    }

    /// Strikes off what the viewer has. Ends only with the receipts' queue.
    async fn settle(&self, arrivals: &mut mpsc::Receiver<Arrival>) -> Result<(), Failure> {
        while let Some(arrival) = arrivals.recv().await {
            self.ledger.settle(arrival).await?;
        }
        // The desk is gone, so the link is; the publisher says so.
        std::future::pending().await
    }

    /// Until every frame has its receipt or was given up.
    async fn wait_for_the_rest(&self) {
        let mut changes = self.ledger.changes();
        while !self.ledger.is_empty() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Sleeps until `wake`, or for ever.
async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
