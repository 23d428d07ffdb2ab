//! The demo where nobody reads what it prints.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use e2e::data_folder::committed;
use e2e::programs::command;
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
