//! What a node serves: its pages, and the metrics on one of them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::PATIENCE;
use crate::node_process::NodeProcess;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where a node that has just been started serves its pages.
pub fn served_by(node: &mut NodeProcess) -> SocketAddr {
    let line = node.wait_for("metrics and health are served");
    let listen = line.rsplit("listen=").next().unwrap();
    listen.trim().parse().unwrap()
}

/// Status and body of a page.
pub fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Asks for a page until its status and body are as wanted.
pub fn wait_for(address: SocketAddr, path: &str, wanted: impl Fn(u16, &str) -> bool) {
    let began = Instant::now();
    loop {
        let (status, body) = get(address, path);
        if wanted(status, &body) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{path} stays {status}: {body}");
        thread::sleep(LOOK_EVERY);
    }
}

/// A page of metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// The type of each metric, by its name as its samples have it: counters end with `_total`.
    pub types: BTreeMap<String, String>,
    /// The samples, by name and labels, as they stand on the page.
    pub samples: BTreeMap<String, f64>,
}

impl Metrics {
    /// Those that a node serves now.
    pub fn of(address: SocketAddr) -> Self {
        let (status, page) = get(address, "/metrics");
        assert_eq!(status, 200);
        Self::parse(&page)
    }

    /// Reads a page of OpenMetrics text, strictly.
    pub fn parse(page: &str) -> Self {
        let page = page.strip_suffix("# EOF\n").expect("the end is missing");
        let mut metrics = Self::default();
        let mut helped = None;
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(help.ends_with('.'), "{line}");
                helped = Some(name);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(helped, Some(name), "{line}");
                let suffix = match kind {
                    "counter" => "_total",
                    "info" => "_info",
                    "gauge" => "",
                    _ => panic!("{line}"),
                };
                let known = metrics
                    .types
                    .insert(format!("{name}{suffix}"), kind.to_owned());
                assert_eq!(known, None, "{line}");
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                assert!(metrics.types.contains_key(name), "{line}");
                let known = metrics
                    .samples
                    .insert(series.to_owned(), value.parse().unwrap());
                assert_eq!(known, None, "{line}");
            }
        }
        metrics
    }

    /// The value of a sample.
    pub fn value(&self, series: &str) -> f64 {
        *self
            .samples
            .get(series)
            .unwrap_or_else(|| panic!("no {series} in {:#?}", self.samples))
    }
}

/// Waits until a sample of `address` is at least `least`.
pub fn wait_for_metric(address: SocketAddr, series: &str, least: f64) {
    let began = Instant::now();
    while Metrics::of(address).value(series) < least {
        assert!(began.elapsed() < PATIENCE, "{series} stays below {least}");
        thread::sleep(LOOK_EVERY);
    }
}
