//! Reading the documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use e2e::data_folder::committed;

/// Folders that hold no documentation of ours.
const LEFT_OUT: [&str; 2] = ["target", "blindsight-data"];

/// A file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(committed(path)).unwrap()
}

/// All Markdown files of the repository, each with its path and text.
pub(crate) fn documents() -> Vec<(String, String)> {
    let mut documents = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(committed(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{folder}{name}");
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder && !name.starts_with('.') && !LEFT_OUT.contains(&name.as_str()) {
                folders.push(format!("{path}/"));
            } else if name.ends_with(".md") {
                documents.push((path.clone(), read(&path)));
            }
        }
    }
    assert!(documents.iter().any(|(path, _)| path == "README.md"));
    documents.sort();
    documents
}

/// The blocks of code in a language, each with the number of its first line.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut open = None;
    for (line, number) in text.lines().zip(1..) {
        match (line.strip_prefix("```"), open) {
            (Some(language), None) => {
                open = Some(language);
                blocks.push((number + 1, String::new()));
                if language.is_empty() {
                    panic!("line {number}: a block of code without a language");
                }
            }
            (Some(_), Some(_)) => open = None,
            (None, Some(_)) => blocks.last_mut().unwrap().1 += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    let named = |number: usize| text.lines().nth(number - 2) == Some(&format!("```{language}"));
    blocks
        .into_iter()
        .filter(|(number, _)| named(*number))
        .collect()
}

/// The text with its blocks of code left blank.
pub(crate) fn prose(text: &str) -> String {
    let mut inside = false;
    let line = |line: &str| {
        let fence = line.starts_with("```");
        inside ^= fence;
        if fence || inside {
            "\n".to_owned()
        } else {
            format!("{line}\n")
        }
    };
    text.lines().map(line).collect()
}

/// What stands in backticks.
pub(crate) fn ticked(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The targets of links with their lines.
pub(crate) fn links(prose: &str) -> Vec<(usize, String)> {
    let on_line = |(line, number): (&str, usize)| -> Vec<(usize, String)> {
        let parts = line
            .split("](")
            .skip(1)
            .filter_map(|part| part.split_once(')'));
        parts.map(|(link, _)| (number, link.to_owned())).collect()
    };
    prose.lines().zip(1..).flat_map(on_line).collect()
}

/// The names by which links reach headings.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    prose(text)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(anchor)
        .collect()
}

/// For each second heading the names in backticks that its tables' rows begin with.
pub(crate) fn table_names(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut sections = BTreeMap::new();
    for section in prose(text).split("\n## ").skip(1) {
        let (heading, text) = section.split_once('\n').unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let names = rows
            .flat_map(|row| ticked(row.split('|').nth(1).unwrap()))
            .collect();
        sections.insert(heading.to_owned(), names);
    }
    sections
}
