//! Capturing: wait for a turn, take a frame, encrypt it, put it into the ledger.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time;
use wire::failure::{Failure, FailureKind};
use wire::message::FrameId;

use super::feed::{Feed, Reader, Tally};
use super::{Outlet, Stream};
use crate::blocking::blocking;
use crate::event::CameraEvent;
use crate::outbox::Policy;
use crate::preprocess::{PreparedFrame, Preprocessor};
use crate::source::Source;
use crate::spool::EncryptedFrame;

/// How long to wait before a spool that cannot be written is tried again.
const SPOOL_RETRY: Duration = Duration::from_secs(1);

impl<O: Outlet> Stream<'_, O> {
    /// Captures frames until the source ends. What a live source gives meanwhile does not wait for it.
    pub(super) async fn capture(
        &self,
        source: Box<dyn Source>,
        preprocessor: Preprocessor,
    ) -> Result<(), Failure> {
        let tally = Tally {
            ledger: self.ledger.clone(),
            observer: self.observer.clone(),
        };
        let reader = Reader {
            source,
            preprocessor,
            tally: tally.clone(),
        };
        let mut feed = Feed::of(reader, self.policy)?;
        let mut next = self.next.clone();
        let mut dropped = 0;
        let session_unix_ms = unix_ms(SystemTime::now());
        loop {
            feed.ready().await;
            if self.policy == Policy::All || feed.holds_a_frame() {
                self.wait_for_room().await;
            }
            let Some(fed) = feed.next().await? else {
                // Nothing more is to be written.
                self.spool_works.set(true);
                return Ok(());
            };
            if self.policy == Policy::Latest && !self.is_free() {
                dropped += 1;
                tally.dropped();
                continue;
            }
            self.take_in(&next, session_unix_ms, dropped + fed.dropped, fed.frame)
                .await?;
            next.seq += 1;
        }
    }

    /// Until the next frame can be kept.
    async fn wait_for_room(&self) {
        let mut changes = self.ledger.changes();
        let mut connected = self.connected.clone();
        while !self.can_keep() {
            tokio::select! {
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
        session_unix_ms: u64,
        dropped: u64,
        prepared: PreparedFrame,
    ) -> Result<(), Failure> {
        let PreparedFrame {
            clip,
            index,
            captured,
            quantised,
        } = prepared;
        let captured_unix_ms = unix_ms(captured);
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
