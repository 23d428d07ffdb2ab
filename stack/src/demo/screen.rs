//! What the demo prints: a line and a small picture for each map, or JSON.

use super::tally::{MapLine, Summary};
use crate::stdout;
use serde_json::{Value, json};
use std::io::IsTerminal;
use viewer::terminal::{Style, draw};

/// Columns of a map's picture at the most.
const PICTURE_COLUMNS: usize = 96;

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

fn summary_text(summary: &Summary) -> String {
    let verified = summary
        .mismatched_values
        .map_or(String::new(), |mismatched| {
            format!(", {mismatched} mismatched values")
        });
    format!(
        "{} frames, {} maps{verified}, {} lost, {:.2} maps per second",
        summary.frames, summary.maps, summary.lost, summary.fps
    )
}

fn summary_json(summary: &Summary) -> Value {
    json!({
        "summary": {
            "frames": summary.frames,
            "maps": summary.maps,
            "mismatched_values": summary.mismatched_values,
            "fps": summary.fps,
            "lost": summary.lost,
        }
    })
}
