//! Capturing: wait for a turn, pull a frame, make it ready, encrypt it, put it into the ledger.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time;
use wire::failure::{Failure, FailureKind};
use wire::message::FrameId;

use super::{Outlet, Stream, sleep_until};
use crate::blocking::blocking;
use crate::event::CameraEvent;
use crate::outbox::Policy;
use crate::pace::Pace;
use crate::preprocess::{PreparedFrame, Preprocessor};
use crate::source::{Pull, Source};
use crate::spool::EncryptedFrame;

/// How long to wait before a spool that cannot be written is tried again.
const SPOOL_RETRY: Duration = Duration::from_secs(1);

/// A source that its owner moves to a thread that may block, and gets back with its answer.
struct Camera {
    source: Box<dyn Source>,
    preprocessor: Preprocessor,
}

impl<O: Outlet> Stream<'_, O> {
    /// Captures frames until the source ends.
    pub(super) async fn capture(
        &self,
        source: Box<dyn Source>,
        preprocessor: Preprocessor,
    ) -> Result<(), Failure> {
        let mut pace = Pace::new(source.interval(), Instant::now());
        let mut camera = Camera {
            source,
            preprocessor,
        };
        let mut next = self.next.clone();
        let mut dropped = 0;
        let session_unix_ms = unix_ms(SystemTime::now());
        loop {
            self.wait_for_turn(pace.due()).await;
            let (returned, pulled) = blocking(move || {
                let pulled = camera.source.next();
                (camera, pulled)
            })
            .await?;
            camera = returned;
            let frame = match pulled? {
                Pull::Frame(frame) => frame,
                Pull::Skipped { file, reason } => {
                    tracing::warn!("{} is skipped: {reason}", file.display());
                    self.ledger.count(|summary| summary.skipped += 1);
                    (self.observer)(CameraEvent::Skipped { file, reason });
                    continue;
                }
                Pull::End => {
                    // Nothing more is to be written.
                    self.spool_works.set(true);
                    return Ok(());
                }
            };
            pace.taken(Instant::now());
            self.ledger.count(|summary| summary.captured += 1);
            let captured_unix_ms = unix_ms(frame.captured);
            // Frames that are dropped go through it too: motion is the difference from the frame
            // before, not from the one sent before.
            let (returned, prepared) = blocking(move || {
                let prepared = camera.preprocessor.prepare(frame);
                (camera, prepared)
            })
            .await?;
            camera = returned;
            let prepared = prepared.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
            if self.policy == Policy::Latest && !self.is_free() {
                dropped += 1;
                self.ledger.count(|summary| summary.dropped += 1);
                tracing::debug!(dropped, "no place is free, dropped a frame");
                (self.observer)(CameraEvent::Dropped { total: dropped });
                continue;
            }
            self.take_in(
                &next,
                [session_unix_ms, captured_unix_ms],
                dropped,
                prepared,
            )
            .await?;
            next.seq += 1;
        }
    }

    /// Until `due` has come and, where frames are not dropped, the next one can be kept.
    async fn wait_for_turn(&self, due: Instant) {
        let mut changes = self.ledger.changes();
        let mut connected = self.connected.clone();
        loop {
            let is_due = Instant::now() >= due;
            if is_due && (self.policy == Policy::Latest || self.can_keep()) {
                return;
            }
            tokio::select! {
                () = sleep_until((!is_due).then_some(due)) => {}
                Ok(()) = changes.changed() => {}
                Ok(()) = connected.changed() => {}
            }
        }
    }

    /// Whether a frame would be sent at once. Without a connection nothing is, and nothing is
    /// encrypted for it.
    fn is_free(&self) -> bool {
        *self.connected.borrow() && self.ledger.has_place()
    }

    fn can_keep(&self) -> bool {
        self.is_free() || self.ledger.has_spool_room(self.frame_bytes)
    }

    /// Encrypts a frame and puts it into the ledger.
    async fn take_in(
        &self,
        id: &FrameId,
        [session_unix_ms, captured_unix_ms]: [u64; 2],
        dropped: u64,
        prepared: PreparedFrame,
    ) -> Result<(), Failure> {
        let PreparedFrame {
            clip,
            index,
            quantised,
        } = prepared;
        let quantised = Arc::new(quantised);
        let (sealer, frame, pixels) = (self.sealer.clone(), id.clone(), quantised.clone());
        let encrypted = blocking(move || {
            sealer.encrypt(&frame, session_unix_ms, captured_unix_ms, dropped, &pixels)
        })
        .await?;
        let encrypted = encrypted.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
        tracing::debug!(seq = id.seq, clip, index, "frame captured");
        // Before it can be sent, so that it comes before the map and the receipt.
        (self.observer)(CameraEvent::Captured {
            frame: id.clone(),
            spec: self.sealer.spec().clone(),
            quantised: (*quantised).clone(),
        });
        self.keep(Arc::new(encrypted)).await
    }

    /// Puts a frame into the spool, or into memory if it will be sent at once. Waits while neither
    /// is possible: a disk that is full makes the camera wait and costs no frame.
    async fn keep(&self, frame: Arc<EncryptedFrame>) -> Result<(), Failure> {
        let mut changes = self.ledger.changes();
        let mut reported = false;
        loop {
            if self.ledger.has_spool_room(self.frame_bytes) {
                match self.ledger.accept_into_spool(frame.clone()).await? {
                    Ok(()) => {
                        self.spool_works.set(true);
                        return Ok(());
                    }
                    Err(error) => {
                        self.spool_works.set(false);
                        let seq = frame.header.frame.seq;
                        if !std::mem::replace(&mut reported, true) {
                            tracing::warn!(seq, %error, "the spool cannot be written, trying again");
                        }
                    }
                }
            } else {
                // Full is not broken.
                self.spool_works.set(true);
            }
            if self.ledger.has_place() {
                self.ledger.accept_into_memory(frame);
                return Ok(());
            }
            tokio::select! {
                changed = changes.changed() => changed.unwrap_or_default(),
                () = time::sleep(SPOOL_RETRY) => {}
            }
        }
    }
}

/// Milliseconds since 1970 UTC; 0 for a clock that is set to before that.
fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
