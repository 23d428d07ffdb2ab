//! A site that streams a known number of frames, and the account at its end.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cipherframe::SchemeId;
use e2e::PATIENCE;
use e2e::fleet::{BROKER, CameraPlan, Fleet};
use e2e::proxy::Proxy;
use e2e::site::{CAMERA, VIEWER, WORKER};
use image::{GrayImage, Luma};

use crate::account::{Account, account, read};
use crate::table::{Row, report};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// `[delivery]` of a camera that delivers every frame.
pub(crate) const ALL: &str = "policy = \"all\"\ncredit = 4\nreceipt_timeout_s = 1";
/// `[delivery]` of a camera that skips what it has no room for.
pub(crate) const LATEST: &str = "policy = \"latest\"\ncredit = 4\nreceipt_timeout_s = 1";

/// What the frames of a camera are. Small, for speed: what is tested is how they travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    /// Scheme `plain`: one tile of 1 KB.
    Plain,
    /// Scheme `bfv`: one tile of 0.37 MB.
    Bfv,
    /// Scheme `bfv`: four tiles of 0.37 MB.
    BfvTiles,
    /// Scheme `tfhe`: one tile, which a worker has in its hands for a second or so.
    Tfhe,
}

impl Frames {
    fn stream(self) -> (SchemeId, &'static str) {
        match self {
            Self::Plain => (SchemeId::Plain, "size = \"32x32\"\nbits = 8"),
            Self::Bfv => (SchemeId::Bfv, "size = \"32x32\"\nlevels = [8, 20, 45]"),
            Self::BfvTiles => (SchemeId::Bfv, "size = \"64x64\"\nbits = 4"),
            Self::Tfhe => (SchemeId::Tfhe, "size = \"6x4\"\nbits = 4"),
        }
    }
}

/// Broker, worker, viewer and camera, with frames to send.
pub(crate) struct Rig {
    pub(crate) fleet: Fleet,
    pub(crate) plan: CameraPlan,
    /// Whether the times in the viewer's log say how long something took.
    pub(crate) clock_is_right: bool,
    frames: u64,
}

impl Rig {
    /// A site whose camera sends `frames` frames, at most `fps` of them in a second, and ends. Nothing runs yet.
    pub(crate) fn new(
        name: &str,
        kind: Frames,
        frames: u64,
        fps: Option<u32>,
        delivery: &str,
    ) -> Self {
        let mut fleet = Fleet::new(name);
        draw(&fleet.site().path().join("frames"), frames);
        let (scheme, stream) = kind.stream();
        let fps = fps.map_or(String::new(), |fps| format!("fps = {fps}.0"));
        let plan = CameraPlan {
            source: format!("folder = \"frames\"\n{fps}"),
            scheme,
            stream: stream.to_owned(),
            delivery: delivery.to_owned(),
        };
        fleet.add_line(&plan);
        Self {
            fleet,
            plan,
            clock_is_right: true,
            frames,
        }
    }

    /// Puts a proxy between each of these nodes and the broker.
    pub(crate) fn proxies<const N: usize>(&mut self, nodes: [&str; N]) -> [Proxy; N] {
        let (broker, plan) = (self.fleet.broker(), self.plan.clone());
        nodes.map(|node| {
            let proxy = Proxy::start(broker);
            let (fleet, address) = (&mut self.fleet, proxy.address());
            match node {
                CAMERA => fleet.add_camera(node, address, &plan),
                VIEWER => fleet.add_viewer(node, plan.scheme, address, ""),
                _ => fleet.add_worker(node, plan.scheme, address, ""),
            }
            proxy
        })
    }

    /// Starts everything, the camera last.
    pub(crate) fn start(&mut self) {
        self.fleet.start_all(&[BROKER, VIEWER, WORKER, CAMERA]);
    }

    /// Frames in the viewer's log so far.
    pub(crate) fn delivered(&self) -> u64 {
        read(&self.fleet.out(VIEWER)).len() as u64
    }

    /// Waits until `count` more frames are in the viewer's log.
    pub(crate) fn wait_for_more(&self, count: u64) {
        let (began, wanted) = (Instant::now(), self.delivered() + count);
        while self.delivered() < wanted {
            let delivered = self.delivered();
            assert!(began.elapsed() < PATIENCE, "{delivered} of {wanted} frames");
            thread::sleep(LOOK_EVERY);
        }
    }

    /// A fault that comes after the last frame would prove nothing.
    pub(crate) fn still_streams(&mut self) {
        let said = self.fleet.said(CAMERA);
        let stopped = said.iter().find(|line| line.contains("camera stopped"));
        assert_eq!(stopped, None, "the frames were over before the faults");
    }

    /// Waits for the camera's end, ends everything else, checks that every frame was delivered, and reports.
    pub(crate) fn everything_arrived(self, fault: &'static str, tried: u64) -> Account {
        let frames = self.frames;
        let account = self.finish(fault, tried);
        let counted = (account.delivered, account.missing, account.dropped);
        assert_eq!(counted, (frames, 0, 0));
        account
    }

    /// Waits for the camera's end, ends everything else, checks that every frame is accounted for, and reports.
    pub(crate) fn finish(mut self, fault: &'static str, tried: u64) -> Account {
        self.fleet.until_ended(CAMERA);
        self.stop();
        let account = self.account();
        let said = self.fleet.said(CAMERA);
        let stopped = said.iter().find(|line| line.contains("camera stopped"));
        let stopped = stopped.expect("a last line of the camera");
        let counted = |what| number_before(stopped, what);
        let [captured, dropped] = [" frames captured", " dropped"].map(counted);
        let [sent, given_up] = [" sent,", " given up"].map(counted);
        assert_eq!(captured, self.frames, "{stopped}");
        assert_eq!(captured, sent + dropped, "{stopped}");
        // A receipt that was lost makes a frame count as given up that did arrive.
        assert!(
            account.delivered + given_up >= sent,
            "{account:?} {stopped}"
        );
        // What the viewer's log says is left out, the camera has counted.
        assert!(account.dropped <= dropped, "{account:?} {stopped}");
        assert!(account.missing <= given_up, "{account:?} {stopped}");
        self.report(fault, tried, captured, dropped + given_up, &account);
        account
    }

    /// What the viewer's log accounts for. It must keep the promise.
    pub(crate) fn account(&self) -> Account {
        let lines = read(&self.fleet.out(VIEWER));
        account(&lines, CAMERA).unwrap_or_else(|broken| panic!("{broken}"))
    }

    /// Adds a row to the table.
    pub(crate) fn report(
        &mut self,
        fault: &'static str,
        tried: u64,
        captured: u64,
        drops: u64,
        account: &Account,
    ) {
        report(Row {
            fault,
            tried,
            captured,
            delivered: account.delivered,
            drops,
            duplicates: self.duplicates(),
            longest_gap: self.clock_is_right.then_some(account.longest_gap),
        });
    }

    /// Ends all that still runs, in good order; the brokers last. Nothing may have panicked.
    pub(crate) fn stop(&mut self) {
        let (brokers, others): (Vec<_>, Vec<_>) = self
            .fleet
            .nodes()
            .into_iter()
            .filter(|node| self.fleet.runs(node))
            .partition(|node| node.starts_with(BROKER));
        for node in others.into_iter().chain(brokers) {
            self.fleet.stop(&node);
        }
        for node in self.fleet.nodes() {
            let said = self.fleet.said(&node);
            let panicked = said.iter().find(|line| line.contains("panicked"));
            assert_eq!(panicked, None, "{node}");
        }
    }

    /// Tiles that came to the viewer again, as far as it lived to tell.
    fn duplicates(&mut self) -> u64 {
        let said = self.fleet.said(VIEWER);
        let stopped = said.iter().filter(|line| line.contains("viewer stopped"));
        stopped.map(|line| number_before(line, " repeated")).sum()
    }
}

/// The number that stands before `word`.
pub(crate) fn number_before(line: &str, word: &str) -> u64 {
    let before = line.split(word).next().unwrap_or_default();
    let number = before.rsplit(|c: char| !c.is_ascii_digit()).next();
    let number = number.and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("no number before {word:?} in {line}"))
}

/// Writes `count` small pictures, no two of them alike in sequence.
fn draw(folder: &Path, count: u64) {
    fs::create_dir(folder).unwrap();
    for number in 0..count {
        let seed = number as u32 * 59;
        let grey = |x: u32, y: u32| (x * 73 + y * 151 + seed).wrapping_mul(2_654_435_761) >> 23;
        let picture = GrayImage::from_fn(32, 32, |x, y| Luma([grey(x, y) as u8]));
        picture
            .save(folder.join(format!("{number:04}.png")))
            .unwrap();
    }
}
