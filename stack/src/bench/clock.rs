//! Wall clock and processor time of a piece of work.

use std::time::{Duration, Instant};
use wire::telemetry::cpu_time;

/// Wall time and processor time (all threads) of a piece of work.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Spent {
    /// Time on the wall clock.
    pub(crate) wall: Duration,
    /// Time on all processors together.
    pub(crate) cpu: Duration,
}

/// Runs `work` and measures it.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Spent) {
    let (wall, cpu) = (Instant::now(), cpu_time());
    let result = work();
    (
        result,
        Spent {
            wall: wall.elapsed(),
            cpu: cpu_time().saturating_sub(cpu),
        },
    )
}

/// Milliseconds with their fraction.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
