use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Mutex;

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
use wire::role::NodeRole;
use wire::trust::TrustStore;

use super::*;
use crate::feature::Feature;
use crate::source::{SourceError, SourceFrame};

/// Long enough for anything that is going to happen, to show that something does not.
const A_WHILE: Duration = Duration::from_millis(100);
/// A receipt timeout that no test reaches.
const NEVER: Duration = Duration::from_secs(600);

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

/// Gives what it was made of, then ends.
struct ListSource(VecDeque<Pull>);

impl Source for ListSource {
    fn next(&mut self) -> Result<Pull, SourceError> {
        Ok(self.0.pop_front().unwrap_or(Pull::End))
    }

    fn interval(&self) -> Option<Duration> {
        None
    }
}

fn frames(count: u8) -> VecDeque<Pull> {
    (0..count)
        .map(|tone| {
            let frame = Frame::new(4, 4, vec![tone * 16; 16]).unwrap();
            Pull::Frame(SourceFrame {
                clip: "clip".to_owned(),
                index: u64::from(tone),
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

/// A running stream and all its ends.
struct Bench {
    outlet: Arc<FakeOutlet>,
    connected: watch::Sender<bool>,
    receipts: mpsc::Sender<Arrival>,
    shutdown: CancellationToken,
    stream: JoinHandle<(Ended, CameraSummary)>,
}

impl Bench {
    /// Starts a stream of luma with a credit of 2 over frames of `side` x `side` pixels, connected
    /// and with room for `room` tiles.
    fn start(pulls: VecDeque<Pull>, side: u32, room: usize, timeout: Duration) -> Bench {
        Bench::start_feature(Feature::Luma, pulls, side, room, timeout)
    }

    /// As [`Bench::start`], of any feature.
    fn start_feature(
        feature: Feature,
        pulls: VecDeque<Pull>,
        side: u32,
        room: usize,
        timeout: Duration,
    ) -> Bench {
        let identity = SigningIdentity::from_seed("gate".parse().unwrap(), &[1; 32]);
        let mut trust = TrustStore::new();
        let key = identity.verifying_key();
        trust
            .enroll(identity.name(), NodeRole::Camera, &key)
            .unwrap();
        let quantiser = Quantiser::from_bits(4).unwrap();
        let pool = PoolSpec::new(2, 2, 0).unwrap();
        let spec = StreamSpec::new(SchemeId::Tfhe, side, side, quantiser, pool).unwrap();

        let seen = Arc::new(Mutex::new(Vec::new()));
        let events = seen.clone();
        let outlet = Arc::new(FakeOutlet {
            room: Semaphore::new(room),
            trust,
            seen: seen.clone(),
        });
        let (connected, is_connected) = watch::channel(true);
        let (receipts, arrivals) = mpsc::channel(8);
        let shutdown = CancellationToken::new();
        let (stopped, own_outlet) = (shutdown.clone(), outlet.clone());
        let preprocessor = Preprocessor::new(spec.clone(), feature);
        let stream = tokio::spawn(async move {
            let mut stream = Stream {
                sealer: Arc::new(Sealer::new(identity, Arc::new(FakeKey), spec)),
                outlet: &own_outlet,
                connected: is_connected,
                arrivals,
                credit: Credit::new(NonZeroU32::new(2).unwrap(), timeout),
                next: FrameId {
                    site: "demo".parse().unwrap(),
                    camera: "gate".parse().unwrap(),
                    session: SessionId::from_bytes([5; 16]),
                    seq: 0,
                },
                observer: Arc::new(move |event| events.lock().unwrap().push(Seen::Event(event))),
                summary: CameraSummary::default(),
            };
            let ended = stream
                .run(Box::new(ListSource(pulls)), preprocessor, &stopped)
                .await
                .unwrap();
            (ended, stream.summary())
        });
        Bench {
            outlet,
            connected,
            receipts,
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
        self.receipts
            .send(Arrival {
                seq,
                at: Instant::now(),
            })
            .await
            .unwrap();
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
    let bench = Bench::start(frames(4), 4, 100, NEVER);
    bench.expect_tiles(2).await;
    bench.receipt(1).await;
    bench.expect_tiles(3).await;
    // A second copy of a receipt gives nothing.
    bench.receipt(1).await;
    bench.expect_tiles(3).await;
    for seq in [0, 2, 3] {
        bench.receipt(seq).await;
    }
    let (ended, summary, seen) = bench.end().await;
    assert_eq!(ended, Ended::Source);
    let counts = (
        summary.frames,
        summary.tiles,
        summary.confirmed,
        summary.on_the_way,
    );
    assert_eq!(counts, (4, 4, 4, 0));
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
            reason: "it is not a PNG or JPEG image".to_owned(),
        },
    );
    // Starts over.
    pulls.extend(frames(2));
    let bench = Bench::start_feature(Feature::Motion, pulls, 4, 100, NEVER);
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
async fn without_receipts_the_stream_goes_on_after_the_timeout() {
    let bench = Bench::start(frames(5), 4, 100, Duration::from_millis(30));
    let (ended, summary, seen) = bench.end().await;
    assert_eq!(ended, Ended::Source);
    assert_eq!(
        (summary.frames, summary.confirmed, summary.unconfirmed),
        (5, 0, 5)
    );
    let given_up = seen
        .iter()
        .filter(|seen| matches!(seen, Seen::Event(CameraEvent::Unconfirmed { .. })))
        .count();
    assert_eq!(given_up, 5);
}

#[tokio::test]
async fn a_late_receipt_is_counted_as_confirmed() {
    let bench = Bench::start(frames(3), 4, 100, Duration::from_millis(200));
    bench.expect_tiles(2).await;
    bench.expect_tiles(3).await;
    for seq in 0..3 {
        bench.receipt(seq).await;
    }
    let (_, summary, seen) = bench.end().await;
    assert_eq!((summary.confirmed, summary.unconfirmed), (3, 0));
    assert!(
        seen.iter()
            .any(|seen| { matches!(seen, Seen::Event(CameraEvent::Confirmed { late: true, .. })) })
    );
}

#[tokio::test]
async fn a_stop_does_not_wait_for_receipts() {
    let bench = Bench::start(frames(9), 4, 100, NEVER);
    bench.expect_tiles(2).await;
    let asked = Instant::now();
    bench.shutdown.cancel();
    let (ended, summary, _) = bench.end().await;
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert_eq!(
        (ended, summary.frames, summary.on_the_way),
        (Ended::Asked, 2, 2)
    );
}

#[tokio::test]
async fn a_frame_half_sent_is_finished_after_a_stop() {
    let bench = Bench::start(frames(9), 128, 1, NEVER);
    bench.expect_tiles(1).await;
    bench.shutdown.cancel();
    bench.outlet.room.add_permits(1000);
    let (ended, summary, seen) = bench.end().await;
    assert_eq!((ended, summary.frames), (Ended::Asked, 1));
    let Seen::Tile(header, _) = &seen[0] else {
        panic!("{:?}", seen[0])
    };
    assert!(header.tiles > 1);
    assert_eq!(summary.tiles, u64::from(header.tiles));
}

#[tokio::test]
async fn a_frame_that_cannot_be_finished_is_given_up_in_time() {
    let bench = Bench::start(frames(9), 128, 1, NEVER);
    bench.expect_tiles(1).await;
    let asked = Instant::now();
    bench.shutdown.cancel();
    let (ended, summary, _) = bench.end().await;
    assert_eq!((ended, summary.frames, summary.tiles), (Ended::Asked, 0, 1));
    assert!((FINISH_FRAME..FINISH_FRAME * 2).contains(&asked.elapsed()));
}

#[tokio::test]
async fn nothing_is_encrypted_without_a_connection() {
    let bench = Bench::start(frames(2), 4, 100, NEVER);
    // The test has one thread, so the stream's task has not run yet.
    bench.connected.send_replace(false);
    bench.expect_tiles(0).await;
    bench.connected.send_replace(true);
    bench.expect_tiles(2).await;
}

#[tokio::test]
async fn a_frame_is_announced_before_it_is_complete() {
    let bench = Bench::start(frames(1), 128, 1000, NEVER);
    // A receipt that waits while the frame is sent is taken once it was.
    bench.receipt(0).await;
    let (_, summary, seen) = bench.end().await;
    let announced = seen
        .iter()
        .position(|seen| matches!(seen, Seen::Event(CameraEvent::Published { .. })))
        .unwrap();
    let last_tile = seen
        .iter()
        .rposition(|seen| matches!(seen, Seen::Tile(..)))
        .unwrap();
    assert_eq!(announced + 1, last_tile);
    let Seen::Event(CameraEvent::Published {
        frame,
        spec,
        quantised,
        bytes,
    }) = &seen[announced]
    else {
        unreachable!()
    };
    assert_eq!((frame.seq, *bytes), (0, summary.bytes));
    assert_eq!((spec.width(), quantised.width()), (128, 128));
}

#[tokio::test]
async fn a_skipped_file_takes_no_place() {
    let mut pulls = frames(2);
    let reason = "it is not a PNG or JPEG image".to_owned();
    pulls.push_front(Pull::Skipped {
        file: PathBuf::from("x.png"),
        reason,
    });
    let bench = Bench::start(pulls, 4, 100, NEVER);
    bench.expect_tiles(2).await;
    bench.shutdown.cancel();
    let (_, summary, seen) = bench.end().await;
    assert_eq!((summary.skipped, summary.frames), (1, 2));
    let Seen::Event(CameraEvent::Skipped { file, .. }) = &seen[0] else {
        panic!("{:?}", seen[0])
    };
    assert_eq!(file, &PathBuf::from("x.png"));
}
