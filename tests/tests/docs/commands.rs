//! Every command that the documentation shows is accepted, and every option is described.

use std::collections::{BTreeMap, BTreeSet};

use cipherframe::SchemeId;
use e2e::data_folder::{Checkout, committed};
use e2e::programs::{Outcome, run};

use crate::markdown::{blocks, documents, read, table_names};

/// Every line of every `sh` block.
///
/// `keys` and `config` are really run, in a copy of what a newcomer has, one after the other as the document has them.
/// `demo` would run for long, so it is started where there are no frames: it says so only after all its options have been
/// checked. `bench` is asked to use no thread, which it refuses last; `bench --plan` is run. Nodes are started where their
/// file is missing, and the file has to be a committed one, which other tests load and run. What cargo and the shell do is
/// not tried, nor what just does, but for its recipes being there.
#[test]
fn every_command_is_accepted() {
    let mut commands = 0;
    for (path, text) in documents() {
        let mut checkout = None;
        for (_, block) in blocks(&text, "sh") {
            for line in block.lines() {
                let line = line.replace("cargo run --release -- ", "blindsight ");
                let words: Vec<&str> = line.split_whitespace().collect();
                let (code, expected, outcome) = match words[..] {
                    ["cargo", "build" | "test", ..]
                    | ["export", "PATH=\"$PWD/target/release:$PATH\""] => continue,
                    ["just", recipe] => {
                        let rules = [format!("\n{recipe}:"), format!("\n{recipe} ")];
                        let justfile = read("justfile");
                        let is_there = rules.iter().any(|rule| justfile.contains(rule));
                        assert!(is_there, "{path}: {line}");
                        continue;
                    }
                    ["blindsight", "demo", ..] => {
                        let video = after("--video", &words).unwrap_or("samples");
                        (
                            74,
                            format!("the folder {video} does not exist"),
                            run_nowhere(&words),
                        )
                    }
                    ["blindsight", "bench", "--plan", ..] => {
                        (0, String::new(), run_nowhere(&words))
                    }
                    ["blindsight", "bench", ..] => {
                        let mut words = words;
                        if let Some(place) = words.iter().position(|word| *word == "--threads") {
                            words.drain(place..place + 2);
                        }
                        words.extend(["--threads", "0"]);
                        (
                            2,
                            "--threads 0 leaves nobody to work".to_owned(),
                            run_nowhere(&words),
                        )
                    }
                    ["blindsight", "keys" | "config", ..] => {
                        let checkout =
                            checkout.get_or_insert_with(|| Checkout::new(SchemeId::Tfhe));
                        (
                            0,
                            String::new(),
                            run(words[0], &words[1..], checkout.path()),
                        )
                    }
                    ["camera-node", "list"] => (0, String::new(), run_nowhere(&words)),
                    [
                        "broker" | "camera-node" | "pooling-worker" | "viewer",
                        "run" | "snapshot" | "bench",
                        "--config",
                        file,
                        ..,
                    ] => {
                        assert!(committed(file).exists(), "{path}: {line}");
                        (
                            78,
                            format!("{file}: cannot read the file"),
                            run_nowhere(&words),
                        )
                    }
                    _ => panic!("{path}: no rule how to check `{line}`"),
                };
                commands += 1;
                assert_eq!(outcome.code, code, "{path}: {line}\n{}", outcome.stderr);
                assert!(
                    outcome.stderr.contains(&expected),
                    "{path}: {line}\n{}",
                    outcome.stderr
                );
            }
        }
    }
    assert!(commands > 20, "only {commands} commands were found");
}

#[test]
fn every_command_and_option_is_described_and_no_other() {
    let described = table_names(&read("docs/ref/commands.md"));
    let mut known = BTreeMap::new();
    for program in [
        "blindsight",
        "broker",
        "camera-node",
        "pooling-worker",
        "viewer",
    ] {
        add_options(program.to_owned(), &mut known);
    }
    assert_eq!(
        described.keys().collect::<Vec<_>>(),
        known.keys().collect::<Vec<_>>()
    );
    for (command, options) in known {
        let described = described[&command]
            .iter()
            .filter(|name| name.starts_with('-'))
            .cloned();
        assert_eq!(described.collect::<BTreeSet<_>>(), options, "{command}");
    }
}

/// Adds the options of a command, or of all commands below it.
fn add_options(command: String, known: &mut BTreeMap<String, BTreeSet<String>>) {
    let mut words: Vec<&str> = command.split(' ').collect();
    words.push("--help");
    let help = run_nowhere(&words).stdout;
    let below = help
        .split("\nCommands:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next());
    if let Some(below) = below {
        // A description that goes on in another line is indented further.
        let names = below
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        for name in names.filter(|name| !name.is_empty() && *name != "help") {
            add_options(format!("{command} {name}"), known);
        }
        return;
    }
    let lines = help
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'));
    let name = |line: &str| {
        let long = line.split(' ').find(|word| word.starts_with("--"));
        long.unwrap_or(&line[..2]).to_owned()
    };
    let options = lines.map(name).filter(|name| name != "--help").collect();
    known.insert(command, options);
}

/// Runs a command in an empty folder.
fn run_nowhere(words: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    run(words[0], &words[1..], folder.path())
}

/// The word after `option`.
fn after<'w>(option: &str, words: &[&'w str]) -> Option<&'w str> {
    let place = words.iter().position(|word| *word == option)?;
    words.get(place + 1).copied()
}
