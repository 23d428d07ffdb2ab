//! Every metric of running nodes is described with its type, and no other.

use std::collections::{BTreeMap, BTreeSet};

use cipherframe::SchemeId;
use e2e::data_folder::{Checkout, free_port};
use e2e::node_process::NodeProcess;
use e2e::pages::{Metrics, served_by};

use crate::markdown::{read, ticked};

/// The programs, and the headings about them.
const NODES: [(&str, &str); 4] = [
    ("broker", "broker"),
    ("pooling-worker", "worker"),
    ("viewer", "viewer"),
    ("camera-node", "camera"),
];

#[test]
fn every_metric_is_described_and_no_other() {
    let described = described();
    let checkout = Checkout::new(SchemeId::Plain);
    checkout.move_to_port(free_port());
    checkout.edit("camera", "scheme = \"tfhe\"", "scheme = \"plain\"");
    for node in ["camera", "worker", "viewer"] {
        checkout.edit(node, "blindsight-data/tfhe/", "blindsight-data/plain/");
    }
    let mut running = Vec::new();
    for (program, node) in NODES {
        let config = format!("configs/demo/{node}.toml");
        let mut args = vec!["run", "--config", &config];
        if program != "broker" {
            args.push("--insecure-plain");
        }
        let mut process = NodeProcess::start(program, &args, checkout.path());
        let served = Metrics::of(served_by(&mut process)).types;
        let mut expected = described["Every node"].clone();
        expected.extend(described[node].clone());
        assert_eq!(served, expected, "{node}");
        running.push(process);
    }
    let sections: BTreeSet<&str> = described.keys().map(String::as_str).collect();
    let nodes = NODES.map(|(_, node)| node);
    assert_eq!(sections, nodes.into_iter().chain(["Every node"]).collect());
}

/// For each heading the metrics below it with their types.
fn described() -> BTreeMap<String, BTreeMap<String, String>> {
    let text = read("docs/ref/metrics.md");
    let mut sections = BTreeMap::new();
    for section in text.split("\n## ").skip(1) {
        let (heading, text) = section.split_once('\n').unwrap();
        let cell = |row: &str, place| row.split('|').nth(place).unwrap().trim().to_owned();
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let metrics: BTreeMap<String, String> = rows
            .map(|row| (ticked(&cell(row, 1)).remove(0), cell(row, 2)))
            .collect();
        if !metrics.is_empty() {
            sections.insert(heading.to_owned(), metrics);
        }
    }
    sections
}
