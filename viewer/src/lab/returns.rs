//! What the viewer says of the lab's frames that are on their way.
//!
//! Two things, kept apart. How many tiles are back is what the worker knows too, and all that the courier is told. What
//! they were decrypted to goes to the referee alone: whoever forges tiles must not learn it from when the next is sent.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cipherframe::{FeatureMap, Frame, StreamSpec};
use tokio::sync::{mpsc, watch};
use wire::message::FrameId;

use crate::event::ViewerEvent;

/// How far a frame is, as the worker knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many tiles are back.
    Back(u32),
    /// The viewer waits for none of its tiles any more.
    GivenUp,
}

/// What a frame was sent for.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) run: String,
    pub(super) variant: usize,
    pub(super) frame: Frame,
    pub(super) spec: StreamSpec,
}

/// What came of a frame.
#[derive(Debug)]
pub(super) enum Outcome {
    Map {
        map: FeatureMap,
        decrypt: Duration,
        pool_ms: u64,
        bytes: u64,
    },
    Lost(String),
}

struct Awaited {
    frame: FrameId,
    errand: Errand,
    progress: watch::Sender<Progress>,
}

/// The frames that are waited for. What is said of others, which a worker may make up, is dropped at once.
pub(super) struct Returns {
    awaited: Mutex<Vec<Awaited>>,
    outcomes: mpsc::UnboundedSender<(Errand, Outcome)>,
}

impl Returns {
    /// Nothing is waited for. Each outcome comes out at the other end, at most one for each frame that is expected: of
    /// the variants of runs that are not over, which are few.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<(Errand, Outcome)>) {
        let (outcomes, receiver) = mpsc::unbounded_channel();
        let awaited = Mutex::default();
        (Self { awaited, outcomes }, receiver)
    }

    /// Waits for `frame` from now on.
    pub(super) fn expect(&self, frame: FrameId, errand: Errand) -> watch::Receiver<Progress> {
        let (progress, receiver) = watch::channel(Progress::Back(0));
        self.awaited().push(Awaited {
            frame,
            errand,
            progress,
        });
        receiver
    }

    /// Waits for `frame` no longer.
    pub(super) fn forget(&self, frame: &FrameId) {
        self.awaited().retain(|awaited| awaited.frame != *frame);
    }

    /// Takes note of what happened to a frame.
    pub(super) fn observe(&self, event: &ViewerEvent) {
        let (ViewerEvent::Tile { frame, .. }
        | ViewerEvent::Map { frame, .. }
        | ViewerEvent::Unreadable { frame, .. }
        | ViewerEvent::Incomplete { frame, .. }) = event
        else {
            return;
        };
        let mut awaited = self.awaited();
        let Some(at) = awaited.iter().position(|known| known.frame == *frame) else {
            return;
        };
        let outcome = match event {
            ViewerEvent::Tile { arrived, .. } => {
                let progress = Progress::Back(*arrived);
                awaited[at].progress.send_replace(progress);
                return;
            }
            ViewerEvent::Map {
                map,
                decrypt,
                pool_ms,
                bytes,
                ..
            } => Outcome::Map {
                map: map.clone(),
                decrypt: *decrypt,
                pool_ms: *pool_ms,
                bytes: *bytes,
            },
            ViewerEvent::Unreadable { reason, .. } => Outcome::Lost(reason.clone()),
            _ => {
                awaited[at].progress.send_replace(Progress::GivenUp);
                Outcome::Lost("the viewer gave the frame up".to_owned())
            }
        };
        let Awaited { errand, .. } = awaited.swap_remove(at);
        // Without a referee there is nobody who wants to know.
        let _ = self.outcomes.send((errand, outcome));
    }

    fn awaited(&self) -> MutexGuard<'_, Vec<Awaited>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
