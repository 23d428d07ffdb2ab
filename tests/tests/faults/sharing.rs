//! Two workers, one of which dies.

use e2e::fleet::BROKER;
use e2e::site::{CAMERA, VIEWER, WORKER};
use wire::role::NodeRole;

use crate::rig::{ALL, Frames, Rig};

const OTHER: &str = "worker-b";

fn one_of_two_dies(fault: &'static str, name: &str, pool: &str) {
    const TRIES: u64 = 3;
    let mut rig = Rig::new(name, Frames::Bfv, 120, Some(30), ALL);
    let (scheme, broker) = (rig.plan.scheme, rig.fleet.broker());
    rig.fleet.site_mut().enroll(OTHER, NodeRole::Worker);
    for worker in [WORKER, OTHER] {
        rig.fleet.add_worker(worker, scheme, broker, pool);
    }
    rig.fleet.start_all(&[BROKER, VIEWER, WORKER, OTHER]);
    for worker in [WORKER, OTHER] {
        rig.fleet.until_subscribed(worker);
    }
    rig.fleet.start(CAMERA);
    for worker in [WORKER, OTHER, WORKER].into_iter().take(TRIES as usize) {
        rig.wait_for_more(20);
        rig.still_streams();
        rig.fleet.kill(worker);
        rig.wait_for_more(10);
        rig.fleet.start(worker);
    }
    rig.everything_arrived(fault, TRIES);
}

#[test]
fn that_share_the_stream() {
    let fault = "one of two workers killed, sharing the stream";
    one_of_two_dies(fault, "workers-share", "share = \"pool\"");
}

#[test]
fn that_both_pool_everything() {
    let fault = "one of two workers killed, both pooling everything";
    one_of_two_dies(fault, "workers-double", "");
}
