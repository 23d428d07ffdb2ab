use std::collections::BTreeMap;
use std::time::Duration;

use cipherframe::{Frame, KeyId, SchemeId, max_pool};
use image::GrayImage;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, yield_now};
use tokio::{spawn, time};
use wire::envelope::{self, Limits};
use wire::message::{FrameTile, TileHeader};
use wire::mqtt::PublishError;
use wire::role::NodeRole;
use wire::topic::Topic;
use wire::trust::{Trust, TrustStore};

use super::super::picture::Picture;
use super::super::plan::{RunRequest, VariantRequest, plan};
use super::super::shelf::{BeginError, Run, Stage};
use super::*;
use crate::event::ViewerEvent;
use crate::sessions::Gap;
use crate::testing::{KEY_ID, name};

const SIDE: u32 = 8;

/// What was handed over, as long as there is room.
struct Postbox {
    posted: mpsc::UnboundedSender<(String, Vec<u8>)>,
    knocked: Notify,
    room: Semaphore,
}

impl Post for Postbox {
    async fn post(&self, topic: &Topic, tile: Vec<u8>) -> Result<(), PublishError> {
        self.knocked.notify_one();
        self.room.acquire().await.unwrap().forget();
        self.posted.send((topic.to_string(), tile)).unwrap();
        Ok(())
    }
}

/// Panics at the first tile.
struct Broken;

impl Post for Broken {
    async fn post(&self, _: &Topic, _: Vec<u8>) -> Result<(), PublishError> {
        panic!("a broken post");
    }
}

fn identity() -> SigningIdentity {
    SigningIdentity::from_seed(name("lab"), &[3; 32])
}

fn courier() -> Courier {
    let scheme = SchemeId::Plain.get();
    let key = scheme.read_public_key(KeyId::from_bytes(KEY_ID), &[]);
    let keys = BTreeMap::from([(SchemeId::Plain, key.unwrap())]);
    let session = SessionId::from_bytes([1; 16]);
    Courier::new(name("demo"), identity(), keys, session, 1)
}

fn picture() -> Picture {
    Picture {
        width: SIDE,
        height: SIDE,
        format: "png".to_owned(),
        luma: GrayImage::from_fn(SIDE, SIDE, |x, y| image::Luma([(x * 31 + y * 17) as u8])),
    }
}

/// Begins a run with a variant of one tile for each of `bits`.
fn begin(lab: &Lab, id: &str, bits: &[u8]) -> Result<(), BeginError> {
    let variants = bits.iter().map(|&bits| VariantRequest {
        scheme: "plain".to_owned(),
        bits,
    });
    let request = RunRequest {
        picture: "p".to_owned(),
        width: SIDE,
        height: SIDE,
        kernel: 2,
        stride: 2,
        padding: 0,
        variants: variants.collect(),
    };
    let specs = plan(&request, &[SchemeId::Plain]).unwrap();
    lab.shelf()
        .begin(id.to_owned(), request, Arc::new(picture()), specs)?;
    lab.order();
    Ok(())
}

/// A courier at work.
struct Site {
    lab: Arc<Lab>,
    postbox: Arc<Postbox>,
    posted: mpsc::UnboundedReceiver<(String, Vec<u8>)>,
    shutdown: CancellationToken,
    courier: JoinHandle<()>,
    trust: Trust,
}

impl Site {
    fn start(room: usize) -> Self {
        let mut trust = TrustStore::new();
        let key = identity().verifying_key();
        trust.enroll(&name("lab"), NodeRole::Camera, &key).unwrap();
        let courier = courier();
        let (posted_sender, posted) = mpsc::unbounded_channel();
        let postbox = Arc::new(Postbox {
            posted: posted_sender,
            knocked: Notify::new(),
            room: Semaphore::new(room),
        });
        let shutdown = CancellationToken::new();
        Self {
            lab: courier.lab(),
            courier: spawn(courier.run(postbox.clone(), shutdown.clone())),
            postbox,
            posted,
            shutdown,
            trust: trust.into(),
        }
    }

    /// The next tile that is sent.
    async fn tile(&mut self) -> TileHeader {
        let (topic, bytes) = soon(self.posted.recv()).await.expect("a tile");
        let trust = self.trust.current();
        let opened =
            envelope::open::<FrameTile>(&topic, bytes.into(), &trust, &Limits::default()).unwrap();
        opened.message().tile.clone()
    }

    /// The only tile of a frame is back.
    fn back(&self, header: &TileHeader) {
        self.lab.observe(&ViewerEvent::Tile {
            frame: header.frame.clone(),
            arrived: 1,
            tiles: 1,
        });
    }

    /// A frame was pooled to the right map.
    fn map(&self, header: &TileHeader) {
        let spec = cipherframe::StreamSpec::from_bytes(&header.spec).unwrap();
        let frame: Frame = picture().frame(SIDE, SIDE).unwrap();
        self.lab.observe(&ViewerEvent::Map {
            frame: header.frame.clone(),
            map: max_pool(&spec.quantiser().quantise(&frame), spec.pool()).unwrap(),
            spec,
            gap: Gap::default(),
            captured_unix_ms: 0,
            score: None,
            latency_ms: 0,
            pool_ms: 5,
            decrypt: Duration::from_millis(7),
            bytes: 16,
        });
    }

    fn unreadable(&self, header: &TileHeader) {
        self.lab.observe(&ViewerEvent::Unreadable {
            frame: header.frame.clone(),
            reason: "a forged tile".to_owned(),
        });
    }

    /// A run, when nothing more will happen to it.
    async fn over(&self, id: &str) -> Run {
        let over = async {
            loop {
                let run = self.lab.shelf().run(id).cloned().unwrap();
                if run.is_over() {
                    return run;
                }
                yield_now().await;
            }
        };
        soon(over).await
    }
}

/// Fails rather than hangs.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(60);
    time::timeout(patience, what).await.expect("it never came")
}

fn error(stage: &Stage) -> &str {
    match stage {
        Stage::Failed(problem) => &problem.error,
        other => panic!("not failed: {other:?}"),
    }
}

#[tokio::test]
async fn the_next_frame_is_sent_when_the_tiles_are_back_whatever_comes_of_them() {
    let mut site = Site::start(3);
    begin(&site.lab, "a", &[8, 4]).unwrap();
    begin(&site.lab, "b", &[2]).unwrap();
    // No outcome of any frame is known while the next one is sent, of this run or of the next.
    let mut sent = Vec::new();
    for _ in 0..3 {
        let tile = site.tile().await;
        site.back(&tile);
        sent.push(tile);
    }
    let numbers: Vec<_> = sent.iter().map(|tile| tile.frame.seq).collect();
    assert_eq!(numbers, [0, 1, 2]);
    // Outcomes are taken note of in whatever order they come.
    site.map(&sent[2]);
    site.map(&sent[1]);
    site.unreadable(&sent[0]);
    let (first, second) = (site.over("a").await, site.over("b").await);
    assert_eq!(
        error(&first.variants[0].stage),
        "the frame gave no map: a forged tile"
    );
    for variant in [&first.variants[1], &second.variants[0]] {
        match &variant.stage {
            Stage::Done(comparison) => assert_eq!(comparison.wrong_cells, 0),
            other => panic!("not done: {other:?}"),
        }
        assert_eq!(variant.decrypt, Some(Duration::from_millis(7)));
        assert!(variant.compare.is_some());
        assert_eq!((variant.pool_ms, variant.bytes_down), (Some(5), 16));
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_tiles_are_back_or_the_frame_is_given_up() {
    let mut site = Site::start(2);
    begin(&site.lab, "a", &[8, 4]).unwrap();
    let first = site.tile().await;
    // What is said of a frame that nobody waits for changes nothing.
    let mut other = first.clone();
    other.frame.seq = 1;
    site.back(&other);
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(site.posted.is_empty());
    site.lab.observe(&ViewerEvent::Incomplete {
        frame: first.frame.clone(),
        arrived: 0,
        tiles: 1,
    });
    let second = site.tile().await;
    site.map(&second);
    let run = site.over("a").await;
    assert_eq!(
        error(&run.variants[0].stage),
        "the frame gave no map: the viewer gave the frame up"
    );
    assert!(matches!(run.variants[1].stage, Stage::Done(_)));
}

#[tokio::test]
async fn nothing_is_sent_after_the_shutdown_and_runs_end_with_a_sentence() {
    let mut site = Site::start(2);
    begin(&site.lab, "a", &[8, 4]).unwrap();
    begin(&site.lab, "b", &[8]).unwrap();
    let first = site.tile().await;
    site.shutdown.cancel();
    site.back(&first);
    site.map(&first);
    soon(&mut site.courier).await.unwrap();
    assert!(site.posted.is_empty());
    for id in ["a", "b"] {
        let run = site.over(id).await;
        for variant in &run.variants {
            assert_eq!(error(&variant.stage), "the viewer is stopping");
        }
    }
    assert!(matches!(
        begin(&site.lab, "c", &[8]),
        Err(BeginError::Closed(_))
    ));
}

#[tokio::test]
async fn a_run_that_is_cancelled_before_its_first_tile_takes_no_number() {
    let mut site = Site::start(0);
    begin(&site.lab, "a", &[8]).unwrap();
    soon(site.postbox.knocked.notified()).await;
    site.lab.shelf().run("a").unwrap().cancel();
    begin(&site.lab, "b", &[8]).unwrap();
    soon(site.postbox.knocked.notified()).await;
    site.postbox.room.add_permits(1);
    let tile = site.tile().await;
    assert_eq!((tile.frame.seq, tile.oldest), (0, 0));
}

#[tokio::test]
async fn a_courier_that_panics_fails_the_runs_and_closes_the_lab() {
    let courier = courier();
    let lab = courier.lab();
    begin(&lab, "a", &[8, 4]).unwrap();
    begin(&lab, "b", &[8]).unwrap();
    soon(courier.run(Arc::new(Broken), CancellationToken::new())).await;
    for id in ["a", "b"] {
        let run = lab.shelf().run(id).cloned().unwrap();
        for variant in &run.variants {
            assert_eq!(error(&variant.stage), "the lab broke down");
        }
    }
    match begin(&lab, "c", &[8]) {
        Err(BeginError::Closed(problem)) => assert_eq!(problem.error, "the lab broke down"),
        other => panic!("begun: {other:?}"),
    }
}

#[test]
fn the_picture_of_a_run_is_kept_with_it() {
    let lab = courier().lab();
    begin(&lab, "a", &[8]).unwrap();
    assert!(lab.shelf().picture("p").is_some());
    assert!(lab.shelf().picture("q").is_none());
}

#[tokio::test]
async fn a_run_that_is_over_is_not_cancelled_any_more() {
    let mut site = Site::start(1);
    begin(&site.lab, "a", &[8]).unwrap();
    let tile = site.tile().await;
    site.back(&tile);
    site.map(&tile);
    site.over("a").await.cancel();
    let run = site.over("a").await;
    assert!(!run.cancel.is_cancelled());
}
