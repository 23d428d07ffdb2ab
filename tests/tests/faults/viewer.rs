//! The viewer dies, or is away.

use std::thread;
use std::time::Duration;

use e2e::site::VIEWER;

use crate::rig::{ALL, Frames, LATEST, Rig};

/// A minute, ten times faster: receipts are waited for 1 s at first instead of 60. A true minute is in the run of a
/// thousand frames.
const A_SHORT_MINUTE: Duration = Duration::from_secs(6);

#[test]
fn killed_again_and_again() {
    const TRIES: u64 = 4;
    let mut rig = Rig::new("viewer-dies", Frames::Plain, 300, Some(50), ALL);
    rig.start();
    for _ in 0..TRIES {
        rig.wait_for_more(40);
        rig.still_streams();
        rig.fleet.kill(VIEWER);
        rig.fleet.start(VIEWER);
    }
    rig.everything_arrived("viewer killed", TRIES);
}

#[test]
fn away_for_a_short_minute() {
    let mut rig = Rig::new("viewer-away", Frames::Bfv, 60, Some(10), ALL);
    rig.start();
    rig.wait_for_more(10);
    rig.still_streams();
    rig.fleet.kill(VIEWER);
    thread::sleep(A_SHORT_MINUTE);
    rig.fleet.start(VIEWER);
    rig.everything_arrived("viewer away for 6 s", 1);
}

#[test]
fn with_policy_latest_what_is_left_out_is_counted() {
    let mut rig = Rig::new("viewer-latest", Frames::Bfv, 120, Some(10), LATEST);
    rig.start();
    rig.wait_for_more(10);
    rig.still_streams();
    rig.fleet.kill(VIEWER);
    thread::sleep(A_SHORT_MINUTE);
    rig.fleet.start(VIEWER);
    let account = rig.finish("viewer away for 6 s, policy latest", 1);
    // The live picture goes on, and does not catch up.
    assert!(account.dropped + account.missing > 20, "{account:?}");
}
