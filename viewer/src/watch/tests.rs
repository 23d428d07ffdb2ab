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
    /// From one map to the next.
    interval_ms: u64,
}

impl Street {
    fn new(config: AnomalyConfig) -> Self {
        Self {
            watch: Watch::new(config),
            start: Instant::now(),
            session: 1,
            seq: 0,
            ms: 0,
            interval_ms: 100,
        }
    }

    fn shows(&mut self, map: &FeatureMap) -> Outcome {
        let frame = frame("gate", self.session, self.seq);
        self.seq += 1;
        self.ms += self.interval_ms;
        let sighting = Sighting {
            frame: &frame,
            map,
            captured_unix_ms: self.ms,
            gap: Gap::default(),
        };
        self.watch.observe(&sighting, self.now())
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    /// Nothing comes for so long.
    fn waits(&mut self, seconds: u64) -> Vec<AnomalyEvent> {
        self.ms += 1000 * seconds;
        self.watch.tick(self.now())
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
        self.watch.mode(&name("gate"))
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
    assert_eq!(street.watch.end_events(), []);
}

#[test]
fn a_camera_that_goes_silent_ends_its_event() {
    let mut street = Street::new(learning(10, None));
    street.walks();
    street.walks();
    let begun = street.races();
    assert_eq!(street.waits(29), []);
    let ended = street.waits(2);
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (ended[0].kind, &ended[0].id),
        (AnomalyKind::End, &begun[0].id)
    );
    assert_eq!(street.waits(60), []);
    let again = street.races();
    assert_eq!(again[0].kind, AnomalyKind::Begin);
    assert_ne!(again[0].id, begun[0].id);
}

#[test]
fn a_map_that_comes_after_silence_is_of_no_event_before_it() {
    let mut street = Street::new(learning(10, None));
    street.walks();
    street.walks();
    let begun = street.races();
    // Nobody has looked at the clock meanwhile.
    street.ms += 60_000;
    let events = street.races();
    let kinds = [events[0].kind, events[1].kind];
    assert_eq!(kinds, [AnomalyKind::End, AnomalyKind::Begin]);
    assert_eq!(events[0].id, begun[0].id);
}

#[test]
fn a_panic_ends_events_and_nobody_is_watched_any_more() {
    let mut street = Street::new(learning(10, None));
    street.walks();
    street.walks();
    let begun = street.races();
    let step = |_: &mut Watch| panic!("a test wants this");
    let ended = street.watch.guarded(step).unwrap_err();
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (ended[0].kind, &ended[0].id),
        (AnomalyKind::End, &begun[0].id)
    );
    assert_eq!(street.races(), []);
    let another = frame("door", 1, 0);
    let sighting = Sighting {
        frame: &another,
        map: &map(0, 3, 1),
        captured_unix_ms: 0,
        gap: Gap::default(),
    };
    let now = street.now();
    let watched = street.watch.guarded(|watch| watch.observe(&sighting, now));
    assert_eq!(watched, Ok(Outcome::default()));
    let modes: Vec<_> = street.watch.modes().collect();
    assert_eq!(modes.len(), 2);
    for (camera, mode) in modes {
        let WatchMode::Off {
            reason: Some(reason),
        } = mode
        else {
            panic!("{camera}: {mode:?}");
        };
        assert!(reason.starts_with("watching panicked"), "{reason}");
    }
}

#[test]
fn the_end_of_the_viewer_ends_events() {
    let mut street = Street::new(learning(10, None));
    street.walks();
    street.walks();
    let begun = street.races();
    let ended = street.watch.end_events();
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
fn learning_takes_time_with_maps() {
    let mut street = Street::new(learning(30, None));
    street.walks();
    street.waits(3600);
    street.shows(&map(0, 3, 1));
    assert!(matches!(street.mode(), WatchMode::Learning { done } if (0.5..0.6).contains(&done)));
    street.walks();
    assert_eq!(street.mode(), WatchMode::Watching);
}

#[test]
fn too_little_is_added_to_rather_than_forgotten() {
    let mut street = Street::new(learning(5, None));
    // With what the filters keep of it, fewer active maps than a model takes.
    for at in 0..3 {
        street.shows(&map(at, 3, 3));
    }
    for _ in 0..100 {
        street.shows(&map(0, 0, 0));
    }
    assert!(matches!(street.mode(), WatchMode::Learning { .. }));
    for at in 0..3 {
        street.shows(&map(at, 3, 3));
    }
    for _ in 0..20 {
        street.shows(&map(0, 0, 0));
    }
    assert_eq!(street.mode(), WatchMode::Watching);
}

#[test]
fn the_next_viewer_goes_on_with_what_was_learned_so_far() {
    let folder = tempfile::tempdir().unwrap();
    let so_far = folder.path().join("gate.learning.json");
    let mut street = Street::new(learning(30, Some(folder.path())));
    street.walks();
    assert!(!so_far.exists());
    street.watch.keep();
    assert!(so_far.exists());
    let mut next = Street::new(learning(30, Some(folder.path())));
    next.shows(&map(0, 3, 1));
    assert!(matches!(next.mode(), WatchMode::Learning { done } if (0.5..0.6).contains(&done)));
    next.walks();
    assert_eq!(next.mode(), WatchMode::Watching);
    let model = models::read(&folder.path().join("gate.json")).unwrap();
    assert!((300..400).contains(&model.maps()) && model.clips() == 2);
    assert!(!so_far.exists());
}

#[test]
fn what_is_learned_is_kept_from_time_to_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut street = Street::new(learning(3600, Some(folder.path())));
    street.interval_ms = 10_000;
    for at in 0..30 {
        street.shows(&map(at, 3, 1));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    street.shows(&map(30, 3, 1));
    assert!(folder.path().join("gate.learning.json").exists());
}

#[test]
fn learning_begins_anew_where_nothing_can_be_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut street = Street::new(learning(30, Some(folder.path())));
    street.walks();
    street.watch.keep();
    let done_after = |shown: &FeatureMap| {
        let mut next = Street::new(learning(30, Some(folder.path())));
        next.shows(shown);
        next.mode()
    };
    let other = FeatureMap::new(2, 2, 3, vec![0; 4]).unwrap();
    assert_eq!(done_after(&other), WatchMode::Learning { done: 0.0 });
    std::fs::write(folder.path().join("gate.learning.json"), "{").unwrap();
    let usual = map(0, 3, 1);
    assert_eq!(done_after(&usual), WatchMode::Learning { done: 0.0 });
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
