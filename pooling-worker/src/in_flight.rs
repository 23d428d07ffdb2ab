//! Which tiles a worker has in hand.
//!
//! MQTT may deliver a message more than once. While the worker still has a tile in hand, pooling it twice would only
//! make the queue longer. A tile that is done may come again: its map may have been lost.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::message::{FrameId, TileHeader};

type Tiles = HashSet<(FrameId, u32)>;

/// The tiles that wait or are being pooled. Cloning gives another handle on the same tiles.
#[derive(Clone, Default)]
pub(crate) struct InFlight {
    tiles: Arc<Mutex<Tiles>>,
}

/// Keeps a tile in hand until it is dropped.
pub(crate) struct InHand {
    owner: InFlight,
    tile: (FrameId, u32),
}

impl InFlight {
    /// Takes a tile in hand; `None` when it is in hand already.
    pub(crate) fn take(&self, header: &TileHeader) -> Option<InHand> {
        let tile = (header.frame.clone(), header.tile);
        let new = self.tiles().insert(tile.clone());
        new.then(|| InHand {
            owner: self.clone(),
            tile,
        })
    }

    /// How many tiles are in hand.
    pub(crate) fn count(&self) -> usize {
        self.tiles().len()
    }

    fn tiles(&self) -> MutexGuard<'_, Tiles> {
        // No code that can panic runs under the lock, and a set is whole between any two calls.
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.owner.tiles().remove(&self.tile);
    }
}
