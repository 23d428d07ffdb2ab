//! Clocks that jump.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::data_folder::committed;
use e2e::site::{CAMERA, VIEWER, WORKER};
use e2e::skipped;

use crate::account::read;
use crate::rig::{ALL, Frames, Rig};

/// Makes the library that makes clocks jump. `None`, said on stderr, where there is no C compiler.
fn jumps(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("clock_jumps.so");
    let source = committed("tests/tests/faults/clock_jumps.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .status();
    match compiled {
        Ok(status) => {
            assert!(status.success(), "cc: {status}");
            Some(library)
        }
        Err(error) => {
            skipped(&format!("clocks do not jump without a C compiler: {error}"));
            None
        }
    }
}

/// The clocks of `nodes` jump every second, by up to ten years. Gives the times of capture and of arrival in the viewer's
/// log.
fn jump(fault: &'static str, name: &str, nodes: &[&str]) -> Option<[Vec<u64>; 2]> {
    const SECONDS: u64 = 8;
    let mut rig = Rig::new(name, Frames::Plain, SECONDS * 20, Some(20), ALL);
    let library = jumps(rig.fleet.site().path())?;
    for node in nodes {
        rig.fleet
            .set_variable(node, "LD_PRELOAD", library.to_str().unwrap());
    }
    rig.clock_is_right = !nodes.contains(&VIEWER);
    rig.start();
    rig.fleet.until_said(CAMERA, "camera stopped");
    let lines = read(&rig.fleet.out(VIEWER));
    rig.everything_arrived(fault, SECONDS);
    let captured = lines.iter().map(|line| line.captured_unix_ms).collect();
    let received = lines.iter().map(|line| line.received_unix_ms).collect();
    Some([captured, received])
}

fn goes_back(times: &[u64]) -> bool {
    times.windows(2).any(|pair| pair[1] < pair[0])
}

#[test]
fn of_the_camera_and_the_worker() {
    let fault = "clocks of camera and worker jump";
    if let Some([captured, received]) = jump(fault, "clock-camera", &[CAMERA, WORKER]) {
        assert!(goes_back(&captured), "the clock did not jump: {captured:?}");
        assert!(!goes_back(&received), "{received:?}");
    }
}

#[test]
fn of_the_viewer() {
    let fault = "clock of the viewer jumps";
    if let Some([captured, received]) = jump(fault, "clock-viewer", &[VIEWER]) {
        assert!(!goes_back(&captured), "{captured:?}");
        assert!(goes_back(&received), "the clock did not jump: {received:?}");
    }
}
