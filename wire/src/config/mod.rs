//! Configuration files: TOML in, every problem out at once.
//!
//! What was typed and what it means are two types. The first is a plain serde structure whose
//! fields are all `Option`, with `deny_unknown_fields`; the second holds ranges, paths and names
//! that have been checked. [`load`] reads the first, hands it to a function that makes the second,
//! and gathers the problems of both steps, so that a user mends a file in one go. Nothing here
//! touches what the file names: no key is opened, no port is bound.
//!
//! ```
//! # use serde::Deserialize;
//! # use wire::config::{Problems, parse};
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Typed { size: Option<u32>, fps: Option<f64> }
//!
//! fn meaning(typed: Typed, problems: &mut Problems) -> Option<u32> {
//!     let size = problems.required("size", typed.size, "add it, for example `size = 16`");
//!     size.and_then(|size| problems.in_range("size", size, 1..=64))
//! }
//!
//! let errors = parse("camera.toml".as_ref(), "size = 99\nfsp = 2.0\n", meaning).unwrap_err();
//! assert_eq!(
//!     errors.to_string(),
//!     "camera.toml:1: size: 99 is out of range; write a value from 1 to 64\n\
//!      camera.toml:2: fsp: unknown key; use `size` or `fps`, or remove it"
//! );
//! ```

mod broker;
mod document;
mod events_mqtt;
mod mqtt;
mod problems;
mod sections;
mod telemetry;
mod wording;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;

pub use events_mqtt::{EventsMqttConfig, EventsMqttToml};
pub use mqtt::MqttToml;
pub use problems::{ConfigErrors, Problem, Problems};
pub use sections::{LogConfig, LogFormat, LogLevel, LogToml, NodeConfig, NodeToml};
pub use telemetry::{TelemetryConfig, TelemetryToml};

use document::Document;

/// Largest configuration file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads the file at `path` as `Typed` and turns it into what it means.
///
/// `meaning` reports what it dislikes to the [`Problems`] it is given and returns `None` when it
/// cannot go on. It also runs when keys of the file were refused (they are then absent), so that
/// all problems come out together.
///
/// # Errors
/// All problems of the file, in the order of their lines.
pub fn load<Typed, Meant>(
    path: &Path,
    meaning: impl FnOnce(Typed, &mut Problems) -> Option<Meant>,
) -> Result<Meant, ConfigErrors>
where
    Typed: DeserializeOwned,
{
    match read(path) {
        Ok(text) => parse(path, &text, meaning),
        Err((what, mend)) => Err(ConfigErrors::unreadable(path, what, mend)),
    }
}

/// As [`load`], with the text of the file already in memory. `path` serves messages and relative
/// paths only.
///
/// # Errors
/// All problems of the text, in the order of their lines.
pub fn parse<Typed, Meant>(
    path: &Path,
    text: &str,
    meaning: impl FnOnce(Typed, &mut Problems) -> Option<Meant>,
) -> Result<Meant, ConfigErrors>
where
    Typed: DeserializeOwned,
{
    let (mut document, syntax_errors) = Document::parse(text);
    let mut problems = Problems::new(path, document.key_lines());
    if !syntax_errors.is_empty() {
        // What follows a syntax error is guesswork, so nothing else is reported.
        for (line, what) in syntax_errors {
            problems.push_syntax(line, what);
        }
        return Err(problems.into_errors());
    }
    let typed = read_typed(&mut document, &mut problems);
    let meant = typed.and_then(|typed| meaning(typed, &mut problems));
    problems.finish(meant)
}

/// Deserialises, taking out one refused key at a time, until what is left fits.
fn read_typed<Typed: DeserializeOwned>(
    document: &mut Document<'_>,
    problems: &mut Problems,
) -> Option<Typed> {
    loop {
        let error = match document.deserialize::<Typed>() {
            Ok(typed) => return Some(typed),
            Err(error) => error,
        };
        let (what, mend) = wording::translate(error.message());
        let place = error.span().and_then(|span| document.locate(span));
        let Some(place) = place else {
            problems.push("", what, mend);
            return None;
        };
        problems.push(&place.to_string(), what, mend);
        let removed = document.remove(&place);
        problems.silence(&removed.to_string());
    }
}

fn read(path: &Path) -> Result<String, (String, &'static str)> {
    let cannot = |error: std::io::Error| {
        (
            format!("cannot read the file: {error}"),
            "check the path and who may read it",
        )
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(cannot)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(cannot)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        let what = format!("the file is larger than {MAX_FILE_BYTES} bytes");
        return Err((what, "give a configuration file"));
    }
    String::from_utf8(text)
        .map_err(|_| ("the file is not UTF-8 text".to_owned(), "save it as UTF-8"))
}

#[cfg(test)]
mod tests;
