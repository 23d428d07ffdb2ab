//! The camera's loop: wait for a turn, pull a frame, send it, attend to receipts meanwhile.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, watch};
use tokio::time;
use tokio_util::sync::CancellationToken;
use wire::failure::{Failure, FailureKind};
use wire::message::FrameId;
use wire::mqtt::{PublishError, Publisher};
use wire::topic::Topic;

use crate::blocking::blocking;
use crate::credit::{Credit, Settled};
use crate::event::{CameraEvent, CameraSummary, Observer};
use crate::pace::Pace;
use crate::preprocess::{PreparedFrame, Preprocessor};
use crate::receipts::Arrival;
use crate::sealing::Sealer;
use crate::source::{Pull, Source};

/// How long a frame that is half sent may go on after the camera was asked to stop. Half a frame is
/// of no use to anybody; with the publisher's 2 s the camera still ends within 5 s.
const FINISH_FRAME: Duration = Duration::from_millis(2500);

/// Takes sealed tiles away.
pub(crate) trait Outlet {
    /// Waits while there is no room.
    fn publish(
        &self,
        topic: &Topic,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<(), PublishError>> + Send;
}

impl Outlet for Publisher {
    async fn publish(&self, topic: &Topic, bytes: Vec<u8>) -> Result<(), PublishError> {
        Publisher::publish(self, topic, bytes).await
    }
}

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
    /// Whether the outlet is connected. Nothing is encrypted while it is not.
    pub(crate) connected: watch::Receiver<bool>,
    pub(crate) arrivals: mpsc::Receiver<Arrival>,
    pub(crate) credit: Credit,
    /// The identity of the next frame.
    pub(crate) next: FrameId,
    pub(crate) observer: Observer,
    pub(crate) summary: CameraSummary,
}

impl<O: Outlet> Stream<'_, O> {
    /// Sends the frames of `source`, as `preprocessor` makes them, until it ends or `shutdown` is
    /// cancelled.
    pub(crate) async fn run(
        &mut self,
        mut source: Box<dyn Source>,
        mut preprocessor: Preprocessor,
        shutdown: &CancellationToken,
    ) -> Result<Ended, Failure> {
        let mut pace = Pace::new(source.interval(), Instant::now());
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(Ended::Asked),
                () = self.wait_for_turn(pace.due()) => {}
            }
            // The source is moved to a thread that may block, and comes back with its answer.
            let pulled = blocking(move || {
                let pulled = source.next();
                (source, pulled)
            });
            let (returned, pulled) = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(Ended::Asked),
                pulled = pulled => pulled?,
            };
            source = returned;
            match pulled? {
                Pull::Frame(frame) => {
                    pace.taken(Instant::now());
                    let captured_unix_ms = unix_ms(SystemTime::now());
                    // Goes to the other thread and back as the source does, so that it sees the
                    // frames one after the other.
                    let (returned, prepared) = blocking(move || {
                        let prepared = preprocessor.prepare(frame);
                        (preprocessor, prepared)
                    })
                    .await?;
                    preprocessor = returned;
                    let frame = prepared.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
                    if !self
                        .send_unless_stopped(frame, captured_unix_ms, shutdown)
                        .await?
                    {
                        return Ok(Ended::Asked);
                    }
                }
                Pull::Skipped { file, reason } => {
                    tracing::warn!("{} is skipped: {reason}", file.display());
                    self.summary.skipped += 1;
                    (self.observer)(CameraEvent::Skipped { file, reason });
                }
                Pull::End => break,
            }
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(Ended::Asked),
            () = self.wait_for_the_rest() => Ok(Ended::Source),
        }
    }

    /// What was counted so far.
    pub(crate) fn summary(&self) -> CameraSummary {
        CameraSummary {
            unconfirmed: self.credit.unconfirmed(),
            on_the_way: self.credit.on_the_way() as u64,
            ..self.summary
        }
    }

    /// Until `due` has come, a place is free and there is a connection.
    async fn wait_for_turn(&mut self, due: Instant) {
        loop {
            self.give_up_expired();
            let is_due = Instant::now() >= due;
            if is_due && self.credit.available() && *self.connected.borrow() {
                return;
            }
            let due = (!is_due).then_some(due);
            self.attend(due.into_iter().chain(self.credit.next_deadline()).min())
                .await;
        }
    }

    /// Until every frame has its receipt or was given up.
    async fn wait_for_the_rest(&mut self) {
        while self.credit.on_the_way() > 0 {
            self.attend(self.credit.next_deadline()).await;
            self.give_up_expired();
        }
    }

    /// Waits for one thing: a receipt, a change of the connection, or the time `wake`.
    async fn attend(&mut self, wake: Option<Instant>) {
        let sleep = async {
            match wake {
                Some(wake) => time::sleep_until(wake.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(arrival) = self.arrivals.recv() => self.settle(arrival),
            Ok(()) = self.connected.changed() => {}
            () = sleep => {}
        }
    }

    fn settle(&mut self, arrival: Arrival) {
        let (elapsed, late) = match self.credit.receipt(arrival.seq, arrival.at) {
            Settled::Confirmed { elapsed } => (elapsed, false),
            Settled::Late { elapsed } => (elapsed, true),
            // A copy of an earlier receipt.
            Settled::Unknown => return,
        };
        self.summary.confirmed += 1;
        tracing::debug!(
            seq = arrival.seq,
            elapsed_ms = elapsed.as_millis(),
            late,
            "confirmed"
        );
        let frame = self.frame_id(arrival.seq);
        (self.observer)(CameraEvent::Confirmed {
            frame,
            elapsed,
            late,
        });
    }

    fn give_up_expired(&mut self) {
        for expired in self.credit.expire(Instant::now()) {
            let waited_ms = expired.waited.as_millis();
            tracing::warn!(
                seq = expired.seq,
                waited_ms,
                "no receipt in time, going on without it"
            );
            let (frame, waited) = (self.frame_id(expired.seq), expired.waited);
            (self.observer)(CameraEvent::Unconfirmed { frame, waited });
        }
    }

    /// Sends a frame. After a shutdown it gets a little time, then it is given up: `false`.
    async fn send_unless_stopped(
        &mut self,
        frame: PreparedFrame,
        captured_unix_ms: u64,
        shutdown: &CancellationToken,
    ) -> Result<bool, Failure> {
        let patience = async {
            shutdown.cancelled().await;
            time::sleep(FINISH_FRAME).await;
        };
        tokio::select! {
            sent = self.send(frame, captured_unix_ms) => sent.map(|()| true),
            () = patience => {
                tracing::warn!("a frame could not be sent whole in time, gave it up");
                Ok(false)
            }
        }
    }

    async fn send(&mut self, frame: PreparedFrame, captured_unix_ms: u64) -> Result<(), Failure> {
        let PreparedFrame {
            clip,
            index,
            quantised,
        } = frame;
        let quantised = Arc::new(quantised);
        let id = Arc::new(self.next.clone());
        self.next.seq += 1;

        let topic = Topic::Frame {
            site: id.site.clone(),
            camera: id.camera.clone(),
        };
        let tiles = self.sealer.spec().tile_plan().tile_count();
        let mut bytes = 0;
        for tile in 0..tiles {
            let (sealer, frame, pixels) = (self.sealer.clone(), id.clone(), quantised.clone());
            let sealed =
                blocking(move || sealer.seal(&frame, captured_unix_ms, &pixels, tile)).await?;
            let sealed = sealed.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
            bytes += sealed.len() as u64;
            if tile + 1 == tiles {
                // Said before the last tile leaves, so it comes before the map and the receipt.
                (self.observer)(CameraEvent::Published {
                    frame: (*id).clone(),
                    spec: self.sealer.spec().clone(),
                    quantised: (*quantised).clone(),
                    bytes,
                });
            }
            self.outlet
                .publish(&topic, sealed)
                .await
                .map_err(unpublished)?;
            self.summary.tiles += 1;
        }
        self.credit.sent(id.seq, Instant::now());
        self.summary.frames += 1;
        self.summary.bytes += bytes;
        tracing::info!(seq = id.seq, clip, index, tiles, bytes, "frame sent");
        Ok(())
    }

    fn frame_id(&self, seq: u64) -> FrameId {
        FrameId {
            seq,
            ..self.next.clone()
        }
    }
}

fn unpublished(error: PublishError) -> Failure {
    let kind = match error {
        PublishError::TooLarge { .. } => FailureKind::Configuration,
        PublishError::Closed => FailureKind::Unavailable,
    };
    Failure::of(kind, &error)
}

/// Milliseconds since 1970 UTC; 0 for a clock that is set to before that.
fn unix_ms(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests;
