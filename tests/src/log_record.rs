//! The log lines of this process, field by field.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::PATIENCE;

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A log line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The module that wrote it.
    pub target: String,
    /// Its text.
    pub message: String,
    /// Its fields as text.
    pub fields: BTreeMap<String, String>,
}

impl Line {
    /// A field's text, empty when there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// All lines so far from level `info`, of all tests of the program.
#[derive(Clone, Default)]
pub struct LogRecord(Arc<Mutex<Vec<Line>>>);

impl LogRecord {
    /// The record of this process, begun by the first call.
    pub fn of_this_process() -> Self {
        static RECORD: OnceLock<LogRecord> = OnceLock::new();
        let begin = || {
            let record = Self::default();
            let layer = record.clone().with_filter(LevelFilter::INFO);
            let subscriber = tracing_subscriber::registry().with(layer);
            tracing::subscriber::set_global_default(subscriber).unwrap();
            record
        };
        RECORD.get_or_init(begin).clone()
    }

    /// How many lines there are so far.
    pub fn mark(&self) -> usize {
        self.lines().len()
    }

    /// Waits for a line after the first `mark` ones that `wanted` accepts.
    pub async fn wait_for(&self, mark: usize, wanted: impl Fn(&Line) -> bool) -> Line {
        self.wait_for_several(mark, 1, wanted).await.remove(0)
    }

    /// Waits for `count` such lines.
    pub async fn wait_for_several(
        &self,
        mark: usize,
        count: usize,
        wanted: impl Fn(&Line) -> bool,
    ) -> Vec<Line> {
        let began = Instant::now();
        loop {
            let lines = self.lines().into_iter().skip(mark);
            let found: Vec<Line> = lines.filter(&wanted).take(count).collect();
            if found.len() == count {
                return found;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "no such line in {:#?}",
                self.lines()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn lines(&self) -> Vec<Line> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl<S: Subscriber> Layer<S> for LogRecord {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut line = Line {
            target: event.metadata().target().to_owned(),
            ..Line::default()
        };
        event.record(&mut line);
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = match field.name() {
            "message" => &mut self.message,
            name => self.fields.entry(name.to_owned()).or_default(),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{value:?}");
    }
}
