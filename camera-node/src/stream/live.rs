//! The frames of a source that waits for nobody, such as a camera: a thread of its own reads them
//! into a short queue, whatever encryption and network do meanwhile.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wire::failure::{Failure, FailureKind};

use super::feed::{Fed, Reader};
use crate::outbox::Policy;
use crate::preprocess::PreparedFrame;

/// Frames that wait for a stream with the policy `all`.
const QUEUE: usize = 16;

/// What the thread has read and nobody has taken yet.
pub(super) struct LiveFeed {
    queue: Arc<Queue>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

struct Waiting {
    frames: VecDeque<PreparedFrame>,
    room: usize,
    /// Frames that were dropped because `frames` was full. All of them were taken before those in it.
    dropped: u64,
    /// How the source ended.
    ended: Option<Result<(), Failure>>,
}

impl LiveFeed {
    /// Begins to read. With the policy `latest` only the newest frame waits, with `all` a few; the
    /// oldest gives way. `stop` ends the source's wait for a frame.
    ///
    /// # Errors
    /// When the system has no room for another thread.
    pub(super) fn start(
        mut reader: Reader,
        policy: Policy,
        stop: CancellationToken,
    ) -> Result<LiveFeed, Failure> {
        let room = match policy {
            Policy::Latest => 1,
            Policy::All => QUEUE,
        };
        let queue = Arc::new(Queue {
            waiting: Mutex::new(Waiting {
                frames: VecDeque::with_capacity(room),
                room,
                dropped: 0,
                ended: None,
            }),
            changed: Notify::new(),
        });
        let (filled, stopped) = (queue.clone(), stop.clone());
        let read = move || {
            let frames = AssertUnwindSafe(|| read(&mut reader, &filled, &stopped));
            let ended = catch_unwind(frames).unwrap_or_else(|_| {
                Err(Failure::new(
                    FailureKind::Bug,
                    "the thread that reads the source did not end well",
                    "report this with the log lines above",
                ))
            });
            // A camera is let go before anybody hears of the end.
            drop(reader);
            filled.waiting().ended = Some(ended);
            filled.changed.notify_one();
        };
        let thread = thread::Builder::new().name("source".to_owned()).spawn(read);
        let thread = thread.map_err(|error| {
            let what = "starting a thread that reads the source";
            Failure::io(what, &error, "allow this user more threads")
        })?;
        Ok(LiveFeed {
            queue,
            stop,
            thread: Some(thread),
        })
    }

    /// Until there is a frame, or the source has ended.
    pub(super) async fn ready(&self) {
        while {
            let waiting = self.queue.waiting();
            waiting.frames.is_empty() && waiting.ended.is_none()
        } {
            self.queue.changed.notified().await;
        }
    }

    /// Whether a frame waits.
    pub(super) fn holds_a_frame(&self) -> bool {
        !self.queue.waiting().frames.is_empty()
    }

    /// The oldest frame that waits; `None` at the end.
    pub(super) async fn next(&self) -> Result<Option<Fed>, Failure> {
        self.ready().await;
        let mut waiting = self.queue.waiting();
        match waiting.frames.pop_front() {
            Some(frame) => Ok(Some(Fed {
                frame,
                dropped: waiting.dropped,
            })),
            None => waiting.ended.clone().unwrap_or(Ok(())).map(|()| None),
        }
    }
}

impl Drop for LiveFeed {
    /// Waits for the thread, so that no camera is left on behind a program that has ended. Async code
    /// may: a source that is stopped ends within a second, see [`Source::live`].
    ///
    /// [`Source::live`]: crate::source::Source::live
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // It catches what panics in it.
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked left it whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads until the source ends or is stopped.
fn read(reader: &mut Reader, queue: &Queue, stop: &CancellationToken) -> Result<(), Failure> {
    while !stop.is_cancelled() {
        let Some(frame) = reader.next()? else {
            return Ok(());
        };
        let mut waiting = queue.waiting();
        let gives_way = waiting.frames.len() == waiting.room;
        if gives_way {
            waiting.frames.pop_front();
            waiting.dropped += 1;
        }
        waiting.frames.push_back(frame);
        drop(waiting);
        if gives_way {
            reader.tally.dropped();
        }
        queue.changed.notify_one();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
