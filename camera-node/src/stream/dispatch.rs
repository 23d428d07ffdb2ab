//! Sending: the frame whose turn it is, tile by tile, and again where that is needed.

use std::future::Future;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use wire::failure::{Failure, FailureKind};
use wire::mqtt::{PublishError, Publisher};
use wire::random;
use wire::topic::Topic;

use super::{Stream, sleep_until};
use crate::blocking::blocking;
use crate::event::CameraEvent;
use crate::ledger::Turn;

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

/// How far sending a frame went.
enum Sent {
    Whole {
        /// The size of its envelopes.
        bytes: u64,
    },
    /// Its receipt came meanwhile, for a copy sent earlier.
    NotNeeded,
    /// The connection was lost.
    CutOff,
}

impl<O: Outlet> Stream<'_, O> {
    /// Sends what is due until `closing` is cancelled; a frame that is half sent is finished then.
    pub(super) async fn dispatch(&self, closing: &CancellationToken) -> Result<(), Failure> {
        let mut changes = self.ledger.changes();
        let mut connected = self.connected.clone();
        let mut was_connected = *connected.borrow_and_update();
        loop {
            let is_connected = *connected.borrow_and_update();
            if is_connected && !was_connected {
                self.ledger.recover(Instant::now());
            }
            was_connected = is_connected;
            changes.mark_unchanged();
            let wake = self.ledger.look_after(Instant::now()).await?;
            if closing.is_cancelled() {
                return Ok(());
            }
            if is_connected && let Some(turn) = self.ledger.next_turn().await? {
                self.send(&turn).await?;
                continue;
            }
            tokio::select! {
                () = closing.cancelled() => return Ok(()),
                Ok(()) = changes.changed() => {}
                Ok(()) = connected.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    async fn send(&self, turn: &Turn) -> Result<(), Failure> {
        let mut connected = self.connected.clone();
        let sent = tokio::select! {
            biased;
            sent = self.send_tiles(turn) => sent?,
            _ = connected.wait_for(|connected| !connected) => Sent::CutOff,
        };
        let (seq, again) = (turn.key.seq, turn.again);
        match sent {
            Sent::Whole { bytes } => {
                self.ledger.sent(turn, Instant::now(), random::chance());
                let tiles = turn.frame.tiles.len();
                tracing::info!(seq, again, tiles, bytes, "frame sent");
            }
            Sent::NotNeeded => tracing::debug!(seq, "confirmed while it was sent again"),
            Sent::CutOff => self.ledger.unsent(turn.key),
        }
        Ok(())
    }

    async fn send_tiles(&self, turn: &Turn) -> Result<Sent, Failure> {
        let id = &turn.frame.header.frame;
        let topic = Topic::Frame {
            site: id.site.clone(),
            camera: id.camera.clone(),
        };
        let tiles = turn.frame.tiles.len();
        let mut frame_bytes = 0;
        for tile in 0..tiles {
            let Some(oldest) = self.ledger.oldest_beside(turn.key) else {
                return Ok(Sent::NotNeeded);
            };
            let (sealer, frame) = (self.sealer.clone(), turn.frame.clone());
            let sealed = blocking(move || sealer.seal(&frame, tile, oldest)).await?;
            let sealed = sealed.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
            let bytes = sealed.len() as u64;
            frame_bytes += bytes;
            if tile + 1 == tiles && !turn.again {
                // Said before the last tile leaves, so it comes before the map and the receipt.
                (self.observer)(CameraEvent::Sent {
                    frame: id.clone(),
                    bytes: frame_bytes,
                });
            }
            let published = self.outlet.publish(&topic, sealed).await;
            published.map_err(unpublished)?;
            self.ledger.count(|summary| {
                summary.tiles += 1;
                summary.bytes += bytes;
            });
        }
        Ok(Sent::Whole { bytes: frame_bytes })
    }
}

fn unpublished(error: PublishError) -> Failure {
    let kind = match error {
        PublishError::TooLarge { .. } => FailureKind::Configuration,
        PublishError::Closed => FailureKind::Unavailable,
    };
    Failure::of(kind, &error)
}
