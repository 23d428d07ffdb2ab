//! Where the frames of a stream come from: files are read when their turn has come, a live source by
//! a thread of its own.

use std::path::PathBuf;
use std::time::Instant;

use tokio::time;
use wire::failure::{Failure, FailureKind};

use super::live::LiveFeed;
use crate::blocking::blocking;
use crate::event::{CameraEvent, Observer};
use crate::ledger::Ledger;
use crate::outbox::Policy;
use crate::pace::Pace;
use crate::preprocess::{PreparedFrame, Preprocessor};
use crate::source::{Pull, Source};

/// Counts what is captured and says what is not sent. Cloning gives another handle on the same
/// counts.
#[derive(Clone)]
pub(super) struct Tally {
    pub(super) ledger: Ledger,
    pub(super) observer: Observer,
}

impl Tally {
    pub(super) fn captured(&self) {
        self.ledger.count(|summary| summary.captured += 1);
    }

    pub(super) fn dropped(&self) {
        let mut total = 0;
        self.ledger.count(|summary| {
            summary.dropped += 1;
            total = summary.dropped;
        });
        tracing::debug!(dropped = total, "no place is free, dropped a frame");
        (self.observer)(CameraEvent::Dropped { total });
    }

    pub(super) fn skipped(&self, file: PathBuf, reason: String) {
        tracing::warn!("{} is skipped: {reason}", file.display());
        self.ledger.count(|summary| summary.skipped += 1);
        (self.observer)(CameraEvent::Skipped { file, reason });
    }
}

/// A source whose frames are made ready to be encrypted. Every frame goes through it, also those
/// that are dropped: motion is the difference from the frame before, not from the one sent before.
pub(super) struct Reader {
    pub(super) source: Box<dyn Source>,
    pub(super) preprocessor: Preprocessor,
    pub(super) tally: Tally,
}

impl Reader {
    /// The next frame; `None` at the end. Blocks.
    pub(super) fn next(&mut self) -> Result<Option<PreparedFrame>, Failure> {
        loop {
            match self.source.next()? {
                Pull::Frame(frame) => {
                    self.tally.captured();
                    let prepared = self.preprocessor.prepare(frame);
                    return prepared
                        .map(Some)
                        .map_err(|error| Failure::of(FailureKind::Bug, &error));
                }
                Pull::Skipped { file, reason } => self.tally.skipped(file, reason),
                Pull::End => return Ok(None),
            }
        }
    }
}

/// A frame, and how many frames the feed itself has dropped before it.
pub(super) struct Fed {
    pub(super) frame: PreparedFrame,
    pub(super) dropped: u64,
}

/// The frames of a source.
pub(super) enum Feed {
    /// Waits until it is asked: nothing is lost by being slow.
    Pulled {
        reader: Option<Box<Reader>>,
        pace: Pace,
    },
    /// Goes on by itself, and drops what nobody takes.
    Live(LiveFeed),
}

impl Feed {
    /// The frames of `reader`; those of a live source are kept for a stream of `policy`.
    ///
    /// # Errors
    /// When the system has no room for the thread of a live source.
    pub(super) fn of(reader: Reader, policy: Policy) -> Result<Feed, Failure> {
        Ok(match reader.source.live() {
            Some(stop) => Feed::Live(LiveFeed::start(reader, policy, stop)?),
            None => Feed::Pulled {
                pace: Pace::new(reader.source.interval(), Instant::now()),
                reader: Some(Box::new(reader)),
            },
        })
    }

    /// Until a frame is due or, of a live source, there.
    pub(super) async fn ready(&mut self) {
        match self {
            Feed::Pulled { pace, .. } => time::sleep_until(pace.due().into()).await,
            Feed::Live(live) => live.ready().await,
        }
    }

    /// Whether a frame waits in it that gives way to newer ones, and is best left there until a
    /// place is free.
    pub(super) fn holds_a_frame(&self) -> bool {
        match self {
            Feed::Pulled { .. } => false,
            Feed::Live(live) => live.holds_a_frame(),
        }
    }

    /// The next frame; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Fed>, Failure> {
        match self {
            Feed::Pulled { reader, pace } => {
                let Some(mut read) = reader.take() else {
                    return Ok(None);
                };
                let (returned, pulled) = blocking(move || {
                    let pulled = read.next();
                    (read, pulled)
                })
                .await?;
                *reader = Some(returned);
                pace.taken(Instant::now());
                Ok(pulled?.map(|frame| Fed { frame, dropped: 0 }))
            }
            Feed::Live(live) => live.next().await,
        }
    }
}
