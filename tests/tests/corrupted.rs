//! Every committed fuzz input, replayed: the corpora in `fuzz/corpus`, and in `tests/corrupted` what once broke a parser.
//!
//! A new finding becomes a file in `tests/corrupted/TARGET`, named after what was wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::data_folder::committed;
use e2e::fuzz::{TARGETS, Target, valid_inputs};

/// The files of a folder, in the order of their names. No folder is no files.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[track_caller]
fn replay(targets: &[&str]) {
    for target in TARGETS {
        if !targets.contains(&target.name) {
            continue;
        }
        let corpus = files(&target.corpus());
        let valid = corpus
            .iter()
            .filter(|path| name(path).starts_with("valid-"));
        assert!(valid.count() > 0, "{} has no valid input", target.name);
        for path in corpus.iter().chain(&files(&target.corrupted())) {
            // Names the input if the parser panics.
            println!("{}", path.display());
            let accepted = (target.accepts)(&fs::read(path).unwrap());
            assert!(
                accepted || !name(path).starts_with("valid-"),
                "{} is refused. If what it holds has a new form, write the corpora anew: \
                 `cargo test --workspace --test corrupted -- --ignored`",
                path.display()
            );
        }
    }
}

#[test]
fn envelopes_messages_and_topics() {
    replay(&[
        "first_packet",
        "envelope",
        "tampered_envelope",
        "message",
        "receipt",
        "tile_header",
        "topic",
        "stream_spec",
    ]);
}

#[test]
fn configuration_and_trust_files() {
    replay(&[
        "camera_config",
        "worker_config",
        "viewer_config",
        "broker_config",
        "trust_file",
        "users_file",
    ]);
}

#[test]
fn key_files_and_keys_of_every_scheme() {
    replay(&["key_file", "plain_keys", "bfv_keys", "tfhe_keys"]);
}

#[test]
fn tiles_of_every_scheme() {
    replay(&["plain_tiles", "bfv_tiles", "tfhe_tiles"]);
}

#[test]
fn every_target_has_its_program_its_corpus_and_a_test_here() {
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.into()).collect();
    assert_eq!(names.len(), TARGETS.len());
    let programs = files(&committed("fuzz/fuzz_targets"));
    let programs = programs.iter().map(|path| name(path).replace(".rs", ""));
    assert_eq!(programs.collect::<BTreeSet<_>>(), names);
    let corpora = files(&committed("fuzz/corpus"));
    assert_eq!(
        corpora
            .iter()
            .map(|path| name(path).to_owned())
            .collect::<BTreeSet<_>>(),
        names
    );
    for regression in files(&committed("tests/corrupted")) {
        assert!(
            names.contains(name(&regression)),
            "{}",
            regression.display()
        );
    }
    let here = include_str!("corrupted.rs");
    let manifest = fs::read_to_string(committed("fuzz/Cargo.toml")).unwrap();
    for name in names {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{name} in fuzz/Cargo.toml"
        );
        assert!(
            here.contains(&format!("\"{name}\"")),
            "{name} is not replayed"
        );
        let program =
            fs::read_to_string(committed(&format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("e2e::fuzz::{name}(")), "{name}");
    }
}

/// Targets must tell: an input that is refused is one that the parser did not take.
#[test]
fn every_target_refuses_something() {
    for Target { name, accepts } in TARGETS {
        assert!(!accepts(b"\xff = no such thing"), "{name}");
    }
}

/// The valid inputs of each corpus, as today's code makes them. Other files of the corpora stay.
#[test]
#[ignore = "writes fuzz/corpus"]
fn write_the_corpora() {
    for target in TARGETS {
        let folder = target.corpus();
        fs::create_dir_all(&folder).unwrap();
        for old in files(&folder) {
            if name(&old).starts_with("valid-") {
                fs::remove_file(old).unwrap();
            }
        }
        for (name, bytes) in valid_inputs(target.name) {
            fs::write(folder.join(format!("valid-{name}")), bytes).unwrap();
        }
    }
}
