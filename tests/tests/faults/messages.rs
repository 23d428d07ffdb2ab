//! A broker that mistreats messages: frames on their way to the worker, maps on theirs to the viewer, and receipts on
//! theirs to the camera.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use e2e::bus::Message;
use e2e::fleet::BROKER;
use e2e::site::{CAMERA, VIEWER, WORKER};
use tokio::runtime::Runtime;
use wire::role::NodeRole;
use wire::topic::Topic;

use crate::relay::{Conduct, PACKET_BYTES, Relay};
use crate::rig::{ALL, Frames, Rig};

/// The broker of the worker.
const FAR: &str = "broker-far";
/// The broker of the viewer. The remaining one is the camera's.
const LAST: &str = "broker-last";
/// Enrolled, and silent.
const OTHER_CAMERA: &str = "yard";

/// How often a conduct did what it is for.
#[derive(Clone, Default)]
struct Tries(Arc<AtomicU64>);

impl Tries {
    fn count(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// Sends `frames` frames through a relay on each way, has `meanwhile` happen, and wants all of them delivered. Gives what
/// the three nodes have said.
fn mistreat(
    fault: &'static str,
    name: &str,
    frames: u64,
    conduct: impl Fn(Tries) -> Conduct,
    meanwhile: impl FnOnce(&mut Rig),
) -> Vec<String> {
    let runtime = Runtime::new().unwrap();
    let mut rig = Rig::new(name, Frames::Plain, frames, Some(30), ALL);
    rig.fleet.site_mut().enroll(OTHER_CAMERA, NodeRole::Camera);
    let packets = format!("max_packet_bytes = {PACKET_BYTES}");
    let near = rig.fleet.add_broker(BROKER, &packets);
    let far = rig.fleet.add_broker(FAR, &packets);
    let last = rig.fleet.add_broker(LAST, &packets);
    let scheme = rig.plan.scheme;
    rig.fleet.add_worker(WORKER, scheme, far, "");
    rig.fleet.add_viewer(VIEWER, scheme, last, "");
    rig.fleet.start_all(&[BROKER, FAR, LAST]);
    let tries = Tries::default();
    let site = rig.fleet.site();
    let relays = runtime.block_on(async {
        let (frames, maps) = (Topic::all_frames(site.name()), Topic::all_maps(site.name()));
        let receipts = Topic::Receipt {
            site: site.name().clone(),
            camera: CAMERA.parse().unwrap(),
        };
        let receipts = receipts.to_string();
        [
            Relay::start(site, (near, far), &frames, conduct(tries.clone())).await,
            Relay::start(site, (far, last), &maps, conduct(tries.clone())).await,
            Relay::start(site, (last, near), &receipts, conduct(tries.clone())).await,
        ]
    });
    rig.fleet.start_all(&[VIEWER, WORKER, CAMERA]);
    meanwhile(&mut rig);
    rig.fleet.until_said(CAMERA, "camera stopped");
    drop(relays);
    let said = [CAMERA, WORKER, VIEWER]
        .map(|node| rig.fleet.said(node))
        .concat();
    let tried = tries.0.load(Ordering::SeqCst);
    assert!(tried > 0, "nothing was mistreated");
    rig.everything_arrived(fault, tried);
    said
}

fn nothing_else(_: &mut Rig) {}

const RECEIVERS: [&str; 3] = ["pooling_worker", "viewer", "camera_node"];

/// These refuse messages, each in a line that holds `reason`.
fn refused(said: &[String], receivers: &[&str], reason: &str) {
    for receiver in receivers {
        let line = said.iter().find(|line| {
            line.contains(receiver) && line.contains("refused") && line.contains(reason)
        });
        assert!(
            line.is_some(),
            "{receiver} has refused nothing as {reason:?}:\n{}",
            said.join("\n")
        );
    }
}

/// Pseudo-random numbers, the same in each run.
fn mixed(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
}

fn flipped(bytes: &Bytes, place: u64) -> Bytes {
    let mut bytes = bytes.to_vec();
    let place = (place % bytes.len() as u64) as usize;
    bytes[place] ^= 1 << (place % 8);
    bytes.into()
}

#[test]
fn duplicated() {
    let conduct = |tries: Tries| -> Conduct {
        Box::new(move |message| {
            let Some(message) = message else {
                return Vec::new();
            };
            tries.count();
            vec![message.clone(), message]
        })
    };
    mistreat(
        "messages duplicated",
        "duplicated",
        60,
        conduct,
        nothing_else,
    );
}

/// Four at a time, the last one first.
#[test]
fn reordered() {
    let conduct = |tries: Tries| -> Conduct {
        let mut held: Vec<Message> = Vec::new();
        Box::new(move |message| {
            let silence = message.is_none();
            held.extend(message);
            if !silence && held.len() < 4 {
                return Vec::new();
            }
            if held.len() > 1 {
                tries.count();
            }
            held.drain(..).rev().collect()
        })
    };
    mistreat("messages reordered", "reordered", 60, conduct, nothing_else);
}

/// Every eleventh one is lost, the first one too.
#[test]
fn lost() {
    let conduct = |tries: Tries| -> Conduct {
        let mut place = 0;
        Box::new(move |message| {
            let lost = message.is_some() && place % 11 == 0;
            place += u64::from(message.is_some());
            if lost {
                tries.count();
                return Vec::new();
            }
            message.into_iter().collect()
        })
    };
    mistreat("messages lost", "lost", 30, conduct, nothing_else);
}

/// After each one comes an older one. The viewer is killed meanwhile: it must not have forgotten what it had.
#[test]
fn replayed() {
    let conduct = |tries: Tries| -> Conduct {
        let mut known: VecDeque<Message> = VecDeque::new();
        Box::new(move |message| {
            let Some(message) = message else {
                return Vec::new();
            };
            known.push_back(message.clone());
            let old = mixed(tries.count()) % known.len() as u64;
            vec![message, known[old as usize].clone()]
        })
    };
    let restart = |rig: &mut Rig| {
        for _ in 0..2 {
            rig.wait_for_more(20);
            rig.still_streams();
            rig.fleet.kill(VIEWER);
            rig.fleet.start(VIEWER);
        }
    };
    mistreat(
        "messages replayed, viewer killed",
        "replayed",
        100,
        conduct,
        restart,
    );
}

/// A bit of every eleventh one is turned over, anywhere in it.
#[test]
fn tampered() {
    let conduct = |tries: Tries| -> Conduct {
        let mut place = 0;
        Box::new(move |message| {
            let Some(mut message) = message else {
                return Vec::new();
            };
            place += 1;
            if place % 11 == 1 {
                message.bytes = flipped(&message.bytes, mixed(tries.count()));
            }
            vec![message]
        })
    };
    let said = mistreat(
        "messages tampered with",
        "tampered",
        30,
        conduct,
        nothing_else,
    );
    refused(&said, &RECEIVERS, "");
}

/// Every eleventh one ends too early.
#[test]
fn cut_short() {
    let conduct = |tries: Tries| -> Conduct {
        let mut place = 0;
        Box::new(move |message| {
            let Some(mut message) = message else {
                return Vec::new();
            };
            place += 1;
            if place % 11 == 1 {
                let left = mixed(tries.count()) % message.bytes.len() as u64;
                message.bytes.truncate(left as usize);
            }
            vec![message]
        })
    };
    let said = mistreat("messages cut short", "short", 30, conduct, nothing_else);
    refused(&said, &RECEIVERS, "");
}

/// Before each one comes noise.
#[test]
fn garbage() {
    let conduct = |tries: Tries| -> Conduct {
        Box::new(move |message| {
            let Some(message) = message else {
                return Vec::new();
            };
            let seed = tries.count();
            let noise = (0..mixed(seed) % 2000).map(|place| mixed(seed + place) as u8);
            let noise = Message {
                bytes: noise.collect(),
                ..message.clone()
            };
            vec![noise, message]
        })
    };
    let said = mistreat(
        "garbage between messages",
        "garbage",
        60,
        conduct,
        nothing_else,
    );
    refused(&said, &RECEIVERS, "not an envelope");
}

/// Some are followed by one that is larger than a node takes: it hangs up, and loses what comes until it is back.
#[test]
fn oversize() {
    const LARGE: usize = 6 << 20;
    let conduct = |tries: Tries| -> Conduct {
        let mut place = 0;
        Box::new(move |message| {
            let Some(message) = message else {
                return Vec::new();
            };
            place += 1;
            if place % 10 != 5 || place > 40 {
                return vec![message];
            }
            tries.count();
            let large = Message {
                bytes: vec![7; LARGE].into(),
                ..message.clone()
            };
            vec![large, message]
        })
    };
    mistreat(
        "messages larger than a node takes",
        "oversize",
        60,
        conduct,
        nothing_else,
    );
}

/// Each one comes on another camera's topic too.
#[test]
fn of_another_camera() {
    let conduct = |tries: Tries| -> Conduct {
        Box::new(move |message| {
            let Some(message) = message else {
                return Vec::new();
            };
            tries.count();
            let elsewhere = message.topic.replace(CAMERA, OTHER_CAMERA);
            let elsewhere = Message {
                topic: elsewhere,
                ..message.clone()
            };
            vec![elsewhere, message]
        })
    };
    let fault = "messages on another camera's topic";
    let said = mistreat(fault, "cross", 60, conduct, nothing_else);
    // A camera hears its own topic only.
    refused(&said, &RECEIVERS[..2], "topic");
}
