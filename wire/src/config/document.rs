//! A parsed TOML document that knows on which line each key stands and can lose a key.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Where a value stands in the document, displayed as `stream.levels[2]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyPath(Vec<Step>);

impl KeyPath {
    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A key or array element with the bytes of its name and of its value.
struct Entry {
    path: KeyPath,
    key: Range<usize>,
    value: Range<usize>,
}

/// The document. Byte ranges refer to the text it was parsed from.
pub(super) struct Document<'i> {
    text: &'i str,
    root: Spanned<DeTable<'i>>,
}

impl<'i> Document<'i> {
    /// Parses `text`, with what could be saved of it and the line and message of each syntax error.
    pub(super) fn parse(text: &'i str) -> (Self, Vec<(usize, String)>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let errors = errors
            .iter()
            .map(|error| {
                let start = error.span().map_or(0, |span| span.start);
                (line_of(text, start), error.message().to_owned())
            })
            .collect();
        (Self { text, root }, errors)
    }

    pub(super) fn deserialize<T: DeserializeOwned>(&self) -> Result<T, toml::de::Error> {
        T::deserialize(Deserializer::from(self.root.clone()))
    }

    /// The line, counted from 1, of every key and array element.
    pub(super) fn key_lines(&self) -> HashMap<String, usize> {
        self.entries()
            .into_iter()
            .map(|entry| (entry.path.to_string(), line_of(self.text, entry.key.start)))
            .collect()
    }

    /// The innermost key that an error at `span` speaks of.
    pub(super) fn locate(&self, span: Range<usize>) -> Option<KeyPath> {
        let entries = self.entries();
        let exact = entries
            .iter()
            .filter(|entry| entry.key == span || entry.value == span)
            .max_by_key(|entry| entry.path.0.len());
        let around = || {
            entries
                .iter()
                .filter(|entry| entry.value.start <= span.start && span.end <= entry.value.end)
                .min_by_key(|entry| entry.value.len())
        };
        exact.or_else(around).map(|entry| entry.path.clone())
    }

    /// Takes out the key at `path`, or the whole array when `path` is an element of one. Returns
    /// what was taken out.
    pub(super) fn remove(&mut self, path: &KeyPath) -> KeyPath {
        let mut path = path.clone();
        while matches!(path.0.last(), Some(Step::Index(_))) {
            path.0.pop();
        }
        remove_from_table(self.root.get_mut(), &path.0);
        path
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        walk_table(self.root.get_ref(), &KeyPath::default(), &mut entries);
        entries
    }
}

fn walk_table(table: &DeTable<'_>, parent: &KeyPath, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        let path = parent.then(Step::Key(key.get_ref().to_string()));
        entries.push(Entry {
            path: path.clone(),
            key: key.span(),
            value: value.span(),
        });
        walk_value(value.get_ref(), &path, entries);
    }
}

fn walk_value(value: &DeValue<'_>, path: &KeyPath, entries: &mut Vec<Entry>) {
    match value {
        DeValue::Table(table) => walk_table(table, path, entries),
        DeValue::Array(array) => {
            for (index, element) in array.iter().enumerate() {
                let path = path.then(Step::Index(index));
                let span = element.span();
                entries.push(Entry {
                    path: path.clone(),
                    key: span.clone(),
                    value: span,
                });
                walk_value(element.get_ref(), &path, entries);
            }
        }
        _ => {}
    }
}

fn remove_from_table(table: &mut DeTable<'_>, steps: &[Step]) {
    let Some((Step::Key(name), rest)) = steps.split_first() else {
        return;
    };
    if rest.is_empty() {
        table.remove(name.as_str());
        return;
    }
    for (key, value) in table.iter_mut() {
        if key.get_ref() == name {
            remove_from_value(value.get_mut(), rest);
        }
    }
}

fn remove_from_value(value: &mut DeValue<'_>, steps: &[Step]) {
    match (value, steps.split_first()) {
        (DeValue::Table(table), _) => remove_from_table(table, steps),
        (DeValue::Array(array), Some((Step::Index(index), rest))) => {
            if let Some(element) = array.get_mut(*index) {
                remove_from_value(element.get_mut(), rest);
            }
        }
        _ => {}
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}
