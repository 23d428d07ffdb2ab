use std::time::Duration;

use cipherframe::FeatureMap;

use super::*;
use crate::event::{AnomalyKind, MapScore};
use crate::journal::SessionText;
use crate::sessions::Gap;
use crate::testing::{frame, name, spec};
use crate::web::api::schema::CameraStatus;

struct Clock {
    start: Instant,
}

impl Clock {
    fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    fn at(&self, ms: u64) -> Now {
        Now {
            instant: self.start + Duration::from_millis(ms),
            unix_ms: 1_000_000 + ms,
        }
    }
}

fn hub() -> Hub {
    Hub::new(name("demo"), Some(name("lab")))
}

fn map(camera: &str, seq: u64, side: u32) -> ViewerEvent {
    let spec = spec(2 * side, 2 * side);
    let values = vec![1; (side * side) as usize];
    ViewerEvent::Map {
        frame: frame(camera, 1, seq),
        spec,
        map: FeatureMap::new(side, side, 15, values).unwrap(),
        gap: Gap {
            missing: 0,
            dropped: 2,
        },
        captured_unix_ms: 1_000_000 + seq,
        score: Some(MapScore {
            value: seq as f64,
            threshold: 10.0,
            region: None,
        }),
        latency_ms: 5,
        pool_ms: 3,
        decrypt: Duration::from_millis(2),
        bytes: 100,
    }
}

fn tile(camera: &str, seq: u64, arrived: u32, tiles: u32) -> ViewerEvent {
    ViewerEvent::Tile {
        frame: frame(camera, 1, seq),
        arrived,
        tiles,
    }
}

fn event(camera: &str, number: u64, kind: AnomalyKind) -> ViewerEvent {
    ViewerEvent::Anomaly(AnomalyEvent {
        kind,
        id: format!("{camera}-{number}"),
        camera: name(camera),
        session: SessionText(frame(camera, 1, 0).session),
        seq: number,
        captured_unix_ms: 0,
        began_unix_ms: 0,
        ended_unix_ms: None,
        score: 2.0,
        peak: 2.0,
        peak_seq: number,
        peak_unix_ms: 0,
        threshold: 1.0,
        region: None,
    })
}

#[test]
fn a_camera_waits_lives_and_stalls() {
    let (hub, clock) = (hub(), Clock::new());
    let state = |ms| hub.camera("gate", clock.at(ms)).unwrap();
    hub.observe(&tile("gate", 0, 1, 4), clock.at(0));
    assert_eq!(state(500).state, CameraStatus::Waiting);
    let progress = state(500).progress.unwrap();
    assert_eq!(
        (progress.arrived, progress.tiles, progress.since_ms),
        (1, 4, 500)
    );
    for seq in 0..10 {
        hub.observe(&map("gate", seq, 4), clock.at(1000 + 100 * seq));
    }
    let live = state(2000);
    assert_eq!(
        (live.state, live.maps, live.dropped),
        (CameraStatus::Live, 10, 20)
    );
    assert_eq!((live.since_last_ms, live.progress), (Some(100), None));
    let fps = live.fps.unwrap();
    assert!((fps - 10.0).abs() < 0.1, "{fps}");
    let late = state(20_000);
    assert_eq!(
        (late.state, late.since_last_ms),
        (CameraStatus::Stalled, Some(18_100))
    );
    assert!(late.fps.unwrap() < 0.2);
}

#[test]
fn a_camera_with_minutes_between_its_maps_is_not_stalled_after_seconds() {
    let (hub, clock) = (hub(), Clock::new());
    for seq in 0..3 {
        hub.observe(&map("gate", seq, 4), clock.at(60_000 * seq));
    }
    let status = |ms| hub.camera("gate", clock.at(ms)).unwrap().state;
    assert_eq!(status(120_000 + 200_000), CameraStatus::Live);
    assert_eq!(status(120_000 + 301_000), CameraStatus::Stalled);
}

#[test]
fn what_is_kept_is_bounded_in_bytes_and_the_latest_is_always_there() {
    let (hub, clock) = (hub(), Clock::new());
    // A megabyte each: eight fit.
    for seq in 0..12 {
        hub.observe(&map("gate", seq, 1024), clock.at(seq));
    }
    let session = frame("gate", 1, 0).session;
    let kept = |seq| hub.map("gate", session, seq).unwrap().is_some();
    assert!(!kept(3) && kept(4) && kept(11));
    assert_eq!(hub.maps("gate", 100).unwrap().len(), 8);
    assert_eq!(hub.latest("gate").unwrap().unwrap().frame.seq, 11);
}

#[test]
fn scores_are_told_as_they_grow_and_no_camera_is_told_twice() {
    let (hub, clock) = (hub(), Clock::new());
    hub.observe(&map("gate", 0, 4), clock.at(0));
    let mut told = hub.score_revisions();
    assert!(hub.scores_after(&mut told).is_empty());
    hub.observe(&map("gate", 1, 4), clock.at(1000));
    hub.observe(&map("yard", 2, 4), clock.at(1000));
    let changed = hub.scores_after(&mut told).into_iter();
    let changed: Vec<_> = changed
        .map(|(camera, points)| (camera, points.len(), points[0].seq, points[0].shown_unix_ms))
        .collect();
    let expected = [("gate", 1, 1, 1_001_000), ("yard", 1, 2, 1_001_000)]
        .map(|(camera, points, seq, shown)| (name(camera), points, seq, shown));
    assert_eq!(changed, expected);
    assert!(hub.scores_after(&mut told).is_empty());
    let (_, scores) = hub.scores("gate", 60_000, 600, clock.at(1000)).unwrap();
    let event_of: Vec<_> = scores
        .iter()
        .map(|point| (point.seq, &point.event))
        .collect();
    assert_eq!(event_of, [(0, &None), (1, &None)]);
}

#[test]
fn the_maps_of_an_event_stay_when_the_latest_have_moved_on() {
    let (hub, clock) = (hub(), Clock::new());
    let session = frame("gate", 1, 0).session;
    // Scores are the numbers: the event begins with 1, and is highest with 8. A megabyte each: two are kept as those
    // of the event, eight as the latest.
    for seq in 0..2 {
        hub.observe(&map("gate", seq, 1024), clock.at(1000 * seq));
    }
    let ViewerEvent::Anomaly(mut begin) = event("gate", 1, AnomalyKind::Begin) else {
        unreachable!("it is one");
    };
    begin.began_unix_ms = 1_000_001;
    hub.observe(&ViewerEvent::Anomaly(begin), clock.at(2000));
    for seq in 2..9 {
        hub.observe(&map("gate", seq, 1024), clock.at(1000 * seq));
    }
    hub.observe(&event("gate", 1, AnomalyKind::End), clock.at(9000));
    for seq in 9..30 {
        hub.observe(&map("gate", seq, 1024), clock.at(1000 * seq));
    }
    let moment = |moment| hub.moment("gate-1", moment).unwrap();
    assert_eq!(moment(Moment::Begin).unwrap().frame.seq, 1);
    assert_eq!(moment(Moment::Peak).unwrap().frame.seq, 8);
    let kept = |seq| hub.map("gate", session, seq).unwrap().is_some();
    assert!(kept(1) && !kept(7) && kept(8) && !kept(9));
    assert!(hub.moment("gate-7", Moment::Peak).is_none());
    // The timeline says what was part of it, its first map included.
    let (_, scores) = hub.scores("gate", 60_000, 600, clock.at(30_000)).unwrap();
    let part = scores
        .iter()
        .filter(|point| point.event.as_deref() == Some("gate-1"));
    assert_eq!(
        part.map(|point| point.seq).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8]
    );

    // Bounded in bytes: later events push the maps of this one out, and the event itself is still known.
    for number in 2..5 {
        hub.observe(&event("gate", number, AnomalyKind::Begin), clock.at(40_000));
        hub.observe(&map("gate", 100 * number, 1448), clock.at(40_000));
        hub.observe(&event("gate", number, AnomalyKind::End), clock.at(40_000));
    }
    assert!(matches!(hub.moment("gate-1", Moment::Peak), Some(None)));
    assert_eq!(
        hub.moment("gate-4", Moment::Peak)
            .unwrap()
            .unwrap()
            .frame
            .seq,
        400
    );
}

#[test]
fn what_is_refused_is_told_at_the_camera_that_it_claims_and_makes_none_known() {
    let (hub, clock) = (hub(), Clock::new());
    let refused = |camera: &str, reason: &str| ViewerEvent::Refused {
        topic: format!("blindsight/v1/demo/{camera}/map"),
        reason: reason.to_owned(),
    };
    hub.observe(&map("gate", 0, 4), clock.at(0));
    hub.observe(&refused("gate", "no envelope"), clock.at(1));
    hub.observe(&refused("gate", &"x".repeat(10_000)), clock.at(2));
    hub.observe(&refused("nowhere", "no envelope"), clock.at(3));
    hub.observe(&refused("lab", "no envelope"), clock.at(4));
    hub.observe(&refused("gate/\u{1b}", "no envelope"), clock.at(5));
    let state = hub.cameras(clock.at(6));
    assert_eq!((state.cameras.len(), state.refused), (1, 5));
    let refused = &state.cameras[0].refused;
    assert_eq!((refused.count, refused.last_unix_ms), (2, Some(1_000_002)));
    assert_eq!(refused.last_reason.as_ref().map(String::len), Some(300));
}

#[test]
fn a_frame_that_ends_without_a_map_is_counted_and_its_progress_goes() {
    let (hub, clock) = (hub(), Clock::new());
    hub.observe(&tile("gate", 7, 1, 4), clock.at(0));
    hub.observe(
        &ViewerEvent::Incomplete {
            frame: frame("gate", 1, 7),
            arrived: 1,
            tiles: 4,
        },
        clock.at(1),
    );
    hub.observe(
        &ViewerEvent::Unreadable {
            frame: frame("gate", 1, 8),
            reason: "no".to_owned(),
        },
        clock.at(2),
    );
    let state = hub.camera("gate", clock.at(3)).unwrap();
    assert_eq!(
        (state.incomplete, state.unreadable, state.progress),
        (1, 1, None)
    );
}

#[test]
fn an_event_is_one_entry_and_its_parts_are_told_in_turn() {
    let (hub, clock) = (hub(), Clock::new());
    let now = clock.at(0);
    let (told, _) = hub.events_after(u64::MAX);
    for (number, kind) in [
        (1, AnomalyKind::Begin),
        (1, AnomalyKind::Update),
        (1, AnomalyKind::End),
        (2, AnomalyKind::Begin),
    ] {
        hub.observe(&event("gate", number, kind), now);
    }
    let ids: Vec<_> = hub
        .events(None, 10)
        .into_iter()
        .map(|event| (event.id, event.kind))
        .collect();
    let expected = [("gate-2", AnomalyKind::Begin), ("gate-1", AnomalyKind::End)];
    assert_eq!(ids, expected.map(|(id, kind)| (id.to_owned(), kind)));
    assert!(hub.events(Some("yard"), 10).is_empty());
    let (after, events) = hub.events_after(told);
    assert_eq!(events.len(), 4);
    assert_eq!(hub.events_after(after).1.len(), 0);
    assert_eq!(
        hub.camera("gate", now).unwrap().anomaly.event.as_deref(),
        Some("gate-2")
    );
}

#[test]
fn the_lab_is_no_camera_and_made_up_names_are_bounded() {
    let (hub, clock) = (hub(), Clock::new());
    hub.observe(&map("lab", 0, 4), clock.at(0));
    hub.watched(&name("lab"), WatchMode::Watching);
    for number in 0..100 {
        hub.observe(&map(&format!("c{number}"), 0, 4), clock.at(0));
    }
    let cameras = hub.cameras(clock.at(1)).cameras;
    assert_eq!(cameras.len(), CAMERAS);
    assert!(cameras.iter().all(|camera| camera.camera != "lab"));
}

#[test]
fn an_unknown_camera_is_unknown() {
    let (hub, clock) = (hub(), Clock::new());
    assert!(hub.camera("gate", clock.at(0)).is_none());
    assert!(hub.latest("gate").is_none());
    hub.observe(&tile("gate", 0, 1, 2), clock.at(0));
    assert!(matches!(hub.latest("gate"), Some(None)));
}
