//! A backlog between the intake and the threads that pool.
//!
//! There are two, so that a live stream does not stand behind tiles that take a minute each: schemes whose tile keeps
//! all threads busy have the wide lane, the others the narrow one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use cipherframe::SchemeId;
use thiserror::Error;
use tokio::sync::Notify;
use wire::name::Name;

use crate::backlog::Backlog;

/// What a waiting tile takes besides its envelope, about: its decoded header, its place in the queue and in the list of
/// tiles in hand. Counted, so that a flood of tiny tiles is bounded too.
pub const BYTES_BESIDES: usize = 1024;

/// How the tiles of a scheme are pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    /// One tile after the other, each by all threads.
    Wide,
    /// Several tiles at once, each by one thread.
    Narrow,
}

impl Width {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Wide, Self::Narrow];

    /// How the tiles of `scheme` are pooled.
    pub(crate) fn of(scheme: SchemeId) -> Self {
        if scheme.get().tile_uses_all_threads() {
            Self::Wide
        } else {
            Self::Narrow
        }
    }

    /// The lane's name in log lines and of its threads.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
        }
    }
}

/// The lane takes nothing any more.
#[derive(Debug, Error)]
#[error("the lane is closed")]
pub(crate) struct Closed;

/// Tiles of one width that wait. One intake pushes, any number of threads take.
pub(crate) struct Lane<T> {
    state: Mutex<State<T>>,
    /// Wakes a thread that waits for a tile.
    filled: Condvar,
    /// Wakes the intake that waits for room.
    room: Notify,
}

struct State<T> {
    backlog: Backlog<Name, T>,
    closed: bool,
}

impl<T> Lane<T> {
    /// A lane in which tiles of `bound` bytes together may wait.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            state: Mutex::new(State {
                backlog: Backlog::new(bound),
                closed: false,
            }),
            filled: Condvar::new(),
            room: Notify::new(),
        }
    }

    /// Whether [`Lane::push`] would not wait with an envelope of `bytes`.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let state = self.state();
        state.closed || state.backlog.has_room(bytes.saturating_add(BYTES_BESIDES))
    }

    /// The bytes of the tiles that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.state().backlog.bytes()
    }

    /// Puts in a tile whose envelope has `bytes`; waits while there is no room for it.
    pub(crate) async fn push(&self, camera: Name, bytes: usize, tile: T) -> Result<(), Closed> {
        let bytes = bytes.saturating_add(BYTES_BESIDES);
        loop {
            {
                let mut state = self.state();
                if state.closed {
                    return Err(Closed);
                }
                if state.backlog.has_room(bytes) {
                    state.backlog.push(camera, bytes, tile);
                    self.filled.notify_one();
                    return Ok(());
                }
            }
            // Room that was made since is remembered, for one waiter, and the intake is the only one.
            self.room.notified().await;
        }
    }

    /// The next tile; blocks until there is one. `None` once the lane is closed, also if tiles still wait.
    pub(crate) fn take(&self) -> Option<T> {
        let waits = |state: &mut State<T>| !state.closed && state.backlog.is_empty();
        let mut state = self
            .filled
            .wait_while(self.state(), waits)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        let tile = state.backlog.pop();
        self.room.notify_one();
        tile
    }

    /// Ends everybody's waiting. Tiles that still wait are given up.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_all();
        self.room.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both lanes.
pub(crate) struct Lanes<T> {
    wide: Lane<T>,
    narrow: Lane<T>,
}

impl<T> Lanes<T> {
    /// Two lanes in each of which tiles of `bound` bytes together may wait.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            wide: Lane::new(bound),
            narrow: Lane::new(bound),
        }
    }

    /// The lane for tiles of a width.
    pub(crate) fn of(&self, width: Width) -> &Lane<T> {
        match width {
            Width::Wide => &self.wide,
            Width::Narrow => &self.narrow,
        }
    }

    /// Closes both.
    pub(crate) fn close(&self) {
        self.wide.close();
        self.narrow.close();
    }
}

#[cfg(test)]
mod tests;
