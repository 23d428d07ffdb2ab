//! The worker dies, or stands still.

use std::thread;
use std::time::Duration;

use e2e::proxy::{Flow, Way};
use e2e::site::WORKER;

use crate::rig::{ALL, Frames, Rig};

/// Long enough for a tile of scheme `tfhe` to be taken up, and much shorter than its pooling.
const TAKEN_UP: Duration = Duration::from_millis(100);

#[test]
fn killed_mid_tile() {
    const TRIES: u64 = 2;
    let mut rig = Rig::new("worker-killed", Frames::Tfhe, 14, None, ALL);
    let [proxy] = rig.proxies([WORKER]);
    rig.start();
    for _ in 0..TRIES {
        rig.wait_for_more(1);
        rig.still_streams();
        // What the worker has is done meanwhile; the next tile comes when it has nothing else to do.
        proxy.set(Way::Back, Flow::Stall);
        thread::sleep(Duration::from_secs(2));
        proxy.set(Way::Back, Flow::Pass);
        proxy.wait_for_passed(Way::Back, 5_000);
        thread::sleep(TAKEN_UP);
        rig.fleet.kill(WORKER);
        rig.fleet.start(WORKER);
    }
    rig.everything_arrived("worker killed mid-tile", TRIES);
}

#[test]
fn killed_again_and_again() {
    const TRIES: u64 = 4;
    let mut rig = Rig::new("worker-dies", Frames::Bfv, 80, None, ALL);
    rig.start();
    for _ in 0..TRIES {
        rig.wait_for_more(10);
        rig.still_streams();
        rig.fleet.kill(WORKER);
        rig.fleet.start(WORKER);
    }
    rig.everything_arrived("worker killed", TRIES);
}

#[test]
fn stopped_where_it_stands() {
    const TRIES: u64 = 2;
    let mut rig = Rig::new("worker-stopped", Frames::Bfv, 80, None, ALL);
    rig.start();
    for _ in 0..TRIES {
        rig.wait_for_more(20);
        rig.still_streams();
        rig.fleet.pause(WORKER);
        thread::sleep(Duration::from_secs(3));
        rig.fleet.resume(WORKER);
    }
    rig.everything_arrived("worker stands still for 3 s", TRIES);
}
