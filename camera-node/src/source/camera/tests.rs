use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use wire::failure::FailureKind;

use super::*;

/// Gives two frames in each connection; every third connection fails.
struct Flaky {
    connections: Arc<AtomicUsize>,
}

struct TwoShots(u8);

impl Camera for Flaky {
    type Shots = TwoShots;

    fn name(&self) -> String {
        "camera".to_owned()
    }

    fn connect(&mut self, _stop: &CancellationToken) -> Result<Option<TwoShots>, Failure> {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        if number % 3 == 2 {
            return Err(trouble("no answer"));
        }
        Ok(Some(TwoShots(0)))
    }
}

impl Shots for TwoShots {
    fn next(&mut self) -> Result<Option<Shot>, Failure> {
        self.0 += 1;
        match self.0 {
            1 => Ok(None),
            2 | 3 => Ok(Some(Shot {
                frame: Frame::new(1, 1, vec![self.0]).unwrap(),
                captured: SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.into()),
            })),
            _ => Err(trouble("it is unplugged")),
        }
    }
}

fn trouble(what: &str) -> Failure {
    Failure::new(FailureKind::Unavailable, what, "plug it in")
}

/// Keeps the messages of log lines with their level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
                self.0 = format!("{value:?}");
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        let line = format!("{}: {}", event.metadata().level(), message.0);
        self.0.lock().unwrap().push(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn open(first_wait: Duration) -> (CameraSource<Flaky>, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let camera = Flaky {
        connections: connections.clone(),
    };
    let source = CameraSource::open_patiently(camera, WhenLost::TryAgain, first_wait);
    // However late its first frame is asked for.
    let opened = None;
    let source = CameraSource {
        opened,
        ..source.unwrap()
    };
    (source, connections)
}

#[test]
fn a_camera_is_tried_again_and_begins_a_clip_anew_and_that_is_said_once() {
    let (mut source, connections) = open(Duration::from_millis(1));
    let log = Log::default();
    let mut next = || match source.next().unwrap() {
        Pull::Frame(frame) => {
            let tone = frame.frame.luma()[0];
            let at = Duration::from_secs(tone.into());
            assert_eq!(frame.captured, SystemTime::UNIX_EPOCH + at);
            (frame.clip, frame.index, tone)
        }
        other => panic!("{other:?}"),
    };
    let frames = tracing::subscriber::with_default(log.clone(), || [(); 6].map(|()| next()));
    let expected = [(0, 2), (1, 3), (0, 2), (1, 3), (0, 2), (1, 3)];
    assert_eq!(
        frames,
        expected.map(|(index, tone)| ("camera".to_owned(), index, tone))
    );
    // Two good connections, one that failed, one more.
    assert_eq!(connections.load(Ordering::SeqCst), 4);
    let said = "WARN: camera gives no frames, trying again: it is unplugged; plug it in";
    let again = "INFO: camera gives frames again";
    assert_eq!(*log.0.lock().unwrap(), [said, again, said, again]);
}

#[test]
fn a_camera_that_cannot_be_connected_to_at_the_start_is_an_error() {
    let camera = Flaky {
        connections: Arc::new(AtomicUsize::new(2)),
    };
    let error = CameraSource::open(camera, WhenLost::TryAgain)
        .err()
        .unwrap();
    assert_eq!(
        (error.to_string().as_str(), error.mend()),
        ("no answer", "plug it in")
    );
}

#[test]
fn waits_double_up_to_a_limit_and_begin_anew_with_a_frame() {
    let (mut source, _) = open(FIRST_WAIT);
    source.stop.cancel();
    let mut waits = Vec::new();
    for _ in 0..7 {
        waits.push(source.wait.as_secs());
        source.lose(&trouble("it is unplugged"));
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    source.stop = CancellationToken::new();
    assert!(matches!(source.next(), Ok(Pull::Frame(_))));
    assert_eq!(source.wait, FIRST_WAIT);
}

#[test]
fn a_source_that_is_stopped_ends_and_lets_its_camera_go() {
    let (mut source, _) = open(Duration::from_secs(600));
    source.live().unwrap().cancel();
    assert!(matches!(source.next(), Ok(Pull::End)));
    assert!(source.shots.is_none());
}

#[test]
fn a_camera_that_is_lost_is_an_error_for_who_does_not_wait() {
    let camera = Flaky {
        connections: Arc::default(),
    };
    let mut source = CameraSource::open(camera, WhenLost::Fail).unwrap();
    for _ in 0..2 {
        assert!(matches!(source.next(), Ok(Pull::Frame(_))));
    }
    let error = source.next().unwrap_err();
    assert_eq!(error.to_string(), "it is unplugged");
    assert!(matches!(source.next(), Ok(Pull::End)));
}

#[test]
fn a_camera_that_had_to_wait_for_the_first_question_is_connected_to_anew() {
    let (mut source, connections) = open(Duration::from_millis(1));
    source.opened = Some(Instant::now() - 2 * FRESH);
    assert!(matches!(source.next(), Ok(Pull::Frame(_))));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    assert!(source.opened.is_none());
}
