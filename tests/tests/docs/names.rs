//! What the documentation points to is there.

use std::path::Path;

use e2e::data_folder::committed;

use crate::markdown::{anchors, documents, links, prose, read, ticked};

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    for (path, text) in documents() {
        for (line, link) in links(&prose(&text)) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                file => Path::new(&path)
                    .parent()
                    .unwrap()
                    .join(file)
                    .to_str()
                    .unwrap()
                    .to_owned(),
            };
            assert!(committed(&target).exists(), "{path}:{line}: {link}");
            let found = heading.is_empty() || anchors(&read(&target)).contains(heading);
            assert!(found, "{path}:{line}: there is no heading {link}");
        }
    }
}

#[test]
fn every_named_file_and_test_exists() {
    let mut tests = 0;
    for (path, text) in documents() {
        for name in ticked(&prose(&text)) {
            let (file, test) = name.split_once("::").unwrap_or((&name, ""));
            let is_file = [".rs", ".toml", ".md", ".txt"]
                .iter()
                .any(|end| file.ends_with(end));
            let is_path =
                file.contains('/') && !file.contains(' ') && !file.starts_with("blindsight-data/");
            if !is_file || !is_path {
                continue;
            }
            assert!(committed(file).exists(), "{path}: {file}");
            if !test.is_empty() {
                tests += 1;
                assert!(
                    read(file).contains(&format!("fn {test}(")),
                    "{path}: {name}"
                );
            }
        }
    }
    assert!(tests > 30, "only {tests} tests are named");
}
