use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, UNIX_EPOCH};

use cipherframe::{Frame, PoolSpec, Quantiser, SchemeId, StreamSpec};
use tokio::time::timeout;
use wire::message::{FrameId, SessionId};
use wire::trust::TrustStore;

use super::super::feed::Tally;
use super::*;
use crate::event::CameraEvent;
use crate::feature::Feature;
use crate::ledger::Ledger;
use crate::outbox::Outbox;
use crate::preprocess::Preprocessor;
use crate::source::{Pull, Source, SourceError, SourceFrame};

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Gives what a test hands it, one after the other. A hand-over is over when it was read.
struct Camera {
    handed: std::sync::mpsc::Receiver<Result<Pull, SourceError>>,
    stop: CancellationToken,
    gone: Arc<AtomicBool>,
}

impl Source for Camera {
    fn next(&mut self) -> Result<Pull, SourceError> {
        while !self.stop.is_cancelled() {
            match self.handed.recv_timeout(Duration::from_millis(10)) {
                Ok(pull) => return pull,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("the camera falls down"),
            }
        }
        Ok(Pull::End)
    }

    fn interval(&self) -> Option<Duration> {
        None
    }

    fn live(&self) -> Option<CancellationToken> {
        Some(self.stop.clone())
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::SeqCst);
    }
}

/// A feed, the hand that fills it, and what there is to see of it.
struct Bench {
    feed: LiveFeed,
    hand: SyncSender<Result<Pull, SourceError>>,
    gone: Arc<AtomicBool>,
    ledger: Ledger,
    told: Arc<Mutex<Vec<u64>>>,
}

fn bench(policy: Policy) -> Bench {
    // Of no length: who has handed the second frame over knows that the first one was kept.
    let (hand, handed) = sync_channel(0);
    let (gone, stop) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
    let told = Arc::new(Mutex::new(Vec::new()));
    let totals = told.clone();
    let observer: crate::event::Observer = Arc::new(move |event| {
        if let CameraEvent::Dropped { total } = event {
            totals.lock().unwrap().push(total);
        }
    });
    let camera = FrameId {
        site: "demo".parse().unwrap(),
        camera: "gate".parse().unwrap(),
        session: SessionId::from_bytes([1; 16]),
        seq: 0,
    };
    let outbox = Outbox::new(policy, NonZeroU32::MIN, PATIENCE);
    let ledger = Ledger::new(
        outbox,
        None,
        observer.clone(),
        camera,
        TrustStore::new().into(),
    );
    let pool = PoolSpec::new(1, 1, 0).unwrap();
    let quantiser = Quantiser::from_bits(8).unwrap();
    let spec = StreamSpec::new(SchemeId::Plain, 1, 1, quantiser, pool).unwrap();
    let reader = Reader {
        source: Box::new(Camera {
            handed,
            stop: stop.clone(),
            gone: gone.clone(),
        }),
        preprocessor: Preprocessor::new(spec, Feature::Motion),
        tally: Tally {
            ledger: ledger.clone(),
            observer,
        },
    };
    Bench {
        feed: LiveFeed::start(reader, policy, stop).unwrap(),
        hand,
        gone,
        ledger,
        told,
    }
}

impl Bench {
    /// Frames number `numbers`, each with its square as its only pixel.
    fn hand(&self, numbers: std::ops::Range<u8>) {
        for number in numbers {
            let frame = SourceFrame {
                clip: "camera".to_owned(),
                index: u64::from(number),
                captured: UNIX_EPOCH,
                frame: Frame::new(1, 1, vec![number * number]).unwrap(),
            };
            self.hand.send(Ok(Pull::Frame(frame))).unwrap();
        }
    }

    /// Number, motion and how many frames were dropped before it.
    async fn next(&self) -> Result<Option<(u64, u8, u64)>, Failure> {
        let fed = timeout(PATIENCE, self.feed.next()).await.unwrap()?;
        Ok(fed.map(|fed| {
            (
                fed.frame.index,
                fed.frame.quantised.levels()[0],
                fed.dropped,
            )
        }))
    }
}

#[tokio::test]
async fn of_a_live_view_the_newest_frame_waits_and_motion_sees_every_one() {
    let bench = bench(Policy::Latest);
    bench.hand(1..9);
    bench.hand.send(Ok(Pull::End)).unwrap();
    // The last one, 8 x 8 after 7 x 7.
    assert_eq!(bench.next().await, Ok(Some((8, 64 - 49, 7))));
    assert_eq!(bench.next().await, Ok(None));
    let summary = bench.ledger.summary();
    assert_eq!((summary.captured, summary.dropped), (8, 7));
    assert_eq!(*bench.told.lock().unwrap(), [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn of_a_stream_that_is_to_be_whole_the_oldest_give_way_and_are_counted() {
    let bench = bench(Policy::All);
    let handed = QUEUE as u8 - 1;
    bench.hand(0..handed - 3);
    assert_eq!(bench.next().await, Ok(Some((0, 0, 0))));
    bench.hand(handed - 3..handed);
    bench.hand(0..5);
    bench.hand.send(Ok(Pull::End)).unwrap();
    // One was taken, 14 + 5 waited and three of them gave way.
    assert_eq!(bench.next().await, Ok(Some((4, 7, 3))));
    let mut left = 0;
    while bench.next().await.unwrap().is_some() {
        left += 1;
    }
    assert_eq!(left, QUEUE - 1);
    let summary = bench.ledger.summary();
    assert_eq!((summary.captured, summary.dropped), (20, 3));
}

#[tokio::test]
async fn a_failure_comes_after_the_frames_before_it() {
    let bench = bench(Policy::All);
    bench.hand(0..2);
    let folder = "gone".into();
    bench
        .hand
        .send(Err(SourceError::Missing { folder }))
        .unwrap();
    assert_eq!(bench.next().await, Ok(Some((0, 0, 0))));
    assert_eq!(bench.next().await, Ok(Some((1, 1, 0))));
    let failure = bench.next().await.unwrap_err();
    assert_eq!(failure.what, "the folder gone does not exist");
}

#[tokio::test]
async fn a_source_that_panics_is_a_failure_and_is_let_go() {
    let mut bench = bench(Policy::All);
    bench.hand(0..1);
    bench.hand = sync_channel(0).0;
    assert_eq!(bench.next().await, Ok(Some((0, 0, 0))));
    assert_eq!(bench.next().await.unwrap_err().kind, FailureKind::Bug);
    assert!(bench.gone.load(Ordering::SeqCst));
}

#[tokio::test]
async fn whoever_lets_the_feed_go_waits_until_the_camera_is_let_go() {
    let bench = bench(Policy::Latest);
    bench.hand(0..3);
    drop(bench.feed);
    assert!(bench.gone.load(Ordering::SeqCst));
}
