//! Progress of long work: a bar on a terminal, a line every few seconds otherwise. Always on stderr.

use cipherframe::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// One piece of long work with a name.
pub(crate) struct Step {
    name: String,
    started: Instant,
    bar: Option<ProgressBar>,
    last_line: Mutex<Instant>,
}

impl Step {
    /// Starts showing the work called `name`.
    pub(crate) fn start(name: &str) -> Self {
        let started = Instant::now();
        let bar = std::io::stderr().is_terminal().then(|| bar(name));
        if bar.is_none() {
            eprintln!("{name} ...");
        }
        Self {
            name: name.to_owned(),
            started,
            bar,
            last_line: Mutex::new(started),
        }
    }

    /// Shows that the work is done.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!(
            "{}: done in {:.1} s",
            self.name,
            self.started.elapsed().as_secs_f64()
        );
    }
}

impl Progress for Step {
    fn advance(&self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            return;
        }
        let now = Instant::now();
        if let Ok(mut last_line) = self.last_line.try_lock()
            && now.duration_since(*last_line) >= LINE_EVERY
        {
            *last_line = now;
            eprintln!("{}: {done} of {total} steps", self.name);
        }
    }
}

fn bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
