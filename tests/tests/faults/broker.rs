//! The broker dies, or stands still.

use std::thread;
use std::time::Duration;

use e2e::fleet::BROKER;
use e2e::proxy::{Flow, Way};
use e2e::site::CAMERA;

use crate::rig::{ALL, Frames, Rig};

#[test]
fn killed_and_started_again_mid_frame() {
    const TRIES: u64 = 3;
    let mut rig = Rig::new("broker-killed", Frames::BfvTiles, 20, None, ALL);
    let [proxy] = rig.proxies([CAMERA]);
    rig.start();
    for _ in 0..TRIES {
        rig.wait_for_more(2);
        // A frame has 1.47 MB: after 0.6 MB, at a rate at which it takes more than a second, it is half sent.
        let slow = Flow::Trickle {
            bytes_per_s: 1_000_000,
        };
        proxy.set(Way::Forth, slow);
        proxy.wait_for_passed(Way::Forth, 600_000);
        rig.still_streams();
        rig.fleet.kill(BROKER);
        proxy.set(Way::Forth, Flow::Pass);
        rig.fleet.start(BROKER);
    }
    rig.everything_arrived("broker killed and started again mid-frame", TRIES);
}

#[test]
fn away_for_seconds() {
    const TRIES: u64 = 2;
    let mut rig = Rig::new("broker-away", Frames::Plain, 150, Some(30), ALL);
    rig.start();
    for _ in 0..TRIES {
        rig.wait_for_more(20);
        rig.still_streams();
        rig.fleet.kill(BROKER);
        thread::sleep(Duration::from_secs(3));
        rig.fleet.start(BROKER);
    }
    rig.everything_arrived("broker away for 3 s", TRIES);
}

#[test]
fn stopped_where_it_stands() {
    const TRIES: u64 = 2;
    let mut rig = Rig::new("broker-stopped", Frames::Plain, 150, Some(30), ALL);
    rig.start();
    for _ in 0..TRIES {
        rig.wait_for_more(20);
        rig.still_streams();
        rig.fleet.pause(BROKER);
        thread::sleep(Duration::from_secs(3));
        rig.fleet.resume(BROKER);
    }
    rig.everything_arrived("broker stands still for 3 s", TRIES);
}
