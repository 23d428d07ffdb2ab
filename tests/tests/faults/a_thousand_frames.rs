//! A thousand frames, a random fault each few seconds, and one true minute without the viewer.

use std::env;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use e2e::fleet::BROKER;
use e2e::proxy::{Cut, Flow, Proxy, Way};
use e2e::site::{CAMERA, VIEWER, WORKER};

use crate::rig::{Frames, Rig};

const FRAMES: u64 = 1000;
/// After so many frames in the log the viewer is away for a minute.
const MINUTE_AFTER: u64 = 300;
const MINUTE: Duration = Duration::from_secs(60);
/// Many times what it takes: a stream that stands still for good is what this test looks for.
const PLENTY: Duration = Duration::from_secs(900);
/// Makes the faults of an earlier run again.
const SEED: &str = "BLINDSIGHT_FAULT_SEED";
/// The spool has room for 400 frames, less than the camera could take in a minute and the rest.
const DELIVERY: &str = "policy = \"all\"\ncredit = 4\nreceipt_timeout_s = 1\nspool = \"spool\"\nspool_bytes = 150000000";

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn of<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len() as u64) as usize]
    }

    fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

fn seed() -> u64 {
    match env::var(SEED) {
        Ok(seed) => seed.parse().expect(SEED),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    }
}

#[test]
fn with_a_random_fault_each_few_seconds() {
    let seed = seed();
    let mut chance = Chance(seed);
    println!("{SEED}={seed}");
    let mut faults = Vec::new();
    let mut rig = Rig::new("thousand", Frames::Bfv, FRAMES, Some(25), DELIVERY);
    let links = rig.proxies([CAMERA, WORKER, VIEWER]);
    rig.start();
    let mut minute: Option<Instant> = None;
    let started = Instant::now();
    while !rig.fleet.has_ended(CAMERA) {
        let delivered = rig.delivered();
        assert!(started.elapsed() < PLENTY, "{delivered} of {FRAMES} frames");
        thread::sleep(chance.ms(500, 2500));
        if rig.fleet.has_ended(CAMERA) {
            break;
        }
        let began = minute.is_none() && rig.delivered() >= MINUTE_AFTER;
        if began {
            minute = Some(Instant::now());
            rig.fleet.kill(VIEWER);
            faults.push("viewer away for a minute".to_owned());
        } else if let Some(fault) = random_fault(&mut rig, &links, &mut chance) {
            faults.push(fault);
        }
        println!("{} frames: {:?}", rig.delivered(), faults.last());
        let is_over = minute.is_some_and(|began| began.elapsed() >= MINUTE);
        if is_over && !rig.fleet.runs(VIEWER) {
            rig.fleet.start(VIEWER);
        }
    }
    let minute = minute.expect("the viewer was never away");
    assert!(minute.elapsed() >= MINUTE, "the frames were over too early");
    let tried = faults.len() as u64;
    rig.everything_arrived("1,000 frames, a random fault each few seconds", tried);
}

/// Makes one fault, mends it and says which. The viewer is left alone while it is away.
fn random_fault(rig: &mut Rig, links: &[Proxy; 3], chance: &mut Chance) -> Option<String> {
    let link = chance.below(3) as usize;
    let (proxy, of) = (&links[link], [CAMERA, WORKER, VIEWER][link]);
    let lasts = chance.ms(300, 2000);
    let flow = match chance.below(9) {
        0 => {
            rig.fleet.kill(BROKER);
            thread::sleep(lasts);
            rig.fleet.start(BROKER);
            return Some(format!("broker away for {lasts:?}"));
        }
        node @ (1 | 2) => {
            let node = [WORKER, VIEWER][node as usize - 1];
            if !rig.fleet.runs(node) {
                return None;
            }
            rig.fleet.kill(node);
            thread::sleep(lasts);
            rig.fleet.start(node);
            return Some(format!("{node} away for {lasts:?}"));
        }
        3 => {
            let node = chance.of(&[BROKER, WORKER, CAMERA]);
            rig.fleet.pause(node);
            thread::sleep(lasts);
            rig.fleet.resume(node);
            return Some(format!("{node} stands still for {lasts:?}"));
        }
        4 => {
            let how = chance.of(&[Cut::Close, Cut::Reset]);
            proxy.cut(how);
            return Some(format!("link of {of} cut: {how:?}"));
        }
        5 => {
            proxy.close();
            thread::sleep(lasts);
            proxy.open();
            return Some(format!("link of {of} closed for {lasts:?}"));
        }
        6 => Flow::Delay(chance.ms(50, 500)),
        7 => Flow::Trickle {
            bytes_per_s: 100_000,
        },
        _ => Flow::Truncate {
            after: chance.below(400_000),
        },
    };
    let ways: &[Way] = chance.of(&[&[Way::Forth][..], &[Way::Back], &[Way::Forth, Way::Back]]);
    for way in ways {
        proxy.set(*way, flow);
    }
    thread::sleep(lasts);
    proxy.set_both(Flow::Pass);
    Some(format!("link of {of} {ways:?} {flow:?} for {lasts:?}"))
}
