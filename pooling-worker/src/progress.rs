//! What long work tells the log, and how it learns that it should stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cipherframe::Progress;

/// How often long work is logged.
pub(crate) const LINE_EVERY: Duration = Duration::from_secs(5);

/// Logs the progress of one piece of work every few seconds, and cancels it once `stop` is set.
pub(crate) struct LoggedProgress<'a> {
    /// What is being done, such as "pooling gate seq 4 tile 0".
    what: String,
    started: Instant,
    cadence: Cadence,
    stop: &'a AtomicBool,
}

impl<'a> LoggedProgress<'a> {
    pub(crate) fn new(what: String, stop: &'a AtomicBool) -> Self {
        Self {
            what,
            started: Instant::now(),
            cadence: Cadence::new(LINE_EVERY),
            stop,
        }
    }
}

impl Progress for LoggedProgress<'_> {
    fn advance(&self, done: u64, total: u64) {
        if done < total && self.cadence.due(self.started.elapsed()) {
            let percent = done.saturating_mul(100) / total;
            tracing::info!(done, total, "{}: {percent} %", self.what);
        }
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Says when a line is due: once in every interval, to one of any number of threads.
struct Cadence {
    every_ms: u64,
    next_ms: AtomicU64,
}

impl Cadence {
    fn new(every: Duration) -> Self {
        let every_ms = millis(every);
        Self {
            every_ms,
            next_ms: AtomicU64::new(every_ms),
        }
    }

    /// Whether the caller is to write a line, `elapsed` after the start.
    fn due(&self, elapsed: Duration) -> bool {
        let now = millis(elapsed);
        let next = self.next_ms.load(Ordering::Relaxed);
        let after = now.saturating_add(self.every_ms);
        now >= next
            && self
                .next_ms
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// A duration in whole milliseconds.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_once_in_an_interval() {
        let cadence = Cadence::new(Duration::from_secs(5));
        let due_at: Vec<u64> = (0..200)
            .filter(|tenth| cadence.due(Duration::from_millis(tenth * 100)))
            .collect();
        assert_eq!(due_at, [50, 100, 150]);
    }

    #[test]
    fn after_a_pause_one_line_is_due_and_not_one_for_each_interval() {
        let cadence = Cadence::new(Duration::from_secs(5));
        assert!(cadence.due(Duration::from_secs(60)));
        assert!(!cadence.due(Duration::from_secs(64)));
        assert!(cadence.due(Duration::from_secs(65)));
    }

    #[test]
    fn work_is_cancelled_once_told_to_stop() {
        let stop = AtomicBool::new(false);
        let progress = LoggedProgress::new("pooling".to_owned(), &stop);
        assert!(!progress.cancelled());
        stop.store(true, Ordering::Relaxed);
        assert!(progress.cancelled());
    }
}
