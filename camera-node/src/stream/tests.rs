use std::collections::VecDeque;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use cipherframe::{
    EncryptionKey, Frame, KeyId, PoolSpec, QuantisedFrame, Quantiser, SchemeError, SchemeId,
    StreamSpec,
};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use wire::envelope::{self, Limits};
use wire::identity::SigningIdentity;
use wire::message::{FrameTile, SessionId, TileHeader};
use wire::mqtt::PublishError;
use wire::role::NodeRole;
use wire::shutdown::Shutdown;
use wire::telemetry::Vitals;
use wire::topic::Topic;
use wire::trust::TrustStore;

use super::*;
use crate::event::{CameraEvent, CameraSummary};
use crate::feature::Feature;
use crate::outbox::{FrameKey, Outbox};
use crate::source::{Pull, SourceError, SourceFrame};
use crate::spool::Spool;

/// Long enough for anything that is going to happen, to show that something does not.
const A_WHILE: Duration = Duration::from_millis(100);
/// A receipt timeout that no test reaches.
const NEVER: Duration = Duration::from_secs(600);
/// What is set aside in the spool for a frame of one tile.
const FRAME_BYTES: u64 = 500;

/// "Encrypts" a tile as its number and the sum of the frame's levels.
struct FakeKey;

impl cipherframe::Key for FakeKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Tfhe
    }

    fn key_id(&self) -> KeyId {
        KeyId::from_bytes([7; 16])
    }
}

impl EncryptionKey for FakeKey {
    fn encrypt(
        &self,
        _: &StreamSpec,
        frame: &QuantisedFrame,
        tile: u32,
    ) -> Result<Vec<u8>, SchemeError> {
        let sum: u32 = frame.levels().iter().map(|&level| u32::from(level)).sum();
        Ok([tile, sum].map(u32::to_le_bytes).concat())
    }

    fn tile_bytes(&self, _: &StreamSpec, _: u32) -> Result<usize, SchemeError> {
        Ok(8)
    }
}

/// Gives what it was made of, at a pace or as fast as it is asked, then ends.
struct ListSource(VecDeque<Pull>, Option<Duration>);

impl Source for ListSource {
    fn next(&mut self) -> Result<Pull, SourceError> {
        Ok(self.0.pop_front().unwrap_or(Pull::End))
    }

    fn interval(&self) -> Option<Duration> {
        self.1
    }
}

fn frames(count: u8) -> VecDeque<Pull> {
    (0..count)
        .map(|tone| {
            let frame = Frame::new(4, 4, vec![tone * 16; 16]).unwrap();
            Pull::Frame(SourceFrame {
                clip: "clip".to_owned(),
                index: u64::from(tone),
                captured: UNIX_EPOCH + Duration::from_secs(u64::from(tone)),
                frame,
            })
        })
        .collect()
}

/// Everything that left the stream, in its order.
#[derive(Debug)]
enum Seen {
    Tile(TileHeader, Vec<u8>),
    Event(CameraEvent),
}

/// Each tile's frame and, of what [`FakeKey`] made of it, the sum of the frame's levels.
fn level_sums(seen: Vec<Seen>) -> Vec<(u64, u32)> {
    let sum = |payload: &[u8]| u32::from_le_bytes(payload[4..].try_into().unwrap());
    seen.into_iter()
        .filter_map(|seen| match seen {
            Seen::Tile(header, payload) => Some((header.frame.seq, sum(&payload))),
            Seen::Event(_) => None,
        })
        .collect()
}

/// An outlet whose room is given tile by tile.
struct FakeOutlet {
    room: Semaphore,
    trust: TrustStore,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Outlet for Arc<FakeOutlet> {
    async fn publish(&self, topic: &Topic, bytes: Vec<u8>) -> Result<(), PublishError> {
        self.room.acquire().await.unwrap().forget();
        let (topic, limits) = (topic.to_string(), Limits::default());
        let tile = envelope::open::<FrameTile>(&topic, Bytes::from(bytes), &self.trust, &limits);
        let tile = tile.unwrap();
        let seen = Seen::Tile(tile.message().tile.clone(), tile.payload().to_vec());
        self.seen.lock().unwrap().push(seen);
        Ok(())
    }
}

/// What a stream is like.
struct Setup<'a> {
    feature: Feature,
    policy: Policy,
    side: u32,
    room: usize,
    timeout: Duration,
    interval: Option<Duration>,
    spool: Option<(&'a Path, u64)>,
    session: u8,
    retired: &'a [KeyId],
}

/// A stream of luma frames of 4 x 4 pixels, each one tile, with room for all of them and a credit of 2.
const SETUP: Setup<'_> = Setup {
    feature: Feature::Luma,
    policy: Policy::All,
    side: 4,
    room: 1000,
    timeout: NEVER,
    interval: None,
    spool: None,
    session: 5,
    retired: &[],
};

/// A running stream and all its ends.
struct Bench {
    outlet: Arc<FakeOutlet>,
    connected: watch::Sender<bool>,
    receipts: mpsc::Sender<Arrival>,
    session: SessionId,
    shutdown: CancellationToken,
    stream: JoinHandle<(Ended, CameraSummary)>,
}

impl Bench {
    /// Starts a stream that is connected.
    fn start(pulls: VecDeque<Pull>, setup: &Setup<'_>) -> Bench {
        let bench = Self::start_disconnected(pulls, setup);
        bench.connected.send_replace(true);
        bench
    }

    fn start_disconnected(pulls: VecDeque<Pull>, setup: &Setup<'_>) -> Bench {
        let identity = SigningIdentity::from_seed("gate".parse().unwrap(), &[1; 32]);
        let mut trust = TrustStore::new();
        let key = identity.verifying_key();
        trust
            .enroll(identity.name(), NodeRole::Camera, &key)
            .unwrap();
        let quantiser = Quantiser::from_bits(4).unwrap();
        let pool = PoolSpec::new(2, 2, 0).unwrap();
        let side = setup.side;
        let spec = StreamSpec::new(SchemeId::Tfhe, side, side, quantiser, pool).unwrap();

        let seen = Arc::new(Mutex::new(Vec::new()));
        let events = seen.clone();
        let outlet = Arc::new(FakeOutlet {
            room: Semaphore::new(setup.room),
            trust,
            seen: seen.clone(),
        });
        let (connected, is_connected) = watch::channel(false);
        let (receipts, arrivals) = mpsc::channel(8);
        let shutdown = CancellationToken::new();
        let (stopped, own_outlet) = (shutdown.clone(), outlet.clone());
        let preprocessor = Preprocessor::new(spec.clone(), setup.feature);
        let session = SessionId::from_bytes([setup.session; 16]);
        let next = FrameId {
            site: "demo".parse().unwrap(),
            camera: "gate".parse().unwrap(),
            session,
            seq: 0,
        };
        let observer: Observer =
            Arc::new(move |event| events.lock().unwrap().push(Seen::Event(event)));
        let spool = setup
            .spool
            .map(|(folder, bytes)| Spool::open(folder, bytes, &next.site, &next.camera).unwrap());
        let policy = setup.policy;
        let outbox = Outbox::new(policy, NonZeroU32::new(2).unwrap(), setup.timeout);
        let mut known = TrustStore::new();
        setup
            .retired
            .iter()
            .for_each(|key_set| known.retire(*key_set).unwrap());
        let ledger = Ledger::new(outbox, spool, observer.clone(), next.clone(), known.into());
        let source = Box::new(ListSource(pulls, setup.interval));
        let stream = tokio::spawn(async move {
            let stream = Stream {
                sealer: Arc::new(Sealer::new(identity, Arc::new(FakeKey), spec)),
                outlet: &own_outlet,
                connected: is_connected,
                ledger,
                policy,
                frame_bytes: FRAME_BYTES,
                next,
                observer,
                spool_works: Vitals::new(Shutdown::new()).need("the spool"),
            };
            let ended = stream
                .run(source, preprocessor, arrivals, &stopped)
                .await
                .unwrap();
            (ended, stream.ledger.summary())
        });
        Bench {
            outlet,
            connected,
            receipts,
            session,
            shutdown,
            stream,
        }
    }

    /// Tiles that left so far.
    fn tiles(&self) -> usize {
        let seen = self.outlet.seen.lock().unwrap();
        seen.iter()
            .filter(|seen| matches!(seen, Seen::Tile(..)))
            .count()
    }

    /// Waits until `count` tiles left, and a while longer for one too many.
    async fn expect_tiles(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.tiles() < count && Instant::now() < deadline {
            time::sleep(Duration::from_millis(2)).await;
        }
        time::sleep(A_WHILE).await;
        assert_eq!(self.tiles(), count);
    }

    async fn receipt(&self, seq: u64) {
        let key = FrameKey {
            session: self.session,
            seq,
        };
        let at = Instant::now();
        let logged = true;
        let arrival = Arrival::Receipt { key, logged, at };
        self.receipts.send(arrival).await.unwrap();
    }

    async fn recovery(&self) {
        let at = Instant::now();
        self.receipts.send(Arrival::Recovery { at }).await.unwrap();
    }

    async fn end(self) -> (Ended, CameraSummary, Vec<Seen>) {
        let (ended, summary) = self.stream.await.unwrap();
        (
            ended,
            summary,
            std::mem::take(&mut self.outlet.seen.lock().unwrap()),
        )
    }
}

#[tokio::test]
async fn a_fast_source_waits_for_credit_and_loses_nothing() {
    let bench = Bench::start(frames(4), &SETUP);
    bench.expect_tiles(2).await;
    bench.receipt(1).await;
    bench.expect_tiles(3).await;
    // A second copy of a receipt gives nothing.
    bench.receipt(1).await;
    bench.expect_tiles(3).await;
    bench.receipt(0).await;
    bench.expect_tiles(4).await;
    bench.receipt(2).await;
    bench.receipt(3).await;
    let (ended, summary, seen) = bench.end().await;
    assert_eq!(ended, Ended::Source);
    let counts = (
        summary.frames,
        summary.tiles,
        summary.confirmed,
        summary.without_receipt,
    );
    assert_eq!(counts, (4, 4, 4, 0));
    for seen in &seen {
        if let Seen::Tile(header, _) = seen {
            // Frame n was taken at second n.
            assert_eq!(header.captured_unix_ms, 1000 * header.frame.seq);
        }
    }
    // Frame n has the tone 16 n, which is level n of each of 16 pixels.
    assert_eq!(level_sums(seen), [(0, 0), (1, 16), (2, 32), (3, 48)]);
}

#[tokio::test]
async fn motion_sees_every_frame_once_however_long_each_waits() {
    let mut pulls = frames(4);
    pulls.insert(
        2,
        Pull::Skipped {
            file: PathBuf::from("x.png"),
            reason: "it is neither an image nor a video".to_owned(),
        },
    );
    // Starts over.
    pulls.extend(frames(2));
    let setup = Setup {
        feature: Feature::Motion,
        ..SETUP
    };
    let bench = Bench::start(pulls, &setup);
    for seq in 0..6 {
        bench.expect_tiles(usize::min(seq + 2, 6)).await;
        bench.receipt(seq as u64).await;
    }
    let (_, summary, seen) = bench.end().await;
    assert_eq!((summary.frames, summary.skipped), (6, 1));
    // Tones rise by 16, one level, from frame to frame.
    let expected = [(0, 0), (1, 16), (2, 16), (3, 16), (4, 0), (5, 16)];
    assert_eq!(level_sums(seen), expected);
}

#[tokio::test]
async fn a_frame_without_a_receipt_is_sent_again_until_it_comes() {
    let setup = Setup {
        timeout: Duration::from_millis(30),
        ..SETUP
    };
    let bench = Bench::start(frames(3), &setup);
    let deadline = Instant::now() + Duration::from_secs(20);
    while bench.tiles() < 8 && Instant::now() < deadline {
        time::sleep(Duration::from_millis(2)).await;
    }
    assert!(bench.tiles() >= 8);
    for seq in 0..3 {
        bench.receipt(seq).await;
    }
    // The receipt of frame 2 came before it was sent, so it means nothing.
    let again = bench.tiles();
    while bench.tiles() == again && Instant::now() < deadline {
        time::sleep(Duration::from_millis(2)).await;
    }
    bench.receipt(2).await;
    let (ended, summary, seen) = bench.end().await;
    assert_eq!(ended, Ended::Source);
    assert_eq!(
        (summary.frames, summary.confirmed, summary.given_up),
        (3, 3, 0)
    );
    assert_eq!(summary.frames + summary.sent_again, summary.tiles);
    let sums: Vec<(u64, u32)> = level_sums(seen);
    assert!(sums.iter().all(|&(seq, sum)| u64::from(sum) == 16 * seq));
}

#[tokio::test]
async fn a_live_view_gives_up_what_gets_no_receipt_and_says_so_in_its_headers() {
    let setup = Setup {
        policy: Policy::Latest,
        timeout: Duration::from_millis(50),
        interval: Some(Duration::from_millis(20)),
        ..SETUP
    };
    let bench = Bench::start(frames(16), &setup);
    let (ended, summary, seen) = bench.end().await;
    assert_eq!(ended, Ended::Source);
    assert_eq!((summary.captured, summary.confirmed), (16, 0));
    assert_eq!(summary.captured, summary.frames + summary.dropped);
    assert_eq!(summary.given_up, summary.frames);
    assert!(summary.frames > 2 && summary.dropped > 0, "{summary}");
    let headers: Vec<TileHeader> = seen
        .into_iter()
        .filter_map(|seen| match seen {
            Seen::Tile(header, _) => Some(header),
            Seen::Event(_) => None,
        })
        .collect();
    for (nth, header) in headers.iter().enumerate() {
        assert_eq!(header.frame.seq, nth as u64);
        // Two at a time, so all but the one before have been given up.
        assert!(header.oldest + 1 >= header.frame.seq, "{header:?}");
    }
    let last = headers.last().unwrap();
    assert!(last.dropped > 0 && last.dropped <= summary.dropped);
}

#[tokio::test]
async fn a_frame_that_the_viewer_will_never_log_is_given_up() {
    let bench = Bench::start(frames(1), &SETUP);
    bench.expect_tiles(1).await;
    let (session, at) = (bench.session, Instant::now());
    let key = FrameKey { session, seq: 0 };
    let logged = false;
    for _ in 0..2 {
        // The second one may find the stream at its end.
        let _ = bench
            .receipts
            .send(Arrival::Receipt { key, logged, at })
            .await;
    }
    let (ended, summary, seen) = bench.end().await;
    assert_eq!(ended, Ended::Source);
    assert_eq!((summary.confirmed, summary.given_up), (0, 1));
    let given_up = |seen: &Seen| matches!(seen, Seen::Event(CameraEvent::GivenUp { .. }));
    assert_eq!(seen.iter().filter(|seen| given_up(seen)).count(), 1);
}

#[tokio::test]
async fn after_a_recovery_what_is_on_its_way_is_sent_again() {
    let bench = Bench::start(frames(3), &SETUP);
    bench.expect_tiles(2).await;
    bench.recovery().await;
    bench.expect_tiles(4).await;
    bench.connected.send_replace(false);
    time::sleep(Duration::from_millis(1100)).await;
    bench.connected.send_replace(true);
    bench.expect_tiles(6).await;
    bench.shutdown.cancel();
    let (_, summary, seen) = bench.end().await;
    assert_eq!((summary.frames, summary.sent_again), (2, 4));
    let seqs: Vec<u64> = level_sums(seen).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, [0, 1, 0, 1, 0, 1]);
}

#[tokio::test]
async fn a_spool_takes_what_the_credit_does_not_and_keeps_it_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let spooled = |session, bytes| Setup {
        spool: Some((folder.path(), bytes)),
        session,
        ..SETUP
    };
    // Room for four frames, whatever the exact length of their files is.
    let bench = Bench::start(frames(16), &spooled(5, 1200));
    bench.connected.send_replace(false);
    time::sleep(A_WHILE).await;
    bench.connected.send_replace(true);
    bench.expect_tiles(2).await;
    bench.shutdown.cancel();
    let (_, first, _) = bench.end().await;
    assert!((3..8).contains(&first.spooled), "{first}");
    assert_eq!((first.frames, first.captured), (2, first.without_receipt));

    // All of the old session, and only then the new one.
    let bench = Bench::start(frames(1), &spooled(6, 1200));
    let old = SessionId::from_bytes([5; 16]);
    for seq in 0..first.spooled {
        let sent = usize::try_from(first.spooled.min(seq + 2)).unwrap();
        bench.expect_tiles(sent).await;
        let (key, at) = (FrameKey { session: old, seq }, Instant::now());
        bench
            .receipts
            .send(Arrival::Receipt {
                key,
                logged: true,
                at,
            })
            .await
            .unwrap();
    }
    bench.expect_tiles(first.spooled as usize + 1).await;
    bench.receipt(0).await;
    let (ended, second, seen) = bench.end().await;
    assert_eq!(ended, Ended::Source);
    assert_eq!(
        (second.recovered, second.confirmed, second.spooled),
        (first.spooled, first.spooled + 1, 0)
    );
    let mut expected: Vec<(u64, u32)> = (0..first.spooled)
        .map(|seq| (seq, 16 * seq as u32))
        .collect();
    expected.push((0, 0));
    assert_eq!(level_sums(seen), expected);
}

/// With nothing else under way that would make the camera look again.
#[tokio::test]
async fn a_spooled_frame_that_cannot_be_read_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let spooled = Setup {
        spool: Some((folder.path(), 1 << 20)),
        ..SETUP
    };
    let bench = Bench::start(frames(1), &spooled);
    bench.expect_tiles(1).await;
    bench.shutdown.cancel();
    assert_eq!(bench.end().await.1.spooled, 1);

    let bench = Bench::start_disconnected(VecDeque::new(), &spooled);
    time::sleep(A_WHILE).await;
    let mut files = fs::read_dir(folder.path()).unwrap();
    let file = files.find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension()
            .is_some_and(|ending| ending == "frame")
            .then_some(path)
    });
    let file = file.unwrap();
    let aside = folder.path().join("aside");
    fs::rename(&file, &aside).unwrap();
    fs::create_dir(&file).unwrap();
    bench.connected.send_replace(true);
    time::sleep(A_WHILE).await;
    assert_eq!(bench.tiles(), 0);
    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    bench.expect_tiles(1).await;
    bench.receipt(0).await;
    let (ended, summary, _) = bench.end().await;
    assert_eq!((ended, summary.confirmed), (Ended::Source, 1));
    assert_eq!((summary.torn, summary.spooled), (0, 0));
}

#[tokio::test]
async fn spooled_frames_under_a_retired_key_set_hold_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let spooled = |session, retired| Setup {
        spool: Some((folder.path(), 1 << 20)),
        session,
        retired,
        ..SETUP
    };
    let bench = Bench::start(frames(3), &spooled(5, &[]));
    bench.expect_tiles(2).await;
    bench.shutdown.cancel();
    assert_eq!(bench.end().await.1.spooled, 3);
    let retired = [KeyId::from_bytes([7; 16])];
    let bench = Bench::start(VecDeque::new(), &spooled(6, &retired));
    let (ended, summary, _) = bench.end().await;
    assert_eq!((ended, summary.tiles), (Ended::Source, 0));
    assert_eq!(
        (summary.recovered, summary.given_up, summary.spooled),
        (3, 3, 0)
    );
}

#[tokio::test]
async fn a_stop_does_not_wait_for_receipts() {
    let bench = Bench::start(frames(9), &SETUP);
    bench.expect_tiles(2).await;
    let asked = Instant::now();
    bench.shutdown.cancel();
    let (ended, summary, _) = bench.end().await;
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert_eq!(
        (ended, summary.frames, summary.without_receipt),
        (Ended::Asked, 2, 2)
    );
}

#[tokio::test]
async fn a_frame_half_sent_is_finished_after_a_stop() {
    let setup = Setup {
        side: 128,
        room: 1,
        ..SETUP
    };
    let bench = Bench::start(frames(9), &setup);
    bench.expect_tiles(1).await;
    bench.shutdown.cancel();
    bench.outlet.room.add_permits(1000);
    let (ended, summary, seen) = bench.end().await;
    assert_eq!((ended, summary.frames), (Ended::Asked, 1));
    let tiles = seen.iter().find_map(|seen| match seen {
        Seen::Tile(header, _) => Some(u64::from(header.tiles)),
        Seen::Event(_) => None,
    });
    assert!(tiles > Some(1));
    assert_eq!(Some(summary.tiles), tiles);
}

#[tokio::test]
async fn a_frame_that_cannot_be_finished_is_given_up_in_time() {
    let setup = Setup {
        side: 128,
        room: 1,
        ..SETUP
    };
    let bench = Bench::start(frames(9), &setup);
    bench.expect_tiles(1).await;
    let asked = Instant::now();
    bench.shutdown.cancel();
    let (ended, summary, _) = bench.end().await;
    assert_eq!((ended, summary.frames, summary.tiles), (Ended::Asked, 0, 1));
    assert!((FINISH_FRAME..FINISH_FRAME * 2).contains(&asked.elapsed()));
}

#[tokio::test]
async fn nothing_is_encrypted_without_a_connection() {
    let bench = Bench::start(frames(2), &SETUP);
    // The test has one thread, so the stream's task has not run yet.
    bench.connected.send_replace(false);
    bench.expect_tiles(0).await;
    bench.connected.send_replace(true);
    bench.expect_tiles(2).await;
}

#[tokio::test]
async fn a_frame_is_announced_before_it_leaves_and_before_it_is_complete() {
    let setup = Setup { side: 128, ..SETUP };
    let bench = Bench::start(frames(1), &setup);
    let tiles = 8;
    bench.expect_tiles(tiles).await;
    bench.receipt(0).await;
    let (_, summary, seen) = bench.end().await;
    assert_eq!(summary.tiles, tiles as u64);
    let Seen::Event(CameraEvent::Captured {
        frame,
        spec,
        quantised,
    }) = &seen[0]
    else {
        panic!("{:?}", seen[0])
    };
    assert_eq!(frame.seq, 0);
    assert_eq!((spec.width(), quantised.width()), (128, 128));
    let Seen::Event(CameraEvent::Sent { frame, bytes }) = &seen[tiles] else {
        panic!("{:?}", seen[tiles])
    };
    assert_eq!((frame.seq, *bytes), (0, summary.bytes));
    assert!(matches!(&seen[tiles + 1], Seen::Tile(..)));
}

#[tokio::test]
async fn a_skipped_file_takes_no_place() {
    let mut pulls = frames(2);
    let reason = "it is neither an image nor a video".to_owned();
    pulls.push_front(Pull::Skipped {
        file: PathBuf::from("x.png"),
        reason,
    });
    let bench = Bench::start(pulls, &SETUP);
    bench.expect_tiles(2).await;
    bench.shutdown.cancel();
    let (_, summary, seen) = bench.end().await;
    assert_eq!((summary.skipped, summary.frames), (1, 2));
    let Seen::Event(CameraEvent::Skipped { file, .. }) = &seen[0] else {
        panic!("{:?}", seen[0])
    };
    assert_eq!(file, &PathBuf::from("x.png"));
}
