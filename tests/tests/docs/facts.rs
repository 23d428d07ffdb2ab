//! Lists of facts are whole and true: JSON fields, exit codes, topics.

use std::collections::{BTreeSet, HashSet};
use std::mem::discriminant;

use cipherframe::SchemeId;
use e2e::data_folder::{Checkout, committed};
use e2e::programs::{Outcome, run};
use keyfile::Role;
use wire::failure::FailureKind;
use wire::telemetry::HealthReport;
use wire::topic::Topic;

use crate::markdown::{prose, read, ticked};

#[test]
fn every_json_field_is_described_and_no_other() {
    let text = read("docs/ref/commands.md");
    let fields_of = |kind: &str| -> BTreeSet<String> {
        let table = text.split(&format!("| {kind} field |")).nth(1).unwrap();
        let rows = table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        rows.flat_map(|row| ticked(row.split('|').nth(1).unwrap()))
            .collect()
    };
    let objects = |outcome: Outcome| -> Vec<serde_json::Value> {
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let blindsight = |line: &str| {
        let folder = tempfile::tempdir().unwrap();
        let samples = committed("samples").canonicalize().unwrap();
        let line = line.replace("SAMPLES", samples.to_str().unwrap());
        let words: Vec<&str> = line.split(' ').collect();
        objects(run("blindsight", &words, folder.path()))
    };
    let names = |object: &serde_json::Value| {
        object
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>()
    };

    let demo = blindsight(
        "demo --scheme plain --insecure-plain --size 4x4 --frames 1 --verify --json --video SAMPLES",
    );
    assert_eq!(names(&demo[0]), fields_of("map"));
    assert_eq!(names(&demo[1]["summary"]), fields_of("summary"));
    let camera = &demo[1]["summary"]["cameras"]["clear"];
    assert_eq!(names(camera), fields_of("camera"));
    let bench = blindsight("bench --scheme tfhe --size 2x2 --threads 1 --json");
    assert_eq!(names(&bench[0]), fields_of("bench"));
    let plan = blindsight("bench --plan --json");
    assert_eq!(names(&plan[0]), fields_of("plan"));
    let words = "bench --config configs/demo/camera.toml --frames 1 --json";
    let words: Vec<&str> = words.split(' ').collect();
    let checkout = Checkout::new(SchemeId::Tfhe);
    let camera_bench = objects(run("camera-node", &words, checkout.path()));
    assert_eq!(names(&camera_bench[0]), fields_of("camera bench"));
}

#[test]
fn the_exit_codes_are_those_of_the_programs() {
    use FailureKind::{BadData, Bug, Configuration, Io, Permissions, Unavailable, Usage};
    let kinds = [
        Bug,
        Usage,
        BadData,
        Unavailable,
        Io,
        Permissions,
        Configuration,
    ];
    for kind in kinds {
        // A new kind does not compile here until it is in the list above.
        match kind {
            Bug | Usage | BadData | Unavailable | Io | Permissions | Configuration => {}
        }
    }
    let known = kinds.map(|kind| format!("{} {kind:?}", kind.exit_code()));
    let text = read("docs/ref/exit-codes.md");
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(2);
    let cell = |row: &str, place| row.split('|').nth(place).unwrap().trim().to_owned();
    let described: Vec<String> = rows
        .map(|row| format!("{} {}", cell(row, 1), cell(row, 2)))
        .collect();
    assert_eq!(described[0], "0 ");
    assert_eq!(described[1..], known);
}

#[test]
fn the_roles_of_key_files_are_those_of_the_code() {
    let text = read("docs/ref/key-files.md");
    let table = text.split("| role | name |").nth(1).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let role = |(tag, role): (u8, Role)| {
        let (secret, mode) = if role.is_secret() {
            ("yes", "0600")
        } else {
            ("no", "0644")
        };
        format!("| {tag} | {role} | {secret} | {mode} |")
    };
    let known = (1..).zip(Role::ALL).map(role);
    assert_eq!(rows.collect::<Vec<_>>(), known.collect::<Vec<_>>());
}

#[test]
fn every_topic_is_one() {
    let text = read("docs/ref/topics.md");
    let mut kinds = HashSet::new();
    for name in ticked(&prose(&text)) {
        if !name.starts_with("blindsight/v1/") {
            continue;
        }
        let topic = name.replace("SITE", "demo").replace("NODE", "worker");
        let topic = topic.replace("CAMERA", "gate").replace('+', "gate");
        kinds.insert(discriminant(&Topic::parse(&topic).unwrap()));
    }
    assert_eq!(kinds.len(), 5);
}

#[test]
fn every_field_of_a_health_report_is_described_and_no_other() {
    let report = HealthReport {
        role: "worker",
        ready: true,
        uptime_s: 0,
        resident_mib: 0,
        taken_per_minute: 0,
        done_per_minute: 0,
        waiting: 0,
        dropped: 0,
        refused: 0,
    };
    let report = serde_json::to_value(report).unwrap();
    let fields: BTreeSet<String> = report.as_object().unwrap().keys().cloned().collect();
    let text = read("docs/ref/topics.md");
    let table = text.split("| health field |").nth(1).unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let described: BTreeSet<String> = rows
        .flat_map(|row| ticked(row.split('|').nth(1).unwrap()))
        .collect();
    assert_eq!(fields, described);
}
