//! How long work reports where it is and learns that nobody wants it any more.

/// A listener for long work such as key generation or pooling a tile.
///
/// Called from any worker thread, so it must be cheap. `()` listens to nothing.
pub trait Progress: Sync {
    /// `done` of `total` steps are finished. `done` never falls within one piece of work.
    fn advance(&self, done: u64, total: u64);

    /// Whether the work should stop as soon as it can; it then ends with a `Cancelled` error.
    fn cancelled(&self) -> bool {
        false
    }
}

impl Progress for () {
    fn advance(&self, _done: u64, _total: u64) {}
}
