use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::journal::SessionText;

fn home() -> HomeAssistant {
    HomeAssistant {
        discovery_prefix: "homeassistant".to_owned(),
        topic_prefix: "blindsight".to_owned(),
        site: "home".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

fn event(kind: AnomalyKind) -> AnomalyEvent {
    let ended = kind == AnomalyKind::End;
    AnomalyEvent {
        kind,
        id: "front-gate-1750000000000-3".to_owned(),
        camera: "front-gate".parse().unwrap(),
        session: SessionText("000102030405060708090a0b0c0d0e0f".parse().unwrap()),
        seq: 41,
        captured_unix_ms: 1_750_000_002_500,
        began_unix_ms: 1_750_000_000_000,
        ended_unix_ms: ended.then_some(1_750_000_002_500),
        score: if ended { 0.5 } else { 1.375 },
        peak: 1.875,
        peak_seq: 40,
        peak_unix_ms: 1_750_000_002_250,
        threshold: 1.0,
        region: (!ended).then_some(Region {
            x: 3,
            y: 0,
            width: 4,
            height: 2,
        }),
    }
}

/// The file holds `topic`, `retained` and `payload`, the last as an object.
fn assert_golden(file: &str, golden: &str, notice: &Notice) {
    let golden: Value = serde_json::from_str(golden).unwrap();
    let said = serde_json::json!({
        "topic": notice.topic,
        "retained": notice.retained,
        "payload": serde_json::from_slice::<Value>(&notice.payload).unwrap(),
    });
    assert_eq!(
        said,
        golden,
        "{file} should hold\n{}",
        serde_json::to_string_pretty(&said).unwrap()
    );
}

macro_rules! golden {
    ($file:literal, $notice:expr) => {
        assert_golden($file, include_str!(concat!("../golden/", $file)), $notice)
    };
}

#[test]
fn a_camera_is_announced_as_two_entities_of_one_device() {
    let [anomaly, score] = home().discovery("front-gate");
    golden!("discovery_anomaly.json", &anomaly);
    golden!("discovery_score.json", &score);
}

#[test]
fn states_follow_events() {
    golden!("state_quiet.json", &home().quiet("front-gate"));
    golden!(
        "state_begin.json",
        &home().state(&event(AnomalyKind::Begin))
    );
    golden!("state_end.json", &home().state(&event(AnomalyKind::End)));
    let mut update = event(AnomalyKind::Update);
    assert_eq!(
        home().state(&update),
        home().state(&event(AnomalyKind::Begin))
    );
    // JSON has no such number: the sensor is then unknown.
    update.score = f64::NAN;
    let state: Value = serde_json::from_slice(&home().state(&update).payload).unwrap();
    assert_eq!(state["score"], Value::Null);
}

#[test]
fn events_are_told_as_they_are() {
    golden!(
        "event_begin.json",
        &home().event(&event(AnomalyKind::Begin))
    );
    golden!(
        "event_update.json",
        &home().event(&event(AnomalyKind::Update))
    );
    golden!("event_end.json", &home().event(&event(AnomalyKind::End)));
}

#[test]
fn topics_and_identifiers_are_those_that_home_assistant_takes() {
    let mut home = home();
    home.discovery_prefix = "home/found".to_owned();
    for camera in ["g", "front-gate_2", &"-".repeat(32)] {
        for notice in home.discovery(camera) {
            let rest = notice.topic.strip_prefix("home/found/").unwrap();
            let levels: Vec<_> = rest.split('/').collect();
            let [component, node, object, "config"] = levels[..] else {
                panic!("{rest}");
            };
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            assert!(node.chars().chain(object.chars()).all(allowed), "{rest}");
            let entity: Value = serde_json::from_slice(&notice.payload).unwrap();
            let id = entity["default_entity_id"].as_str().unwrap();
            let (domain, id) = id.split_once('.').unwrap();
            assert_eq!(domain, component);
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(id.chars().all(allowed), "{id}");
        }
    }
}

#[test]
fn no_two_cameras_share_a_topic_or_an_identifier() {
    let mut topics = BTreeSet::new();
    let mut identifiers = BTreeSet::new();
    let mut count = 0;
    for site in ["a", "a-b", "a_b", "a-b-c", "availability"] {
        for camera in [
            "a",
            "b",
            "c",
            "b-c",
            "b_c",
            "a-anomaly",
            "a-score",
            "availability",
        ] {
            let home = HomeAssistant {
                site: site.to_owned(),
                ..home()
            };
            let mut begin = event(AnomalyKind::Begin);
            begin.camera = camera.parse().unwrap();
            topics.insert(home.state(&begin).topic);
            topics.insert(home.event(&begin).topic);
            topics.insert(home.availability_topic());
            for notice in home.discovery(camera) {
                topics.insert(notice.topic);
                let entity: Value = serde_json::from_slice(&notice.payload).unwrap();
                identifiers.insert(entity["unique_id"].to_string());
            }
            count += 1;
        }
    }
    assert_eq!(topics.len(), 4 * count + 5);
    assert_eq!(identifiers.len(), 2 * count);
}
