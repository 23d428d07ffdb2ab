//! What a worker counts.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

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
    pub(crate) refused: Counter,
    pub(crate) failed: Counter,
    pub(crate) repeated: Counter,
}

impl Counters {
    /// The counts once all stages have ended: a tile that neither gave a map nor failed was given up.
    pub(crate) fn summary(&self) -> WorkerSummary {
        let (tiles, maps, failed) = (self.tiles.get(), self.maps.get(), self.failed.get());
        WorkerSummary {
            tiles,
            maps,
            refused: self.refused.get(),
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
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
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
        assert_eq!(
            counters.summary().to_string(),
            "5 tiles, 1 maps, 0 refused, 1 failed, 1 repeated, 3 abandoned"
        );
    }
}
