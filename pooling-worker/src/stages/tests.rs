//! The real intake and the real threads with keys that only pretend; the test holds the other end of the outlet's queue.

use std::future::ready;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use cipherframe::{EvaluationKey, SchemeId};
use wire::role::NodeRole;
use wire::trust::TrustStore;

use super::*;
use crate::testing::{FakeKey, GatedKey, header, key_id, spec_of};
use crate::threads::Pooling;

use SchemeId::{Plain, Tfhe};

/// Room for everything that a test sends.
const AMPLE: usize = 1 << 20;

struct Worker {
    intake: Intake,
    maps: mpsc::Receiver<Outgoing>,
    camera: SigningIdentity,
    counters: Arc<Counters>,
    shutdown: CancellationToken,
    stop: Arc<AtomicBool>,
}

impl Worker {
    /// A worker with `threads` threads in each lane that `keys` need, in which tiles of `backlog` bytes may wait.
    fn start(keys: Vec<Arc<dyn EvaluationKey>>, threads: usize, backlog: usize) -> Self {
        let camera = SigningIdentity::from_seed("gate".parse().expect("a name"), &[3; 32]);
        let mut trust = TrustStore::new();
        trust
            .enroll(camera.name(), NodeRole::Camera, &camera.verifying_key())
            .expect("the only node");
        let mut keyring = Keyring::default();
        for key in keys {
            assert!(keyring.insert(key).is_none());
        }
        let lanes = Arc::new(Lanes::new(backlog));
        let (outgoing, maps) = mpsc::channel(4);
        let counters = Arc::new(Counters::default());
        let shutdown = CancellationToken::new();
        let stop = Arc::new(AtomicBool::new(false));
        let pooling = Pooling {
            lanes: lanes.clone(),
            outgoing,
            counters: counters.clone(),
            shutdown: shutdown.clone(),
            stop: stop.clone(),
        };
        pooling
            .start(&keyring.schemes(), threads)
            .expect("threads start");
        let intake = Intake {
            trust: trust.into(),
            limits: Limits::default(),
            keyring,
            in_flight: InFlight::default(),
            lanes,
            counters: counters.clone(),
            shutdown: shutdown.clone(),
        };
        Self {
            intake,
            maps,
            camera,
            counters,
            shutdown,
            stop,
        }
    }

    /// The topic and bytes of frame `seq`, whose ciphertext is its number.
    fn message(&self, scheme: SchemeId, seq: u64) -> (String, Vec<u8>) {
        let tile = header("gate", seq, &spec_of(scheme));
        let tile = FrameTile { tile };
        let sealed = envelope::seal(&self.camera, &tile, &seq.to_le_bytes()).expect("sealed");
        (tile.topic().to_string(), sealed)
    }

    async fn send(&mut self, scheme: SchemeId, seq: u64) {
        let (topic, bytes) = self.message(scheme, seq);
        self.intake.take(&topic, &bytes).await.expect("open lanes");
    }

    /// Waits for a map: the key set it is of, and its frame's number.
    async fn map(&mut self) -> Option<([u8; 16], u64)> {
        let outgoing = self.maps.recv().await?;
        let tile = &outgoing.message.tile;
        assert_eq!(outgoing.payload, tile.frame.seq.to_le_bytes());
        Some((tile.key_id, tile.frame.seq))
    }
}

#[tokio::test]
async fn narrow_tiles_are_pooled_while_a_wide_tile_is_in_work() {
    let (wide, gate) = GatedKey::new(Tfhe);
    let mut worker = Worker::start(vec![Arc::new(wide), Arc::new(FakeKey::Echo)], 1, AMPLE);
    for seq in 0..9 {
        worker.send(Tfhe, seq).await;
    }
    // One wide tile is in work, eight wait, and none of them can end before the gate is opened.
    gate.begun.recv().expect("begun");
    for seq in 10..30 {
        worker.send(Plain, seq).await;
        assert_eq!(worker.map().await, Some((key_id(Plain), seq)));
    }
    for seq in 0..9 {
        gate.go_on.send(()).expect("waits");
        assert_eq!(worker.map().await, Some((key_id(Tfhe), seq)));
    }
}

#[tokio::test]
async fn as_many_narrow_tiles_are_in_work_as_there_are_threads() {
    let (narrow, gate) = GatedKey::new(Plain);
    let mut worker = Worker::start(vec![Arc::new(narrow)], 3, AMPLE);
    for seq in 0..3 {
        worker.send(Plain, seq).await;
    }
    for _ in 0..3 {
        gate.begun.recv().expect("begun");
    }
    for _ in 0..3 {
        gate.go_on.send(()).expect("waits");
    }
    let mut seqs = Vec::new();
    for _ in 0..3 {
        seqs.push(worker.map().await.expect("a map").1);
    }
    seqs.sort_unstable();
    assert_eq!(seqs, [0, 1, 2]);
}

#[tokio::test]
async fn a_full_lane_stops_the_reading_and_loses_nothing() {
    let (wide, gate) = GatedKey::new(Tfhe);
    // With no room at all one tile may wait.
    let mut worker = Worker::start(vec![Arc::new(wide), Arc::new(FakeKey::Echo)], 1, 0);
    worker.send(Tfhe, 0).await;
    gate.begun.recv().expect("begun");
    worker.send(Tfhe, 1).await;
    {
        let (topic, bytes) = worker.message(Tfhe, 2);
        let mut waits = pin!(worker.intake.take(&topic, &bytes));
        tokio::select! {
            biased;
            _ = &mut waits => panic!("there was room"),
            () = ready(()) => {}
        }
        gate.go_on.send(()).expect("waits");
        // The wide thread takes the waiting tile, and there is room again.
        waits.await.expect("open lanes");
    }
    assert_eq!(worker.intake.counters.full.get(), 1);
    worker.send(Plain, 3).await;
    gate.go_on.send(()).expect("waits");
    gate.go_on.send(()).expect("waits");
    let mut maps = Vec::new();
    for _ in 0..4 {
        maps.push(worker.map().await.expect("a map").1);
    }
    maps.sort_unstable();
    assert_eq!(maps, [0, 1, 2, 3]);
}

#[tokio::test]
async fn only_the_lanes_that_a_key_needs_have_threads() {
    let narrow = || -> Arc<dyn EvaluationKey> { Arc::new(FakeKey::Echo) };
    let wide = || -> Arc<dyn EvaluationKey> { Arc::new(GatedKey::new(Tfhe).0) };
    for (keys, threads) in [
        (vec![narrow()], 3),
        (vec![wide()], 1),
        (vec![wide(), narrow()], 4),
    ] {
        let worker = Worker::start(keys, 3, AMPLE);
        // Each has an end of the queue to the outlet.
        assert_eq!(worker.maps.sender_strong_count(), threads);
    }
}

#[tokio::test]
async fn a_panic_leaves_the_thread_to_the_next_tile() {
    let mut worker = Worker::start(vec![Arc::new(FakeKey::Panic)], 1, AMPLE);
    for seq in 0..5 {
        worker.send(Plain, seq).await;
    }
    // All of them leave the worker's hands, one after the other, by the only thread.
    while worker.counters.summary().failed < 5 {
        tokio::task::yield_now().await;
    }
    drop(worker.intake);
    assert!(worker.maps.recv().await.is_none());
    assert_eq!(worker.counters.summary().abandoned, 0);
}

#[tokio::test]
async fn at_the_end_waiting_tiles_are_given_up_and_everybody_ends() {
    let (wide, gate) = GatedKey::new(Tfhe);
    let mut worker = Worker::start(vec![Arc::new(wide), Arc::new(FakeKey::Endless)], 2, AMPLE);
    for seq in 0..4 {
        worker.send(Tfhe, seq).await;
    }
    gate.begun.recv().expect("begun");
    for seq in 10..20 {
        worker.send(Plain, seq).await;
    }
    worker.shutdown.cancel();
    let (topic, bytes) = worker.message(Plain, 20);
    // Whether it is taken or not, the intake does not wait.
    let _ = worker.intake.take(&topic, &bytes).await;
    drop(worker.intake);
    // The wide tile in work may end, the endless ones are stopped.
    gate.go_on.send(()).expect("waits");
    let last = worker.maps.recv().await.expect("a map");
    assert_eq!(last.message.tile.frame.seq, 0);
    worker.stop.store(true, Ordering::Relaxed);
    assert!(worker.maps.recv().await.is_none());
    let summary = worker.counters.summary();
    assert_eq!((summary.failed, summary.abandoned), (0, summary.tiles));
    assert!(gate.begun.try_recv().is_err(), "a further tile was begun");
}

#[tokio::test]
async fn nobody_waits_for_an_outlet_that_is_gone() {
    let (wide, gate) = GatedKey::new(Tfhe);
    let mut worker = Worker::start(vec![Arc::new(wide)], 1, 0);
    worker.send(Tfhe, 0).await;
    gate.begun.recv().expect("begun");
    worker.send(Tfhe, 1).await;
    let (topic, bytes) = worker.message(Tfhe, 2);
    drop(worker.maps);
    let mut waits = pin!(worker.intake.take(&topic, &bytes));
    tokio::select! {
        biased;
        _ = &mut waits => panic!("there was room"),
        () = ready(()) => {}
    }
    gate.go_on.send(()).expect("waits");
    assert!(waits.await.is_err());
}
