//! The problems of one configuration file, each with its line and key.

use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::failure::{Failure, FailureKind};

/// One problem: where it is, what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1; `None` when the file could not be read at all.
    pub line: Option<usize>,
    /// The key with its section, such as `stream.size`; empty when it concerns the file.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

/// Gathers the problems of one file while it is turned into what it means.
#[derive(Debug)]
pub struct Problems {
    path: PathBuf,
    key_lines: HashMap<String, usize>,
    found: Vec<Problem>,
    // Keys taken out because of a problem: they must not be reported as missing too.
    silenced: Vec<String>,
}

impl Problems {
    pub(super) fn new(path: &Path, key_lines: HashMap<String, usize>) -> Self {
        Self {
            path: path.to_owned(),
            key_lines,
            found: Vec::new(),
            silenced: Vec::new(),
        }
    }

    /// Reports a problem with `key` (`section.key`, or `section.key[2]` for an element of a list).
    ///
    /// The line is that of the key, or of the nearest section around it when the key is not in the
    /// file.
    pub fn push(&mut self, key: &str, what: impl Into<String>, mend: impl Into<String>) {
        let line = Some(self.line_of(key));
        self.found.push(Problem {
            line,
            key: key.to_owned(),
            what: what.into(),
            mend: mend.into(),
        });
    }

    /// Passes `value` on, and reports the key as missing when it is `None`.
    pub fn required<T>(&mut self, key: &str, value: Option<T>, mend: &str) -> Option<T> {
        if value.is_none() && !self.is_silenced(key) {
            self.push(key, "missing", mend);
        }
        value
    }

    /// Passes `value` on when it lies in `range`, and reports it otherwise.
    pub fn in_range<T>(&mut self, key: &str, value: T, range: RangeInclusive<T>) -> Option<T>
    where
        T: PartialOrd + fmt::Display,
    {
        if range.contains(&value) {
            return Some(value);
        }
        let mend = format!("write a value from {} to {}", range.start(), range.end());
        self.push(key, format!("{value} is out of range"), mend);
        None
    }

    /// Parses `value`, and reports the parser's error otherwise. `mend` is for errors that say only
    /// what is wrong, and is left out when the error says itself what to do, after a semicolon.
    pub fn parsed<T>(&mut self, key: &str, value: &str, mend: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match value.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                let error = error.to_string();
                let (what, mend) = error.split_once("; ").unwrap_or((&error, mend));
                self.push(key, what, mend);
                None
            }
        }
    }

    /// A path of the file: relative ones start at the folder of the configuration file.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        match self.path.parent() {
            Some(folder) => folder.join(path),
            None => path.to_owned(),
        }
    }

    /// Whether nothing has been reported so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn push_syntax(&mut self, line: usize, what: String) {
        let mend = "mend the TOML syntax of this line".to_owned();
        self.found.push(Problem {
            line: Some(line),
            key: String::new(),
            what,
            mend,
        });
    }

    pub(super) fn silence(&mut self, key: &str) {
        self.silenced.push(key.to_owned());
    }

    pub(super) fn finish<Meant>(mut self, meant: Option<Meant>) -> Result<Meant, ConfigErrors> {
        match meant {
            Some(meant) if self.found.is_empty() => Ok(meant),
            _ => {
                if self.found.is_empty() {
                    self.push(
                        "",
                        "the file means nothing",
                        "compare it with those in configs/",
                    );
                }
                Err(self.into_errors())
            }
        }
    }

    pub(super) fn into_errors(mut self) -> ConfigErrors {
        // A stable sort: problems of one line stay in the order in which they were found.
        self.found.sort_by_key(|problem| problem.line);
        ConfigErrors {
            path: self.path,
            problems: self.found,
        }
    }

    fn is_silenced(&self, key: &str) -> bool {
        enclosing(key).any(|part| self.silenced.iter().any(|silenced| silenced == part))
    }

    fn line_of(&self, key: &str) -> usize {
        enclosing(key)
            .find_map(|part| self.key_lines.get(part).copied())
            .unwrap_or(1)
    }
}

/// `a.b[1]`, then `a.b`, then `a`.
fn enclosing(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |key| {
        key.rfind(['.', '[']).and_then(|end| key.get(..end))
    })
}

/// All problems of one configuration file; displayed one a line as `file:line: key: what; what to
/// do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    path: PathBuf,
    problems: Vec<Problem>,
}

impl ConfigErrors {
    pub(super) fn unreadable(path: &Path, what: String, mend: &str) -> Self {
        let problem = Problem {
            line: None,
            key: String::new(),
            what,
            mend: mend.to_owned(),
        };
        Self {
            path: path.to_owned(),
            problems: vec![problem],
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The problems, by line. Never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:", self.path.display())?;
            if let Some(line) = problem.line {
                write!(f, "{line}:")?;
            }
            if !problem.key.is_empty() {
                write!(f, " {}:", problem.key)?;
            }
            write!(f, " {}; {}", problem.what, problem.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        let count = errors.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        Failure::new(
            FailureKind::Configuration,
            format!("{count} {noun} in the configuration\n{errors}"),
            "docs/ref/configuration.md describes every key",
        )
    }
}
