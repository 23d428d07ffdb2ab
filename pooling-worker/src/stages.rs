//! The first and the last stage of a worker: take tiles in, send the maps out. Between them `threads` pools.
//!
//! Everything that joins them is bounded. When the broker takes no more maps, the outlet waits, then the pooling
//! threads, then, once a lane is full, the intake, which stops reading.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::envelope::{self, Limits};
use wire::identity::SigningIdentity;
use wire::message::{FrameTile, MapTile, Message, TileHeader};
use wire::mqtt::{Incoming, PublishError, Publisher, Subscriber};
use wire::trust::Trust;

use crate::in_flight::{InFlight, InHand};
use crate::intake::{Job, job};
use crate::keyring::Keyring;
use crate::lane::{Closed, Lane, Lanes, Width};
use crate::summary::Counters;

/// A map tile that waits to be signed and published.
pub(crate) struct Outgoing {
    pub(crate) message: MapTile,
    pub(crate) payload: Vec<u8>,
    /// Kept until the message is out.
    pub(crate) _in_hand: InHand,
}

/// Reads messages, checks them and puts what can be pooled into its lane. Closes the lanes when it is dropped.
pub(crate) struct Intake {
    pub(crate) trust: Trust,
    pub(crate) limits: Limits,
    pub(crate) keyring: Keyring,
    pub(crate) in_flight: InFlight,
    pub(crate) lanes: Arc<Lanes<Job>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) shutdown: CancellationToken,
}

impl Intake {
    /// Ends when the subscriber or a pooling thread does, or on shutdown.
    pub(crate) async fn run(mut self, subscriber: &mut Subscriber, publisher: &Publisher) {
        while let Some(incoming) = subscriber.recv().await {
            let (topic, payload) = match incoming {
                Incoming::Message { topic, payload, .. } => (topic, payload),
                Incoming::Connected => continue,
                Incoming::Reconnected => {
                    publisher.announce();
                    continue;
                }
            };
            if self.take(&topic, &payload).await.is_err() {
                return;
            }
        }
    }

    /// Takes one message; waits while its lane is full. Fails when no tile is taken any more.
    pub(crate) async fn take(&mut self, topic: &str, message: &[u8]) -> Result<(), Closed> {
        // A copy: the message is a piece of a read buffer, and a small tile that waits for an hour must not keep the
        // large ones in memory that came with it.
        let bytes = message.len();
        let message = Bytes::copy_from_slice(message);
        let trust = self.trust.current();
        let tile = match envelope::open::<FrameTile>(topic, message, &trust, &self.limits) {
            Ok(tile) => tile,
            Err(refusal) => {
                if self.refuse(refusal.label()) {
                    tracing::warn!(topic, reason = %refusal, "message refused");
                }
                return Ok(());
            }
        };
        let header = tile.message().tile.clone();
        let job = match job(tile, &self.keyring, &self.in_flight) {
            Ok(Some(job)) => job,
            Ok(None) => {
                self.counters.repeated.count();
                return Ok(());
            }
            Err(refusal) => {
                if self.refuse(refusal.label()) {
                    log_tile(&header, &refusal, "tile refused");
                }
                return Ok(());
            }
        };
        let width = Width::of(job.spec.scheme());
        let lanes = self.lanes.clone();
        let lane = lanes.of(width);
        self.note_a_full_lane(lane, width, bytes);
        tokio::select! {
            biased;
            pushed = lane.push(header.frame.camera, bytes, job) => pushed?,
            () = self.shutdown.cancelled() => return Err(Closed),
        }
        self.counters.tiles.count();
        Ok(())
    }

    /// Counts a refusal. Whether to say so: rarer and rarer, so that a flood does not fill the log.
    fn refuse(&self, reason: &'static str) -> bool {
        self.counters.refused.count(reason).is_power_of_two()
    }

    /// Says that nothing is read while a lane is full. Rarer and rarer, for that may happen with every tile.
    fn note_a_full_lane(&self, lane: &Lane<Job>, width: Width, bytes: usize) {
        if lane.has_room(bytes) {
            return;
        }
        self.counters.full.count();
        let times = self.counters.full.get();
        if times.is_power_of_two() {
            tracing::warn!(
                lane = width.as_str(),
                times,
                "as many tiles wait as `pool.backlog_bytes` allows; no stream is read until one is taken"
            );
        }
    }
}

impl Drop for Intake {
    /// However it ended: nobody shall wait for another tile.
    fn drop(&mut self) {
        self.lanes.close();
    }
}
/// Signs map tiles and publishes them.
pub(crate) struct Outlet<'a> {
    pub(crate) identity: SigningIdentity,
    pub(crate) publisher: &'a Publisher,
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    pub(crate) counters: Arc<Counters>,
}

impl Outlet<'_> {
    /// Ends when all pooling threads have ended and everything is handed to the publisher.
    pub(crate) async fn run(mut self) {
        while let Some(Outgoing {
            message,
            payload,
            _in_hand,
        }) = self.outgoing.recv().await
        {
            let header = &message.tile;
            let bytes = match envelope::seal(&self.identity, &message, &payload) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.counters.failed.count();
                    log_tile(header, &error, "map not sent");
                    continue;
                }
            };
            match self.publisher.publish(&message.topic(), bytes).await {
                Ok(()) => {
                    self.counters.maps.count();
                    let (camera, seq, tile) = (&header.frame.camera, header.frame.seq, header.tile);
                    tracing::debug!(%camera, seq, tile, pool_ms = message.pool_ms, "pooled");
                }
                Err(PublishError::Closed) => {}
                Err(error) => {
                    self.counters.failed.count();
                    log_tile(header, &error, "map not sent");
                }
            }
        }
    }
}

/// The one line that names a dropped tile.
pub(crate) fn log_tile(header: &TileHeader, reason: &dyn std::error::Error, what: &str) {
    tracing::warn!(
        camera = %header.frame.camera,
        session = %header.frame.session,
        seq = header.frame.seq,
        tile = header.tile,
        %reason,
        "{what}"
    );
}

#[cfg(test)]
mod tests;
