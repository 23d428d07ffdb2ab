//! The soak: broker, worker, viewer and camera as programs of their own on 64x64 frames of scheme `bfv`, as fast as they
//! can, with their memory watched.
//!
//! `just soak` runs it for 15 minutes from a release build. `BLINDSIGHT_SOAK_SECONDS` sets another duration. What it
//! measures is written to `soak/` in the build folder, whether it passes or not.

mod account;
mod memory;
mod plot;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use cipherframe::SchemeId;
use e2e::data_folder::{Checkout, free_port, pictures};
use e2e::node_process::NodeProcess;

use account::{Account, Sample};

const SECONDS: u64 = 15 * 60;
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// The stream has stopped when there is no new map for so long.
const STANDSTILL: Duration = Duration::from_secs(60);

/// Programs and their configuration files, in the order in which they start.
const NODES: [(&str, &str); 4] = [
    ("broker", "broker"),
    ("pooling-worker", "worker"),
    ("viewer", "viewer"),
    ("camera-node", "camera"),
];

/// The demo's files, for `bfv` instead of `tfhe` and without a limit on the rate.
fn checkout() -> Checkout {
    let checkout = Checkout::new(SchemeId::Bfv);
    checkout.move_to_port(free_port());
    checkout.edit("camera", "size = \"16x16\"", "size = \"64x64\"");
    checkout.edit("camera", "scheme = \"tfhe\"", "scheme = \"bfv\"");
    checkout.edit("camera", "fps = 2.0", "# fps = 2.0");
    for node in ["camera", "worker", "viewer"] {
        checkout.edit(node, "blindsight-data/tfhe/", "blindsight-data/bfv/");
    }
    checkout
}

/// Maps that the viewer has written.
fn maps(checkout: &Checkout) -> u64 {
    pictures(&checkout.path().join("blindsight-data/out"), "gate").len() as u64
}

#[test]
#[ignore = "runs for 15 minutes; `just soak`"]
fn memory_does_not_grow() {
    let seconds = env::var("BLINDSIGHT_SOAK_SECONDS").map_or(SECONDS, |text| {
        text.parse()
            .expect("BLINDSIGHT_SOAK_SECONDS is a number of seconds")
    });
    let checkout = checkout();
    let mut nodes = NODES.map(|(program, node)| {
        let config = format!("configs/demo/{node}.toml");
        let mut process =
            NodeProcess::start(program, &["run", "--config", &config], checkout.path());
        if program == "broker" {
            process.wait_for("broker is ready");
        }
        process
    });

    let began = Instant::now();
    let (mut account, mut moved) = (Account::new(NODES.map(|(program, _)| program)), began);
    while began.elapsed() < Duration::from_secs(seconds) {
        thread::sleep(SAMPLE_EVERY);
        let sample = Sample {
            seconds: began.elapsed().as_secs_f64(),
            resident_kib: std::array::from_fn(|place| {
                let resident = memory::resident_kib(nodes[place].id());
                resident.unwrap_or_else(|| panic!("{} has ended", NODES[place].0))
            }),
            maps: maps(&checkout),
        };
        if account.last_maps() != Some(sample.maps) {
            moved = Instant::now();
        }
        account.push(sample);
        write(&account);
        assert!(
            moved.elapsed() < STANDSTILL,
            "no map for {STANDSTILL:?}:\n{}",
            account.table()
        );
    }

    // The camera first, so that nobody misses what it still sends.
    nodes.reverse();
    for mut node in nodes {
        node.terminate();
        let (status, log) = node.end();
        assert!(status.success(), "{status}:\n{}", log.join("\n"));
    }
    println!("{}\nwritten to {}", account.table(), out().display());
    let grown = account.grown();
    assert!(grown.is_empty(), "memory has grown: {}", grown.join(", "));
}

/// What was measured so far.
fn write(account: &Account) {
    fs::create_dir_all(out()).unwrap();
    fs::write(out().join("soak.csv"), account.csv()).unwrap();
    fs::write(out().join("soak.svg"), plot::svg(account)).unwrap();
}

/// `soak` in the build folder, found from this program in `target/PROFILE/deps`.
fn out() -> PathBuf {
    let program = env::current_exe().unwrap();
    let target: &Path = program.ancestors().nth(3).unwrap();
    target.join("soak")
}
