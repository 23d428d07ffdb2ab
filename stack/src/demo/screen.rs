//! What the demo prints: a line and a small picture for each map, or JSON.

use super::tally::{Counts, MapLine, Summary};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use viewer::terminal::{Style, draw};
use wire::stdout;

/// Columns of a map's picture at the most.
const PICTURE_COLUMNS: usize = 96;

/// Maps that may wait to be printed.
const QUEUE: usize = 4;

/// How long what waits may still take to be printed at the end.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Prints on a thread of its own, so that a reader who does not read holds up nothing else.
pub(crate) struct Printer {
    queue: mpsc::Sender<Line>,
    thread: JoinHandle<()>,
}

/// Something to print.
enum Line {
    Map(Box<MapLine>),
    Summary(Summary),
}

impl Printer {
    /// Starts printing to `screen`. Needs a tokio runtime.
    pub(crate) fn start(screen: Screen) -> Self {
        let (queue, mut lines) = mpsc::channel(QUEUE);
        let thread = spawn_blocking(move || {
            while let Some(line) = lines.blocking_recv() {
                match line {
                    Line::Map(map) => screen.map(&map),
                    Line::Summary(summary) => screen.summary(&summary),
                }
            }
        });
        Self { queue, thread }
    }

    /// Prints a finished map; waits while too many wait already.
    pub(crate) async fn map(&self, map: MapLine) {
        // The thread ends after this sender only.
        let _ = self.queue.send(Line::Map(Box::new(map))).await;
    }

    /// Prints the summary and ends, at the latest after a second.
    pub(crate) async fn finish(self, summary: Summary) {
        let last = async {
            let _ = self.queue.send(Line::Summary(summary)).await;
            drop(self.queue);
            let _ = self.thread.await;
        };
        // Nobody reads: there is nobody to tell.
        let _ = timeout(LAST_LINES, last).await;
    }
}

/// Prints to stdout.
pub(crate) struct Screen {
    json: bool,
    pictures: Option<Style>,
}

impl Screen {
    /// A screen that prints JSON, or lines and (unless `headless`) pictures.
    pub(crate) fn new(json: bool, headless: bool) -> Self {
        let style = || {
            Style::choose(std::io::stdout().is_terminal(), |name| {
                std::env::var(name).ok()
            })
        };
        Self {
            json,
            pictures: (!json && !headless).then(style),
        }
    }

    /// Prints a finished map.
    pub(crate) fn map(&self, line: &MapLine) {
        if self.json {
            stdout::line(map_json(line));
            return;
        }
        stdout::line(map_text(line));
        if let Some(style) = self.pictures {
            stdout::line(draw(&line.map, style, PICTURE_COLUMNS).trim_end_matches('\n'));
        }
    }

    /// Prints the summary.
    pub(crate) fn summary(&self, summary: &Summary) {
        if self.json {
            stdout::line(summary_json(summary));
        } else {
            stdout::line(summary_text(summary));
        }
    }
}

fn map_text(line: &MapLine) -> String {
    let verified = match line.mismatched_values {
        None => String::new(),
        Some(0) => ", equal to plaintext pooling".to_owned(),
        Some(mismatched) => format!(", {mismatched} VALUES DIFFER from plaintext pooling"),
    };
    format!(
        "{} #{}  {}x{} map, {} ms from capture ({} ms pooling), {} bytes in, {} bytes out{verified}",
        line.frame.camera,
        line.frame.seq,
        line.map.width(),
        line.map.height(),
        line.latency_ms,
        line.pool_ms,
        line.bytes_in,
        line.bytes_out,
    )
}

fn map_json(line: &MapLine) -> Value {
    let mut object = json!({
        "camera": line.frame.camera.to_string(),
        "session": line.frame.session.to_string(),
        "seq": line.frame.seq,
        "scheme": line.spec.scheme().as_str(),
        "levels": line.map.level_count(),
        "width": line.map.width(),
        "height": line.map.height(),
        "latency_ms": line.latency_ms,
        "pool_ms": line.pool_ms,
        "bytes_in": line.bytes_in,
        "bytes_out": line.bytes_out,
        "values": line.map.values(),
    });
    if let Some(mismatched) = line.mismatched_values {
        object["mismatched_values"] = json!(mismatched);
    }
    object
}

/// A line for each camera where there are several, and one for all.
fn summary_text(summary: &Summary) -> String {
    let total = counts_text(&summary.total);
    if summary.cameras.len() < 2 {
        return total;
    }
    let cameras = summary.cameras.iter();
    let cameras = cameras.map(|(name, counts)| format!("{name}: {}\n", counts_text(counts)));
    format!("{}all: {total}", cameras.collect::<String>())
}

fn counts_text(counts: &Counts) -> String {
    let verified = counts
        .mismatched_values
        .map_or(String::new(), |mismatched| {
            format!(", {mismatched} mismatched values")
        });
    format!(
        "{} frames, {} maps{verified}, {} lost, {:.2} maps per second",
        counts.frames, counts.maps, counts.lost, counts.fps
    )
}

fn summary_json(summary: &Summary) -> Value {
    let mut object = counts_json(&summary.total);
    let cameras = summary.cameras.iter();
    let cameras = cameras.map(|(name, counts)| (name.to_string(), counts_json(counts)));
    object["cameras"] = Value::Object(cameras.collect());
    json!({ "summary": object })
}

fn counts_json(counts: &Counts) -> Value {
    json!({
        "frames": counts.frames,
        "maps": counts.maps,
        "mismatched_values": counts.mismatched_values,
        "fps": counts.fps,
        "lost": counts.lost,
    })
}
