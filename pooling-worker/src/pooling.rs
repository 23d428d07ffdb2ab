//! Pooling one tile, whatever happens inside.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use cipherframe::{EvaluationKey, SchemeError, StreamSpec};
use rayon::ThreadPool;
use thiserror::Error;
use wire::message::TileHeader;

use crate::progress::LoggedProgress;

/// Why a tile gave no map.
#[derive(Debug, Error)]
pub(crate) enum PoolFailure {
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    #[error("pooling panicked: {0}; this is a bug, please report it")]
    Panicked(String),
}

impl PoolFailure {
    /// Whether the tile was given up because the worker stops.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self, Self::Scheme(SchemeError::Cancelled))
    }
}

/// Who pools a tile.
pub(crate) enum Crew {
    /// All threads of a pool together.
    All(ThreadPool),
    /// The calling thread.
    Alone,
}

impl Crew {
    fn work<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self {
            Self::All(threads) => threads.install(work),
            Self::Alone => work(),
        }
    }
}

/// The map tile of one frame tile.
#[derive(Debug)]
pub(crate) struct Pooled {
    /// The ciphertext of the map tile.
    pub(crate) payload: Vec<u8>,
    /// How long the pooling took, in milliseconds.
    pub(crate) pool_ms: u32,
}

/// Lets `crew` pool a tile and waits for it. Progress goes to the log; once `stop` is set it ends early.
///
/// A panic is a failure of this tile only.
pub(crate) fn pool(
    header: &TileHeader,
    ciphertext: &[u8],
    spec: &StreamSpec,
    key: &Arc<dyn EvaluationKey>,
    crew: &Crew,
    stop: &AtomicBool,
) -> Result<Pooled, PoolFailure> {
    let (camera, seq, tile) = (&header.frame.camera, header.frame.seq, header.tile);
    let progress = LoggedProgress::new(format!("pooling {camera} seq {seq} tile {tile}"), stop);
    let started = Instant::now();
    // A key holds no state that a panic could leave half changed: pooling takes it by shared reference.
    let caught = catch_unwind(AssertUnwindSafe(|| {
        crew.work(|| key.pool(spec, tile, ciphertext, &progress))
    }));
    let payload = caught.map_err(|panic| PoolFailure::Panicked(panic_text(&*panic)))??;
    let pool_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    Ok(Pooled { payload, pool_ms })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::testing::{FakeKey, header, spec};

    /// What becomes of a tile when one thread pools it, which is what becomes of it when many do.
    fn pool_with(key: FakeKey, stop: &AtomicBool) -> Result<Pooled, PoolFailure> {
        let key: Arc<dyn EvaluationKey> = Arc::new(key);
        let spec = spec();
        let header = header("gate", 4, &spec);
        let threads = rayon::ThreadPoolBuilder::new().num_threads(2);
        let all = Crew::All(threads.build().expect("two threads"));
        let [by_all, alone] =
            [all, Crew::Alone].map(|crew| pool(&header, b"tile", &spec, &key, &crew, stop));
        let outcome = |pooled: &Result<Pooled, PoolFailure>| match pooled {
            Ok(pooled) => Ok(pooled.payload.clone()),
            Err(failure) => Err(failure.to_string()),
        };
        assert_eq!(outcome(&by_all), outcome(&alone));
        alone
    }

    #[test]
    fn a_pooled_tile_comes_back_with_its_time() {
        let pooled = pool_with(FakeKey::Echo, &AtomicBool::new(false)).expect("pooled");
        assert_eq!(pooled.payload, b"tile");
        assert!(pooled.pool_ms < 60_000);
    }

    #[test]
    fn a_panic_is_a_failure_of_the_tile() {
        let failure = pool_with(FakeKey::Panic, &AtomicBool::new(false)).expect_err("a failure");
        assert_eq!(
            failure.to_string(),
            "pooling panicked: ciphertext of 4 bytes; this is a bug, please report it"
        );
        assert!(!failure.is_cancelled());
    }

    #[test]
    fn a_scheme_error_is_passed_on() {
        let failure = pool_with(FakeKey::Corrupt, &AtomicBool::new(false)).expect_err("a failure");
        assert_eq!(
            failure.to_string(),
            "tile is corrupt: it is a fake; the tile is dropped"
        );
    }

    #[test]
    fn a_tile_ends_early_when_told_to_stop() {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let pooling = scope.spawn(|| pool_with(FakeKey::Endless, &stop));
            stop.store(true, Ordering::Relaxed);
            let failure = pooling.join().expect("no panic").expect_err("a failure");
            assert!(failure.is_cancelled());
        });
    }
}
