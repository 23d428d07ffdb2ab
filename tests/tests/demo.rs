//! The demo on motion, and where nobody reads what it prints.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::data_folder::committed;
use e2e::programs::{command, run};
use rustix::process::{Pid, Signal, kill_process};

/// How long an interrupted demo may take to end; 5 s are promised, a busy machine gets more.
const END_LIMIT: Duration = Duration::from_secs(20);

#[test]
fn an_unread_stdout_neither_fills_the_memory_nor_holds_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let samples = committed("samples");
    let mut demo = command("blindsight", folder.path())
        .args(
            "demo --scheme plain --insecure-plain --size 256x256 --bits 8 --json --fps 240"
                .split(' '),
        )
        .arg("--video")
        .arg(samples)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Each map is 40 KB of JSON: the pipe is full after two. Then the camera must stand still.
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", demo.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap()
            .to_owned();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    sleep(Duration::from_secs(6));
    let before = resident();
    sleep(Duration::from_secs(6));
    let after = resident();
    assert!(
        after < before + 20_000,
        "resident memory went from {before} to {after} KiB"
    );

    let interrupted = Instant::now();
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    while demo.try_wait().unwrap().is_none() {
        assert!(interrupted.elapsed() < END_LIMIT, "the demo does not end");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}

#[test]
fn motion_is_verified_and_begins_with_an_empty_map() {
    let folder = tempfile::tempdir().unwrap();
    let samples = committed("samples");
    let options = "--scheme plain --insecure-plain --feature motion --levels 8,20,45 --size 32x18 --frames 6 --fps 100 \
                   --verify --json --headless";
    let mut args = vec!["demo", "--video", samples.to_str().unwrap()];
    args.extend(options.split_whitespace());
    let outcome = run("blindsight", &args, folder.path());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);

    let objects = outcome.stdout.lines();
    let mut objects: Vec<serde_json::Value> = objects
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = objects.pop().unwrap();
    assert_eq!(summary["summary"]["mismatched_values"], 0);
    let moves = objects.iter().map(|map| {
        let values = map["values"].as_array().unwrap();
        values.iter().any(|value| *value != 0)
    });
    // A figure walks into the picture.
    let moves: Vec<bool> = moves.collect();
    assert_eq!((moves.len(), moves[0]), (6, false));
    assert!(moves.contains(&true), "nothing moves");
}
