//! The camera's spool: full, on a full disk, torn, and left behind by a camera that was killed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use e2e::site::{CAMERA, VIEWER};

use crate::rig::{Frames, Rig};

/// Room for 25 frames of 0.37 MB.
const ROOMY: &str = "policy = \"all\"\ncredit = 4\nreceipt_timeout_s = 1\nspool = \"spool\"\nspool_bytes = 10000000";
/// Room for five.
const SMALL: &str =
    "policy = \"all\"\ncredit = 4\nreceipt_timeout_s = 1\nspool = \"spool\"\nspool_bytes = 2000000";
/// Makes the folder `spool` a disk of 2 MB that only the camera sees, and becomes the camera.
const SMALL_DISK: &str = "mount -t tmpfs -o size=2m spool spool && exec \"$0\" \"$@\"";
/// Time for many more frames than the spool takes.
const TOO_LONG: Duration = Duration::from_secs(4);

#[test]
fn full() {
    let mut rig = Rig::new("spool-full", Frames::Bfv, 80, Some(20), SMALL);
    without_a_viewer_for_too_long(&mut rig);
    rig.everything_arrived("spool full", 1);
}

/// Needs the right to mount a disk, of root or in a namespace; says so where it has none.
#[test]
fn on_a_full_disk() {
    let mut rig = Rig::new("spool-disk", Frames::Bfv, 80, Some(20), ROOMY);
    fs::create_dir(spool(&rig)).unwrap();
    let ways: [&[&str]; 2] = [
        &["unshare", "--mount", "sh", "-c", SMALL_DISK],
        &[
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            SMALL_DISK,
        ],
    ];
    let works = |way: &&&[&str]| {
        let mut tried = Command::new(way[0]);
        tried
            .args(&way[1..])
            .arg("true")
            .current_dir(rig.fleet.site().path());
        tried.output().is_ok_and(|output| output.status.success())
    };
    let Some(way) = ways.iter().find(works) else {
        eprintln!("skipped: there is no right to mount a small disk here");
        return;
    };
    rig.fleet.wrap(CAMERA, way);
    without_a_viewer_for_too_long(&mut rig);
    rig.everything_arrived("disk of the spool full", 1);
}

fn without_a_viewer_for_too_long(rig: &mut Rig) {
    rig.start();
    rig.wait_for_more(10);
    rig.still_streams();
    rig.fleet.kill(VIEWER);
    thread::sleep(TOO_LONG);
    rig.fleet.start(VIEWER);
}

fn spool(rig: &Rig) -> PathBuf {
    rig.fleet.site().path().join("spool")
}
