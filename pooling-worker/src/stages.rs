//! The three stages of a worker: take tiles in, pool them, send the maps out.
//!
//! Bounded queues join them. When the broker takes no more maps, the outlet waits, then the pooling thread, then
//! the intake, which stops reading.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rayon::ThreadPool;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::envelope::{self, Limits};
use wire::identity::SigningIdentity;
use wire::message::{FrameTile, MapTile, Message, TileHeader};
use wire::mqtt::{Incoming, PublishError, Publisher, Subscriber};
use wire::trust::TrustStore;

use crate::in_flight::{InFlight, InHand};
use crate::intake::{Job, job};
use crate::keyring::Keyring;
use crate::pooling::pool;
use crate::summary::Counters;

/// A sealed message that waits to be published.
pub(crate) struct Outgoing {
    message: MapTile,
    payload: Vec<u8>,
    /// Kept until the message is out.
    _in_hand: InHand,
}

/// Reads messages, checks them and queues what can be pooled.
pub(crate) struct Intake {
    pub(crate) trust: TrustStore,
    pub(crate) limits: Limits,
    pub(crate) keyring: Keyring,
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) shutdown: CancellationToken,
}

impl Intake {
    /// Ends when the subscriber or the pooling thread does, or on shutdown.
    pub(crate) async fn run(self, subscriber: &mut Subscriber) {
        let in_flight = InFlight::default();
        while let Some(incoming) = subscriber.recv().await {
            let Incoming::Message { topic, payload } = incoming else {
                continue;
            };
            let opened = envelope::open::<FrameTile>(&topic, payload, &self.trust, &self.limits);
            let tile = match opened {
                Ok(tile) => tile,
                Err(refusal) => {
                    self.counters.refused.count();
                    tracing::warn!(topic, reason = %refusal, "message refused");
                    continue;
                }
            };
            let header = tile.message().tile.clone();
            let job = match job(tile, &self.keyring, &in_flight) {
                Ok(Some(job)) => job,
                Ok(None) => {
                    self.counters.repeated.count();
                    continue;
                }
                Err(refusal) => {
                    self.counters.refused.count();
                    log_tile(&header, &refusal, "tile refused");
                    continue;
                }
            };
            tokio::select! {
                biased;
                queued = self.jobs.send(job) => match queued {
                    Ok(()) => self.counters.tiles.count(),
                    Err(_) => return,
                },
                () = self.shutdown.cancelled() => return,
            }
        }
    }
}

/// Pools one tile after the other, each on all threads.
pub(crate) struct PoolingThread {
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) outgoing: mpsc::Sender<Outgoing>,
    pub(crate) threads: ThreadPool,
    pub(crate) counters: Arc<Counters>,
    /// No further tile is begun once this is cancelled.
    pub(crate) shutdown: CancellationToken,
    /// The tile in work is given up once this is set.
    pub(crate) stop: Arc<AtomicBool>,
}

impl PoolingThread {
    /// Blocks until the queue is closed or nobody takes maps any more.
    pub(crate) fn run(mut self) {
        while let Some(Job {
            tile,
            spec,
            key,
            in_hand,
        }) = self.jobs.blocking_recv()
        {
            if self.shutdown.is_cancelled() {
                continue;
            }
            let header = &tile.message().tile;
            let pooled = pool(
                header,
                tile.payload(),
                &spec,
                &key,
                &self.threads,
                &self.stop,
            );
            let pooled = match pooled {
                Ok(pooled) => pooled,
                Err(failure) if failure.is_cancelled() => continue,
                Err(failure) => {
                    self.counters.failed.count();
                    log_tile(header, &failure, "tile failed");
                    continue;
                }
            };
            let input_hash = tile.payload_hash();
            let message = MapTile {
                tile: header.clone(),
                input_hash,
                pool_ms: pooled.pool_ms,
            };
            let outgoing = Outgoing {
                message,
                payload: pooled.payload,
                _in_hand: in_hand,
            };
            if self.outgoing.blocking_send(outgoing).is_err() {
                return;
            }
        }
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
    /// Ends when the pooling thread has ended and everything is handed to the publisher.
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
fn log_tile(header: &TileHeader, reason: &dyn std::error::Error, what: &str) {
    tracing::warn!(
        camera = %header.frame.camera,
        session = %header.frame.session,
        seq = header.frame.seq,
        tile = header.tile,
        %reason,
        "{what}"
    );
}
