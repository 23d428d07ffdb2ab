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
    let mut faults = vec![format!("{SEED}={seed}")];
    println!("{}", faults[0]);
    let mut rig = Rig::new("thousand", Frames::Bfv, FRAMES, Some(25), DELIVERY);
    let links = rig.proxies([CAMERA, WORKER, VIEWER]);
    rig.start();
    let mut minute: Option<Instant> = None;
    let mut tried = 0;
    while !rig.fleet.has_ended(CAMERA) {
        thread::sleep(chance.ms(500, 2500));
        if rig.fleet.has_ended(CAMERA) {
            break;
        }
        let began = minute.is_none() && rig.delivered() >= MINUTE_AFTER;
        if began {
            minute = Some(Instant::now());
            rig.fleet.kill(VIEWER);
            faults.push("viewer away for a minute".to_owned());
        } else {
            faults.push(random_fault(&mut rig, &links, &mut chance));
        }
        tried += 1;
        println!("{} frames: {}", rig.delivered(), faults[faults.len() - 1]);
        let is_over = minute.is_some_and(|began| began.elapsed() >= MINUTE);
        if is_over && !rig.fleet.runs(VIEWER) {
            rig.fleet.start(VIEWER);
        }
    }
    let minute = minute.expect("the viewer was never away");
    assert!(minute.elapsed() >= MINUTE, "the frames were over too early");
    rig.everything_arrived("1,000 frames, a random fault each few seconds", tried);
}

/// Makes one fault and mends it. The viewer is left alone while it is away.
fn random_fault(rig: &mut Rig, links: &[Proxy; 3], chance: &mut Chance) -> String {
    let link = chance.below(3) as usize;
    let (proxy, of) = (&links[link], [CAMERA, WORKER, VIEWER][link]);
    let lasts = chance.ms(300, 2000);
    let flow = match chance.below(9) {
        0 => {
            rig.fleet.kill(BROKER);
            thread::sleep(lasts);
            rig.fleet.start(BROKER);
            return format!("broker away for {lasts:?}");
        }
        node @ (1 | 2) => {
            let node = [WORKER, VIEWER][node as usize - 1];
            if !rig.fleet.runs(node) {
                return format!("{node} is away already");
            }
            rig.fleet.kill(node);
            thread::sleep(lasts);
            rig.fleet.start(node);
            return format!("{node} away for {lasts:?}");
        }
        3 => {
            let node = chance.of(&[BROKER, WORKER, CAMERA]);
            rig.fleet.pause(node);
            thread::sleep(lasts);
            rig.fleet.resume(node);
            return format!("{node} stands still for {lasts:?}");
        }
        4 => {
            let how = chance.of(&[Cut::Close, Cut::Reset]);
            proxy.cut(how);
            return format!("link of {of} cut: {how:?}");
        }
        5 => {
            proxy.close();
            thread::sleep(lasts);
            proxy.open();
            return format!("link of {of} closed for {lasts:?}");
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
    format!("link of {of} {ways:?} {flow:?} for {lasts:?}")
}
