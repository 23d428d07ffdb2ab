//! Credit in bytes: what is on its way fits what the broker surely keeps, so a consumer that stands still loses nothing.
//!
//! Ring logs and frames are small here, so that a frame too many is really lost.

use std::collections::BTreeMap;
use std::time::Duration;

use broker::{Broker, BrokerConfig};
use camera_node::{CameraConfig, DEFAULT_BYTES_ON_THE_WAY, Feature, MESSAGE_OVERHEAD_BYTES};
use cipherframe::{FeatureMap, SchemeId, StreamSpec, max_pool};
use e2e::bus::{Listener, Stranger};
use e2e::camera::{RunningCamera, configuration};
use e2e::data_folder::committed;
use e2e::frames::{Frames, busy, spec};
use e2e::programs::run;
use e2e::site::{CAMERA, Site, VIEWER};
use e2e::stack::{Stack, start_broker_as};
use wire::envelope::{Limits, open, seal};
use wire::message::{FrameTile, Message, Receipt, TileHeader};
use wire::topic::Topic;

const FRAMES: u64 = 100;
const SIZE: (u32, u32) = (128, 64);

/// How long a camera is given to send what it must not. A busy machine can only make the test miss a fault.
const TEMPTATION: Duration = Duration::from_millis(300);

fn small_ring_logs() -> BrokerConfig {
    BrokerConfig {
        max_packet_bytes: 8 << 10,
        ring_log_bytes: 256 << 10,
        ..BrokerConfig::default()
    }
}

fn stream() -> StreamSpec {
    spec(SchemeId::Plain, SIZE, 8, (2, 2, 0))
}

/// A camera as fast as it can be, whose credit alone would let all frames out at once.
fn fast_camera(site: &Site, broker: &Broker, bytes_on_the_way: u64) -> RunningCamera {
    let mut config: CameraConfig = configuration(
        site,
        CAMERA,
        broker.addr(),
        Feature::Luma,
        &stream(),
        FRAMES as u32,
    );
    config.delivery.bytes_on_the_way = bytes_on_the_way;
    let frames = (0..FRAMES).map(|seed| busy(SIZE, seed as u32));
    RunningCamera::start_configured(config, Frames::source(frames))
}

async fn consumer(site: &Site, broker: &Broker) -> Listener {
    let frames = Topic::all_frames(site.name());
    Listener::start(&site.mqtt("slow", broker.addr()), &frames).await
}

async fn next_tile(site: &Site, consumer: &mut Listener) -> TileHeader {
    let message = consumer.next().await;
    assert!(message.bytes.len() as u64 <= 2048 + MESSAGE_OVERHEAD_BYTES);
    let opened = open::<FrameTile>(
        &message.topic,
        message.bytes,
        site.trust(),
        &Limits::default(),
    );
    opened.unwrap().message().tile.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_consumer_that_stands_still_loses_nothing() {
    let site = Site::new("patient");
    let broker = start_broker_as(small_ring_logs()).await;
    let kept = small_ring_logs().surely_kept_bytes() as u64;
    let mut consumer = consumer(&site, &broker).await;
    let viewer = Stranger::connect(&site.mqtt(VIEWER, broker.addr()));
    let mut camera = fast_camera(&site, &broker, kept);

    let tiles = stream().tile_plan().tile_count();
    let frame_bytes = u64::from(SIZE.0 * SIZE.1) + u64::from(tiles) * MESSAGE_OVERHEAD_BYTES;
    let places = kept / frame_bytes;
    assert!((2..FRAMES / 2).contains(&places), "{places}");
    for seq in 0..places {
        assert_eq!(camera.captured().await.0.seq, seq);
    }
    let early = tokio::time::timeout(TEMPTATION, camera.captured()).await;
    assert!(early.is_err(), "more frames than the ring log surely keeps");

    // Each tile of each frame, in order, none twice and none missing.
    for seq in 0..FRAMES {
        for tile in 0..tiles {
            let heard = next_tile(&site, &mut consumer).await;
            assert_eq!((heard.frame.seq, heard.tile), (seq, tile));
            if tile + 1 == tiles {
                let receipt = Receipt {
                    frame: heard.frame,
                    logged: true,
                };
                let sealed = seal(&site.identity(VIEWER), &receipt, &[]).unwrap();
                viewer.say(&receipt.topic(), sealed).await;
            }
        }
    }
    let (summary, _) = camera.end().await;
    assert_eq!((summary.frames, summary.confirmed), (FRAMES, FRAMES));
    broker.stop().await;
}

/// What the bound is for: with more on its way, the same broker loses messages and no node learns of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_than_the_ring_log_keeps_is_lost_without_a_word() {
    let site = Site::new("reckless");
    let broker = start_broker_as(small_ring_logs()).await;
    let mut consumer = consumer(&site, &broker).await;
    let mut camera = fast_camera(&site, &broker, u64::MAX);
    for _ in 0..FRAMES {
        camera.sent().await;
    }
    let tiles = stream().tile_plan().tile_count();
    let mut heard = 0;
    loop {
        let tile = next_tile(&site, &mut consumer).await;
        heard += 1;
        if (tile.frame.seq, tile.tile) == (FRAMES - 1, tiles - 1) {
            break;
        }
    }
    assert!(heard < FRAMES * u64::from(tiles), "nothing was lost");
    let summary = camera.stop().await;
    assert_eq!((summary.frames, summary.given_up), (FRAMES, 0));
    broker.stop().await;
}

/// Real nodes, of which the worker is the slow one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fast_bfv_camera_loses_nothing() {
    let config = BrokerConfig {
        max_packet_bytes: 512 << 10,
        ring_log_bytes: 4 << 20,
        ..BrokerConfig::default()
    };
    let kept = config.surely_kept_bytes() as u64;
    let broker = start_broker_as(config).await;
    let mut stack = Stack::start_around(broker, Site::new("bfv-room"), SchemeId::Bfv).await;
    let size = (48, 32);
    let spec = spec(SchemeId::Bfv, size, 4, (2, 2, 0));
    let frames: Vec<_> = (0..12).map(|seed| busy(size, seed)).collect();
    let pooled = |frame| max_pool(&spec.quantiser().quantise(frame), spec.pool()).unwrap();
    let expected: Vec<FeatureMap> = frames.iter().map(pooled).collect();

    let mut config = configuration(
        &stack.site,
        CAMERA,
        stack.address(),
        Feature::Luma,
        &spec,
        64,
    );
    config.delivery.bytes_on_the_way = kept;
    let camera = RunningCamera::start_configured(config, Frames::source(frames));
    let mut maps = BTreeMap::new();
    for _ in &expected {
        let (frame, map) = stack.map().await;
        maps.insert(frame.seq, map);
    }
    assert_eq!(maps.into_values().collect::<Vec<_>>(), expected);
    let (summary, _) = camera.end().await;
    assert_eq!((summary.frames, summary.confirmed), (12, 12));
    let bytes = summary.bytes / summary.frames;
    // The largest number of frames that fit is more than one, so tiles did queue up.
    assert!((2..4).contains(&(kept / bytes)), "{kept} / {bytes}");
    stack.stop().await;
}

/// Two frames of 104 MB, where the broker's default ring log has 128 MiB.
#[test]
fn the_demo_has_room_for_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let samples = committed("samples").canonicalize().unwrap();
    let demo = "demo --scheme bfv --size 640x480 --bits 4 --frames 2 --verify --headless --video";
    let args = demo.split(' ').chain([samples.to_str().unwrap()]);
    let outcome = run("blindsight", &args.collect::<Vec<_>>(), folder.path());
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    let summary = outcome.stdout.lines().last().unwrap();
    assert!(
        summary.starts_with("2 frames, 2 maps, 0 mismatched values, 0 lost"),
        "{summary}"
    );
}

#[test]
fn two_cameras_with_the_defaults_share_the_default_broker() {
    let kept = BrokerConfig::default().surely_kept_bytes() as u64;
    assert!(2 * DEFAULT_BYTES_ON_THE_WAY <= kept);
}
