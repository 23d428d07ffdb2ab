//! Every configuration that the documentation shows is loaded, and every key is described.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use e2e::programs::run;
use wire::trust::TrustStore;

use crate::markdown::{blocks, documents, read, table_names, ticked};

/// Nodes, as their configuration files and the headings about them are called.
const NODES: [&str; 4] = ["broker", "camera", "worker", "viewer"];
/// The heading of the sections that several files have.
const SHARED: &str = "Sections that files share";

/// Every `toml` block, loaded as the node loads it that its first line names. `changed sections` replace those of the
/// committed file.
#[test]
fn every_configuration_is_loaded_by_its_node() {
    let mut loaded = 0;
    for (path, text) in documents() {
        for (line, block) in blocks(&text, "toml") {
            let first = block.lines().next().unwrap().to_owned();
            let name = first.trim_start_matches("# ").split(',').next().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let block = match first.ends_with(", changed sections") {
                true => with_changed_sections(&read(&format!("configs/demo/{name}")), &block),
                false => block,
            };
            loaded += 1;
            if name == "trust.toml" {
                let trust = TrustStore::parse(Path::new(name), &block);
                assert!(
                    trust.is_ok_and(|trust| !trust.nodes().is_empty()),
                    "{path}:{line}"
                );
                continue;
            }
            fs::write(folder.path().join(name), block).unwrap();
            let outcome = run("blindsight", &["config", "check", name], folder.path());
            assert_eq!(outcome.code, 0, "{path}:{line}: {}", outcome.stderr);
        }
    }
    assert!(loaded > 3, "only {loaded} configurations were found");
}

#[test]
fn every_key_of_the_configuration_is_described_and_no_other() {
    let sections = table_names(&read("docs/ref/configuration.md"));
    let shared = &sections[SHARED];
    for node in NODES {
        let own = &sections[&format!("{node}.toml")];
        let known = known_keys(node);
        let described = own.union(shared).cloned().collect::<BTreeSet<_>>();
        assert_eq!(
            known.difference(&described).next(),
            None,
            "{node}: not described"
        );
        assert_eq!(own.difference(&known).next(), None, "{node}: not known");
        let shared_here = shared.intersection(&known).count();
        let expected = if node == "broker" { 3 } else { shared.len() };
        assert_eq!(shared_here, expected, "{node}: shared keys");
    }
    let keys_of = |section: &str| -> Vec<String> {
        let text = format!("[[{section}]]\nzz = 1\n");
        let said = TrustStore::parse(Path::new("trust.toml"), &text).unwrap_err();
        let keys = named_instead(&said.to_string()).expect("a section has keys");
        let keys = keys.iter().map(|key| format!("{section}.{key}"));
        keys.collect()
    };
    let said = TrustStore::parse(Path::new("trust.toml"), "zz = 1\n").unwrap_err();
    let sections_known = named_instead(&said.to_string()).expect("there are sections");
    let known = sections_known
        .iter()
        .flat_map(|section| keys_of(section))
        .collect();
    assert_eq!(sections["trust.toml"], known);
}

/// The keys that the loader of a node knows, asked by way of keys that it does not know.
fn known_keys(node: &str) -> BTreeSet<String> {
    let file = format!("{node}.toml");
    let folder = tempfile::tempdir().unwrap();
    let told = |text: &str| {
        fs::write(folder.path().join(&file), text).unwrap();
        run("blindsight", &["config", "check", &file], folder.path()).stderr
    };
    let sections = named_instead(&told("zz = 1\n")).expect("a node knows sections");
    let mut known = BTreeSet::new();
    let mut open = sections;
    while let Some(key) = open.pop() {
        // A key that is no section does not take one.
        match named_instead(&told(&format!("[{key}]\nzz = 1\n"))) {
            Some(inner) => open.extend(inner.iter().map(|inner| format!("{key}.{inner}"))),
            None => drop(known.insert(key)),
        }
    }
    known
}

/// The names that an error about an unknown key gives instead, if it is one.
fn named_instead(said: &str) -> Option<Vec<String>> {
    let named = said
        .split("unknown key; use ")
        .nth(1)
        .and_then(|rest| rest.split(", or remove it").next());
    named.map(ticked)
}

/// The file with those of its sections replaced that stand in `changed`.
fn with_changed_sections(file: &str, changed: &str) -> String {
    let sections = |text: &str| -> Vec<String> {
        text.split("\n[")
            .skip(1)
            .map(|section| format!("[{section}\n"))
            .collect()
    };
    let name = |section: &String| section.split(']').next().unwrap().to_owned();
    let changed = sections(changed);
    let mut whole = sections(file);
    for section in &mut whole {
        if let Some(new) = changed.iter().find(|new| name(new) == name(section)) {
            section.clone_from(new);
        }
    }
    assert!(!changed.is_empty() && changed.iter().all(|new| whole.contains(new)));
    whole.concat()
}
