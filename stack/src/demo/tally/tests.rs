use std::time::Duration;

use super::*;
use cipherframe::{Frame, PoolSpec, Quantiser, SchemeId};
use viewer::Gap;
use wire::message::SessionId;

fn camera(text: &str) -> Name {
    text.parse().unwrap()
}

fn tally(verify: bool, cameras: &[&str]) -> Tally {
    Tally::new(verify, cameras.iter().map(|text| camera(text)))
}

fn spec() -> StreamSpec {
    let pool = PoolSpec::new(2, 2, 0).unwrap();
    let quantiser = Quantiser::from_bits(4).unwrap();
    StreamSpec::new(SchemeId::Plain, 4, 2, quantiser, pool).unwrap()
}

fn frame_id(name: &str, seq: u64) -> FrameId {
    FrameId {
        site: "demo".parse().unwrap(),
        camera: camera(name),
        session: SessionId::from_bytes([7; 16]),
        seq,
    }
}

/// Captures and sends a frame whose pixels are brighter by `more`: its map is `[5 + more, 7 + more]`.
fn send(tally: &mut Tally, name: &str, seq: u64, more: u8) {
    let luma = [0, 16, 32, 48, 64, 80, 96, 112].map(|luma| luma + 16 * more);
    let frame = Frame::new(4, 2, luma.to_vec()).unwrap();
    let id = frame_id(name, seq);
    tally.camera(&CameraEvent::Captured {
        frame: id.clone(),
        spec: spec(),
        quantised: spec().quantiser().quantise(&frame),
    });
    tally.camera(&CameraEvent::Sent {
        frame: id,
        bytes: 9,
    });
}

fn map(name: &str, seq: u64, values: [u8; 2]) -> ViewerEvent {
    let map = FeatureMap::new(2, 1, 15, values.to_vec()).unwrap();
    let (latency_ms, pool_ms, bytes) = (3, 2, 1);
    ViewerEvent::Map {
        frame: frame_id(name, seq),
        spec: spec(),
        map,
        gap: Gap::default(),
        captured_unix_ms: 0,
        score: None,
        latency_ms,
        pool_ms,
        decrypt: Duration::ZERO,
        bytes,
    }
}

/// What a camera counts that published `frames`.
fn counted(frames: u64) -> CameraSummary {
    CameraSummary {
        frames,
        ..CameraSummary::default()
    }
}

#[test]
fn equal_maps_match_and_each_wrong_value_counts() {
    let mut tally = tally(true, &["live"]);
    send(&mut tally, "live", 0, 0);
    send(&mut tally, "live", 1, 0);
    let mut mismatched = |event| tally.viewer(event).unwrap().mismatched_values;
    assert_eq!(mismatched(map("live", 0, [5, 7])), Some(0));
    assert_eq!(mismatched(map("live", 1, [5, 6])), Some(1));
    let summary = tally.summary(false);
    assert_eq!(
        (summary.total.lost, summary.total.mismatched_values),
        (0, Some(1))
    );
    assert!(summary.problem().unwrap().contains("1 values differ"));
}

#[test]
fn a_frame_without_a_map_is_lost_unless_the_user_interrupted() {
    let mut tally = tally(false, &["live"]);
    send(&mut tally, "live", 0, 0);
    assert!(!tally.is_complete());
    assert_eq!(tally.summary(false).total.lost, 1);
    assert_eq!(tally.summary(true).problem(), None);
    let line = tally.viewer(map("live", 0, [0, 0])).unwrap();
    assert_eq!(line.mismatched_values, None);
    assert!(tally.is_complete());
}

#[test]
fn a_map_of_no_frame_is_wrong_in_every_value() {
    let mut tally = tally(true, &["live"]);
    let line = tally.viewer(map("live", 0, [5, 7])).unwrap();
    assert_eq!(line.mismatched_values, Some(2));
}

#[test]
fn equal_sequence_numbers_of_two_cameras_are_two_frames() {
    let mut tally = tally(true, &["live", "compact"]);
    send(&mut tally, "live", 0, 0);
    send(&mut tally, "compact", 0, 3);
    let compact = tally.viewer(map("compact", 0, [8, 10])).unwrap();
    assert_eq!(
        (compact.mismatched_values, compact.bytes_in),
        (Some(0), 9),
        "compared with its own frame"
    );
    assert!(!tally.is_complete());
    let live = tally.viewer(map("live", 0, [5, 7])).unwrap();
    assert_eq!((live.mismatched_values, live.bytes_in), (Some(0), 9));
    assert!(tally.is_complete());
    let summary = tally.summary(false);
    assert_eq!((summary.total.frames, summary.total.maps), (2, 2));
    assert_eq!(summary.problem(), None);
}

#[test]
fn a_surplus_of_one_camera_hides_no_loss_of_the_other() {
    let mut tally = tally(false, &["live", "compact"]);
    for seq in 0..2 {
        send(&mut tally, "compact", seq, 0);
    }
    // The camera counts one frame less than it began to send.
    send(&mut tally, "live", 0, 0);
    tally.viewer(map("live", 0, [5, 7]));
    tally.camera_ended(&camera("live"), &counted(0));
    tally.viewer(map("compact", 1, [5, 7]));
    assert!(!tally.is_complete());
    let summary = tally.summary(false);
    let lost = |name| summary.cameras[&camera(name)].lost;
    assert_eq!(
        (lost("live"), lost("compact"), summary.total.lost),
        (0, 1, 1)
    );
}

#[test]
fn the_demo_has_ended_when_every_camera_has() {
    let mut tally = tally(false, &["live", "compact"]);
    tally.camera_ended(&camera("live"), &counted(0));
    assert!(tally.is_complete() && !tally.has_ended());
    tally.camera_ended(&camera("compact"), &counted(0));
    assert!(tally.has_ended());
}

#[test]
fn a_camera_that_sent_nothing_has_its_figures_too() {
    let summary = tally(true, &["live", "compact"]).summary(false);
    let nothing = Counts {
        frames: 0,
        maps: 0,
        mismatched_values: Some(0),
        fps: 0.0,
        lost: 0,
    };
    assert_eq!(summary.total, nothing);
    assert_eq!(
        summary.cameras,
        [(camera("compact"), nothing), (camera("live"), nothing)].into()
    );
}
