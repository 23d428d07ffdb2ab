//! Wall clock, processor time and memory of this process.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

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
    let (wall, cpu) = (Instant::now(), process_cpu_time());
    let result = work();
    (
        result,
        Spent {
            wall: wall.elapsed(),
            cpu: process_cpu_time().saturating_sub(cpu),
        },
    )
}

/// Milliseconds with their fraction.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The most memory this process ever held, in bytes; `None` where the system does not say.
pub(crate) fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn process_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
