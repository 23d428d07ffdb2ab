//! What a worker counts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a worker did from start to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerSummary {
    /// Tiles that passed every check and were put in the queue.
    pub tiles: u64,
    /// Map tiles published.
    pub maps: u64,
    /// Messages that are no tile of an enrolled camera, or that no key here can pool.
    pub refused: u64,
    /// Tiles that could not be pooled, or whose map could not be sent.
    pub failed: u64,
    /// Tiles dropped because the same tile was still in hand.
    pub repeated: u64,
    /// Tiles given up because the worker stopped.
    pub abandoned: u64,
}

impl fmt::Display for WorkerSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tiles,
            maps,
            refused,
            failed,
            repeated,
            abandoned,
        } = self;
        write!(
            f,
            "{tiles} tiles, {maps} maps, {refused} refused, {failed} failed, {repeated} repeated, \
             {abandoned} abandoned"
        )
    }
}

/// The counters behind a summary, shared by the stages.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) tiles: Counter,
    pub(crate) maps: Counter,
    pub(crate) refused: Reasons,
    pub(crate) failed: Counter,
    pub(crate) repeated: Counter,
    /// How often a tile found its lane full, and the reading stopped.
    pub(crate) full: Counter,
    /// Milliseconds that pooling took, of all tiles.
    pub(crate) pool_ms: Counter,
}

impl Counters {
    /// The counts once all stages have ended: a tile that neither gave a map nor failed was given up.
    pub(crate) fn summary(&self) -> WorkerSummary {
        let (tiles, maps, failed) = (self.tiles.get(), self.maps.get(), self.failed.get());
        WorkerSummary {
            tiles,
            maps,
            refused: self.refused.total(),
            failed,
            repeated: self.repeated.get(),
            abandoned: tiles.saturating_sub(maps).saturating_sub(failed),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A count for each reason, by its word.
#[derive(Debug, Default)]
pub(crate) struct Reasons(Mutex<BTreeMap<&'static str, u64>>);

impl Reasons {
    /// Counts one more; how many that are.
    pub(crate) fn count(&self, reason: &'static str) -> u64 {
        let mut counts = self.counts();
        let count = counts.entry(reason).or_default();
        *count += 1;
        *count
    }

    fn total(&self) -> u64 {
        self.counts().values().sum()
    }

    /// Each reason that there was, with its count.
    pub(crate) fn all(&self) -> Vec<(&'static str, u64)> {
        let counts = self.counts();
        counts
            .iter()
            .map(|(reason, count)| (*reason, *count))
            .collect()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        // The map is whole between any two calls.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_without_map_or_failure_was_abandoned() {
        let counters = Counters::default();
        for _ in 0..5 {
            counters.tiles.count();
        }
        counters.maps.count();
        counters.failed.count();
        counters.repeated.count();
        for reason in ["truncated", "bad_signature", "truncated"] {
            counters.refused.count(reason);
        }
        assert_eq!(
            counters.refused.all(),
            [("bad_signature", 1), ("truncated", 2)]
        );
        assert_eq!(
            counters.summary().to_string(),
            "5 tiles, 1 maps, 3 refused, 1 failed, 1 repeated, 3 abandoned"
        );
    }
}
