//! The network between the broker and each of the others: cut, delayed, trickling, truncated, silent.

use std::thread;
use std::time::Duration;

use e2e::proxy::{Cut, Flow, Proxy, Way};
use e2e::site::{CAMERA, VIEWER, WORKER};

use crate::rig::{ALL, Frames, Rig};

/// Frames that have to arrive after each fault, before the next one.
const BETWEEN: u64 = 5;

/// Does something to one link after the other, and then again, while frames of 0.37 MB are sent.
fn on_each_link(fault: &'static str, name: &str, frames: u64, misfortunes: &[&dyn Fn(&Proxy)]) {
    let mut rig = Rig::new(name, Frames::Bfv, frames, Some(20), ALL);
    let links = rig.proxies([CAMERA, WORKER, VIEWER]);
    rig.start();
    for misfortune in misfortunes {
        for link in &links {
            rig.wait_for_more(BETWEEN);
            rig.still_streams();
            misfortune(link);
            link.set_both(Flow::Pass);
            link.open();
        }
    }
    let tried = links.len() * misfortunes.len();
    rig.everything_arrived(fault, tried as u64);
}

/// Both ways of a link flow like that for a while.
fn flows(flow: Flow, lasts: Duration) -> impl Fn(&Proxy) {
    move |link| {
        link.set_both(flow);
        thread::sleep(lasts);
    }
}

#[test]
fn cut() {
    let closed = |link: &Proxy| link.cut(Cut::Close);
    let reset = |link: &Proxy| link.cut(Cut::Reset);
    let away = |link: &Proxy| {
        link.close();
        thread::sleep(Duration::from_millis(1500));
    };
    let name = "network-cut";
    on_each_link("network cut", name, 150, &[&closed, &reset, &away]);
}

#[test]
fn delayed() {
    let late = Flow::Delay(Duration::from_millis(400));
    let late = flows(late, Duration::from_secs(3));
    on_each_link("network delayed by 0.4 s", "network-delayed", 120, &[&late]);
}

/// A frame takes nearly four seconds, four times the time after which it is sent again.
#[test]
fn trickling() {
    let slow = Flow::Trickle {
        bytes_per_s: 100_000,
    };
    let slow = flows(slow, Duration::from_secs(5));
    on_each_link(
        "network trickling, 0.1 MB/s",
        "network-trickle",
        100,
        &[&slow],
    );
}

/// No connection gets a whole tile through, neither of a frame nor of a map.
#[test]
fn truncated() {
    let part = Flow::Truncate { after: 20_000 };
    let part = flows(part, Duration::from_secs(2));
    on_each_link(
        "network truncated mid-tile",
        "network-truncated",
        120,
        &[&part],
    );
}

/// Long enough for a connection to be given up, which is after two keep-alive times without an answer.
#[test]
fn silent() {
    let silent = flows(Flow::Stall, Duration::from_secs(12));
    on_each_link("network silent for 12 s", "network-silent", 60, &[&silent]);
}

/// Half a connection: what a node says arrives, and it hears nothing; then the other way round.
#[test]
fn one_way() {
    let one_way = |way: Way| {
        move |link: &Proxy| {
            link.set(way, Flow::Stall);
            thread::sleep(Duration::from_secs(3));
        }
    };
    let (deaf, dumb) = (one_way(Way::Back), one_way(Way::Forth));
    on_each_link(
        "network one way for 3 s",
        "network-one-way",
        120,
        &[&deaf, &dumb],
    );
}
