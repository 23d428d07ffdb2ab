//! The camera's spool: full, on a full disk, torn, and left behind by a camera that was killed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use e2e::fleet::BROKER;
use e2e::site::{CAMERA, VIEWER, WORKER};
use e2e::{PATIENCE, skipped};

use crate::rig::{Frames, Rig, number_before};

/// Room for 160 frames of 0.37 MB.
const ROOMY: &str = "policy = \"all\"\ncredit = 4\nreceipt_timeout_s = 1\nspool = \"spool\"\nspool_bytes = 60000000";
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
        skipped("there is no right to mount a small disk here");
        return;
    };
    rig.fleet.wrap(CAMERA, way);
    without_a_viewer_for_too_long(&mut rig);
    rig.everything_arrived("disk of the spool full", 1);
}

/// The camera dies with frames in its spool, and each run leaves more of them to the next.
#[test]
fn of_a_camera_that_is_killed() {
    const TRIES: u64 = 3;
    let mut rig = Rig::new("spool-killed", Frames::Bfv, 30, Some(20), ROOMY);
    rig.fleet.start(BROKER);
    let mut captured = 0;
    for _ in 0..TRIES {
        rig.fleet.start(CAMERA);
        let known = spooled(&rig).len();
        wait_until(|| spooled(&rig).len() >= known + 6);
        rig.fleet.kill(CAMERA);
        captured += (spooled(&rig).len() - known) as u64;
    }
    rig.fleet.start_all(&[VIEWER, WORKER, CAMERA]);
    rig.fleet.until_ended(CAMERA);
    rig.stop();
    // The last run had all of its own frames besides.
    captured += 30;
    let account = rig.account();
    let counted = (account.sessions, account.delivered, account.missing);
    assert_eq!(counted, (TRIES + 1, captured, 0));
    assert_eq!(spooled(&rig), Vec::<PathBuf>::new());
    rig.report("camera killed, with a spool", TRIES, captured, 0, &account);
}

/// The camera starts, and captures into its spool, before there is a broker.
#[test]
fn of_a_camera_that_starts_alone() {
    let mut rig = Rig::new("spool-alone", Frames::Bfv, 30, Some(20), ROOMY);
    rig.fleet.start(CAMERA);
    wait_until(|| spooled(&rig).len() >= 10);
    rig.still_streams();
    rig.fleet.start_all(&[BROKER, VIEWER, WORKER]);
    rig.everything_arrived("no broker when the camera starts", 1);
}

/// Of the frames that a killed camera left behind, some files are damaged.
#[test]
fn torn() {
    let mut rig = Rig::new("spool-torn", Frames::Bfv, 10, Some(20), ROOMY);
    rig.fleet.start_all(&[BROKER, CAMERA]);
    wait_until(|| spooled(&rig).len() == 10);
    rig.fleet.kill(CAMERA);
    let files = spooled(&rig);
    let half_written = fs::File::options().write(true).open(&files[2]).unwrap();
    half_written.set_len(100_000).unwrap();
    let empty = fs::File::create(&files[5]).unwrap();
    drop((half_written, empty));
    let mut changed = fs::read(&files[6]).unwrap();
    changed[200_000] ^= 1;
    fs::write(&files[6], changed).unwrap();
    fs::write(
        spool(&rig).join("0000000001-00000000000000000011.new"),
        "half a frame",
    )
    .unwrap();

    rig.fleet.start_all(&[VIEWER, WORKER, CAMERA]);
    rig.fleet.until_said(CAMERA, "camera stopped");
    let said = rig.fleet.said(CAMERA);
    let stopped = said.iter().find(|line| line.contains("camera stopped"));
    let counted = |what| number_before(stopped.unwrap(), what);
    assert_eq!([" recovered", " torn"].map(counted), [8, 3], "{stopped:?}");
    rig.fleet.until_ended(CAMERA);
    rig.stop();
    let account = rig.account();
    let counted = (account.sessions, account.delivered, account.missing);
    assert_eq!(counted, (2, 17, 3));
    assert_eq!(spooled(&rig), Vec::<PathBuf>::new());
    rig.report("files of the spool torn", 3, 20, 3, &account);
}

/// Waits for what happens by itself.
fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(5));
    }
}

/// The frames in the spool, in order.
fn spooled(rig: &Rig) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(spool(rig)) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut frames: Vec<PathBuf> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "frame")
        })
        .collect();
    frames.sort();
    frames
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
