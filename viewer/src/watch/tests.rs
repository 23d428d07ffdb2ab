use std::time::Duration;

use super::*;
use crate::event::AnomalyKind;
use crate::testing::{frame, name};

const WIDTH: u32 = 48;
const HEIGHT: u32 = 27;

/// A figure of `side` windows at column `x`, as strong as `level`.
fn map(x: u32, side: u32, level: u8) -> FeatureMap {
    let value = |at: u32| {
        let (column, row) = (at % WIDTH, at / WIDTH);
        let inside = column.wrapping_sub(x) < side && (10..10 + side).contains(&row);
        if inside { level } else { 0 }
    };
    FeatureMap::new(WIDTH, HEIGHT, 3, (0..WIDTH * HEIGHT).map(value).collect()).unwrap()
}

struct Street {
    watch: Watch,
    start: Instant,
    session: u32,
    seq: u64,
    ms: u64,
}

impl Street {
    fn new(config: AnomalyConfig) -> Self {
        Self {
            watch: Watch::new(config),
            start: Instant::now(),
            session: 1,
            seq: 0,
            ms: 0,
        }
    }

    fn shows(&mut self, map: &FeatureMap) -> Outcome {
        let frame = frame("gate", self.session, self.seq);
        self.seq += 1;
        self.ms += 100;
        let sighting = Sighting {
            frame: &frame,
            map,
            captured_unix_ms: self.ms,
            gap: Gap::default(),
        };
        self.watch
            .observe(&sighting, self.start + Duration::from_millis(self.ms))
    }

    /// Somebody walks by, a window every fourth frame.
    fn walks(&mut self) -> Vec<AnomalyEvent> {
        (0..160)
            .flat_map(|at| self.shows(&map(at / 4, 3, 1)).events)
            .collect()
    }

    /// Something large and fast.
    fn races(&mut self) -> Vec<AnomalyEvent> {
        (0..14)
            .flat_map(|at| self.shows(&map(3 * at, 8, 3)).events)
            .collect()
    }

    fn mode(&self) -> WatchMode {
        let now = self.start + Duration::from_millis(self.ms);
        self.watch.mode(&name("gate"), now)
    }
}

fn learning(seconds: u64, folder: Option<&std::path::Path>) -> AnomalyConfig {
    AnomalyConfig {
        models: folder.map(Into::into),
        learn: Duration::from_secs(seconds),
        ..AnomalyConfig::default()
    }
}

#[test]
fn what_is_normal_is_learned_and_the_rest_is_an_event_with_a_begin_and_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut street = Street::new(learning(30, Some(folder.path())));
    assert_eq!(street.walks(), []);
    assert!(matches!(street.mode(), WatchMode::Learning { done } if (0.5..0.6).contains(&done)));
    assert_eq!(street.walks(), []);
    assert_eq!(street.mode(), WatchMode::Watching);
    assert_eq!(street.walks(), []);
    let mut events = street.races();
    events.extend(street.walks());
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds.first(), Some(&AnomalyKind::Begin), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&AnomalyKind::End), "{kinds:?}");
    assert!(
        events.iter().all(|event| event.id == events[0].id),
        "one event"
    );
    let end = events.last().unwrap();
    assert!(end.peak >= end.threshold && end.ended_unix_ms > Some(end.began_unix_ms));
    assert!(end.region.is_some());

    // The next viewer knows what this one has learned.
    let mut next = Street::new(learning(0, Some(folder.path())));
    assert_eq!(next.walks(), []);
    assert_eq!(next.mode(), WatchMode::Watching);
    assert!(!next.races().is_empty());
}

#[test]
fn a_camera_that_starts_anew_ends_its_event() {
    let mut street = Street::new(learning(10, None));
    street.walks();
    street.walks();
    let begun = street.races();
    assert_eq!(begun[0].kind, AnomalyKind::Begin);
    (street.session, street.seq) = (2, 0);
    let events = street.shows(&map(0, 3, 1)).events;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].kind, &events[0].id),
        (AnomalyKind::End, &begun[0].id)
    );
    assert_eq!(street.watch.finish(), []);
}

#[test]
fn the_end_of_the_viewer_ends_events() {
    let mut street = Street::new(learning(10, None));
    street.walks();
    street.walks();
    let begun = street.races();
    let ended = street.watch.finish();
    assert_eq!((ended.len(), ended[0].kind), (1, AnomalyKind::End));
    assert_eq!(ended[0].id, begun[0].id);
}

#[test]
fn learning_goes_on_while_nothing_happens() {
    let mut street = Street::new(learning(5, None));
    for _ in 0..100 {
        street.shows(&map(0, 0, 0));
    }
    assert!(matches!(street.mode(), WatchMode::Learning { .. }));
    street.walks();
    assert_eq!(street.mode(), WatchMode::Watching);
}

#[test]
fn maps_of_another_shape_are_not_watched_and_say_why() {
    let mut street = Street::new(learning(5, None));
    street.walks();
    let other = FeatureMap::new(2, 2, 3, vec![0; 4]).unwrap();
    assert_eq!(street.shows(&other), Outcome::default());
    let WatchMode::Off {
        reason: Some(reason),
    } = street.mode()
    else {
        panic!("{:?}", street.mode());
    };
    assert!(
        reason.contains("the map has 2x2 windows of 3 levels"),
        "{reason}"
    );
}

#[test]
fn a_broken_model_file_is_told_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.json");
    std::fs::write(&file, "{").unwrap();
    let mut street = Street::new(learning(1, Some(folder.path())));
    street.walks();
    let WatchMode::Off {
        reason: Some(reason),
    } = street.mode()
    else {
        panic!("{:?}", street.mode());
    };
    assert!(reason.contains("gate.json"), "{reason}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{");
}

#[test]
fn a_threshold_of_ones_own_counts() {
    let config = AnomalyConfig {
        threshold: Some(1e9),
        ..learning(10, None)
    };
    let mut street = Street::new(config);
    street.walks();
    street.walks();
    assert_eq!(street.races(), []);
    let score = street.shows(&map(0, 3, 1)).score.unwrap();
    assert_eq!(score.threshold, 1e9);
}

#[test]
fn the_excepted_and_the_unlearned_are_left_alone() {
    let config = AnomalyConfig {
        except: [name("gate")].into(),
        ..learning(1, None)
    };
    let mut street = Street::new(config);
    street.walks();
    assert_eq!(street.mode(), WatchMode::default());
    let mut street = Street::new(learning(0, None));
    street.walks();
    assert_eq!(street.mode(), WatchMode::Off { reason: None });
}
