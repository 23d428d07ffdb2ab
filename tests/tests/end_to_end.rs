//! Frames go in at a camera and maps come out at the viewer, over real MQTT, with every scheme.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use camera_node::preprocess::resize;
use camera_node::source::{FolderSource, Repeat};
use camera_node::{CameraEvent, Feature};
use cipherframe::{FeatureMap, Frame, SchemeId, StreamSpec, max_pool};
use e2e::camera::RunningCamera;
use e2e::data_folder::pictures;
use e2e::frames::{Feed, Frames, black, busy, frame, spec};
use e2e::key_cache::camera_secret_key;
use e2e::log_record::{Line, LogRecord};
use e2e::site::{CAMERA, Site};
use e2e::stack::Stack;
use keyfile::KeyFile;
use wire::message::FrameId;
use wire::role::NodeRole;

/// Sends `frames` with a credit of 2 and compares every map and every picture with plaintext pooling.
async fn check(stack: &mut Stack, node: &str, spec: &StreamSpec, frames: Vec<Frame>) {
    let camera = stack.camera(node, spec, Frames::source(frames.clone()), 2);
    check_camera(stack, camera, node, spec, frames).await;
}

/// Compares every map of `frames`, which `camera` sends, with plaintext pooling.
async fn check_camera(
    stack: &mut Stack,
    camera: RunningCamera,
    node: &str,
    spec: &StreamSpec,
    frames: Vec<Frame>,
) {
    let count = frames.len() as u64;
    let expected: Vec<FeatureMap> = frames
        .iter()
        .map(|frame| resize(frame.clone(), spec.width(), spec.height()).unwrap())
        .map(|frame| max_pool(&spec.quantiser().quantise(&frame), spec.pool()).unwrap())
        .collect();
    let mut maps: BTreeMap<u64, (FrameId, FeatureMap)> = BTreeMap::new();
    while maps.len() < expected.len() {
        let (frame, map) = stack.map().await;
        assert_eq!(frame.camera.as_str(), node);
        let twice = maps.insert(frame.seq, (frame.clone(), map));
        assert!(twice.is_none(), "{frame} came twice");
    }
    let pictures = pictures(&stack.out(), node);
    for (seq, expected) in expected.iter().enumerate() {
        let seq = seq as u64;
        let (_, map) = &maps[&seq];
        assert_eq!(map, expected, "{spec}, frame {seq}");
        check_picture(&pictures[&seq], map);
    }

    let (summary, events) = camera.end().await;
    let tiles = u64::from(spec.tile_plan().tile_count());
    assert_eq!((summary.frames, summary.tiles), (count, count * tiles));
    assert_eq!((summary.confirmed, summary.given_up), (count, 0));
    assert_eq!((summary.without_receipt, summary.refused), (0, 0));
    check_receipts(&events, &maps);
}

/// One grey pixel for each window.
fn check_picture(path: &Path, map: &FeatureMap) {
    let picture = image::open(path).unwrap().into_luma8();
    assert_eq!(picture.dimensions(), (map.width(), map.height()));
    let grey = |value: &u8| (f64::from(*value) * 255.0 / f64::from(map.level_count())).round();
    let expected: Vec<u8> = map.values().iter().map(|value| grey(value) as u8).collect();
    assert_eq!(picture.into_raw(), expected, "{}", path.display());
}

/// Each frame is captured, sent once, then confirmed, and never more than two are without a receipt.
fn check_receipts(events: &[CameraEvent], maps: &BTreeMap<u64, (FrameId, FeatureMap)>) {
    let mut on_the_way = Vec::new();
    let mut confirmed = Vec::new();
    for event in events {
        match event {
            CameraEvent::Captured { frame, .. } => {
                on_the_way.push(frame.clone());
                assert!(on_the_way.len() <= 2, "{on_the_way:?}");
            }
            CameraEvent::Sent { frame, .. } => assert!(on_the_way.contains(frame)),
            CameraEvent::Confirmed { frame, elapsed } => {
                assert!(elapsed.is_some(), "sent more than once");
                let place = on_the_way.iter().position(|sent| sent == frame);
                on_the_way.remove(place.expect("a frame that was sent"));
                confirmed.push(frame.clone());
            }
            other => panic!("{other:?}"),
        }
    }
    confirmed.sort_by_key(|frame| frame.seq);
    let mapped: Vec<FrameId> = maps.values().map(|(frame, _)| frame.clone()).collect();
    assert_eq!(confirmed, mapped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frames_become_maps_with_scheme_plain() {
    let mut site = Site::new("plain");
    for camera in ["yard", "roof", "hall"] {
        site.enroll(camera, NodeRole::Camera);
    }
    let mut stack = Stack::start(site, SchemeId::Plain).await;
    let frames = |size, count| (0..count).map(|seed| busy(size, seed)).collect::<Vec<_>>();
    let small = spec(SchemeId::Plain, (8, 8), 4, (2, 2, 0));
    check(&mut stack, CAMERA, &small, frames((8, 8), 20)).await;
    // Five tiles; the windows of the last row and column hang over the edge.
    let tiled = spec(SchemeId::Plain, (130, 70), 8, (3, 2, 1));
    assert!(tiled.tile_plan().tile_count() > 3);
    check(&mut stack, "yard", &tiled, frames((130, 70), 3)).await;
    let resized = spec(SchemeId::Plain, (6, 4), 3, (2, 2, 0));
    check(&mut stack, "roof", &resized, frames((31, 17), 3)).await;
    let same = spec(SchemeId::Plain, (5, 3), 1, (1, 1, 0));
    check(
        &mut stack,
        "hall",
        &same,
        vec![black((5, 3)), busy((5, 3), 1)],
    )
    .await;

    let (worker, viewer) = stack.stop().await;
    assert_eq!((worker.refused, worker.failed, worker.repeated), (0, 0, 0));
    assert_eq!((worker.maps, viewer.tiles), (worker.tiles, worker.maps));
    assert_eq!((viewer.maps, viewer.receipts), (28, 28));
    assert_eq!(
        (viewer.refused, viewer.unreadable, viewer.unwritten),
        (0, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frames_become_maps_with_scheme_tfhe() {
    let mut site = Site::new("tfhe");
    site.enroll("yard", NodeRole::Camera);
    let mut stack = Stack::start(site, SchemeId::Tfhe).await;
    let size = (8, 8);
    let frames = vec![
        busy(size, 1),
        black(size),
        frame(size, |_, _| 255),
        busy(size, 2),
    ];
    let usual = spec(SchemeId::Tfhe, size, 4, (2, 2, 0));
    check(&mut stack, CAMERA, &usual, frames).await;
    let odd = spec(SchemeId::Tfhe, (5, 3), 3, (3, 2, 1));
    check(&mut stack, "yard", &odd, vec![busy((5, 3), 3)]).await;
    let (worker, viewer) = stack.stop().await;
    assert_eq!((worker.maps, worker.refused, worker.failed), (5, 0, 0));
    assert_eq!((viewer.maps, viewer.receipts, viewer.refused), (5, 5, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frames_become_maps_with_scheme_bfv() {
    let mut site = Site::new("bfv");
    site.enroll("yard", NodeRole::Camera);
    let mut stack = Stack::start(site, SchemeId::Bfv).await;
    // 384 windows, of which a tile holds 273.
    let size = (48, 32);
    let tiled = spec(SchemeId::Bfv, size, 4, (2, 2, 0));
    assert_eq!(tiled.tile_plan().tile_count(), 2);
    let frames = vec![busy(size, 1), black(size), frame(size, |_, _| 255)];
    check(&mut stack, CAMERA, &tiled, frames).await;
    let odd = spec(SchemeId::Bfv, (9, 7), 8, (3, 2, 1));
    check(&mut stack, "yard", &odd, vec![busy((9, 7), 3)]).await;
    let (worker, viewer) = stack.stop().await;
    assert_eq!((worker.maps, worker.refused, worker.failed), (7, 0, 0));
    assert_eq!((viewer.maps, viewer.receipts, viewer.refused), (4, 4, 0));
}

/// A camera in key mode `secret` says so in its log, sends half the bytes, and its maps are exact all the same. Another
/// camera of the key set may use the public key.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frames_become_maps_with_a_camera_secret_key() {
    let log = LogRecord::of_this_process();
    let mut site = Site::new("secret-key");
    site.enroll("yard", NodeRole::Camera);
    let mut stack = Stack::start(site, SchemeId::Bfv).await;
    let size = (48, 32);
    let spec = spec(SchemeId::Bfv, size, 4, (2, 2, 0));
    let frames: Vec<Frame> = (0..3).map(|seed| busy(size, seed)).collect();
    let camera = stack.camera_with_secret_key(CAMERA, &spec, Frames::source(frames.clone()), 2);
    check_camera(&mut stack, camera, CAMERA, &spec, frames.clone()).await;
    check(&mut stack, "yard", &spec, frames).await;
    let (worker, _) = stack.stop().await;
    assert_eq!((worker.maps, worker.refused, worker.failed), (12, 0, 0));

    let warned = |line: &Line| {
        line.message
            .starts_with("this camera holds the key that decrypts its frames and the maps")
    };
    let line = log.wait_for(0, warned).await;
    let key = KeyFile::inspect(&camera_secret_key(SchemeId::Bfv)).unwrap();
    assert_eq!(line.field("key_set"), key.key_id.to_string());
}

/// What waits for a frame need not be the end of a source: a camera goes on when frames come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_source_is_waited_for() {
    let mut stack = Stack::start(Site::new("slow"), SchemeId::Plain).await;
    let (feed, source) = Feed::open();
    let spec = spec(SchemeId::Plain, (2, 2), 4, (2, 2, 0));
    let camera = stack.camera(CAMERA, &spec, source, 1);
    for seq in 0..3 {
        feed.send(frame((2, 2), |x, y| (seq * 32 + x + y) as u8))
            .unwrap();
        let (frame, map) = stack.map().await;
        assert_eq!(
            (frame.seq, map.values()),
            (u64::from(seq), &[(seq * 2) as u8][..])
        );
    }
    drop(feed);
    assert_eq!(camera.end().await.0.confirmed, 3);
    stack.stop().await;
}

/// A grey picture of 16x8 pixels with a square of 4x4, which is one window once the picture has half the size: that at
/// column `at.0` of four and row `at.1` of two.
fn square(at: (u32, u32), tone: u8) -> image::GrayImage {
    let is_square = |x: u32, y: u32| (x / 4, y / 4) == at;
    image::GrayImage::from_fn(16, 8, |x, y| {
        image::Luma([if is_square(x, y) { tone } else { 100 }])
    })
}

/// The maps are written down by hand. The windows that the square leaves and enters change by as much as it is brighter
/// or darker than the grey; the first frame of each clip, also after the folder has started over, shows no motion.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn motion_becomes_maps_of_pooled_differences() {
    #[rustfmt::skip]
    let scene = [
        ("a/1.png", square((0, 0), 180), [0; 8]),
        ("a/2.png", square((1, 0), 180), [80, 80, 0, 0, 0, 0, 0, 0]),
        ("a/3.png", square((3, 1), 0),   [0, 80, 0, 0, 0, 0, 0, 100]),
        ("a/4.png", square((3, 1), 255), [0, 0, 0, 0, 0, 0, 0, 255]),
        ("b/1.png", square((2, 1), 130), [0; 8]),
        ("b/2.png", square((2, 1), 130), [0; 8]),
        ("b/3.png", square((2, 1), 127), [0, 0, 0, 0, 0, 0, 3, 0]),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (file, picture, _) in &scene {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(path).unwrap();
    }
    let mut stack = Stack::start(Site::new("motion"), SchemeId::Plain).await;
    let source = FolderSource::open(folder.path(), None, Repeat::Forever).unwrap();
    // With 8 bits a level is the difference itself.
    let spec = spec(SchemeId::Plain, (8, 4), 8, (2, 2, 0));
    let mut camera = RunningCamera::start(
        &stack.site,
        CAMERA,
        stack.address(),
        Feature::Motion,
        &spec,
        Box::new(source),
        2,
    );
    let mut maps = BTreeMap::new();
    while maps.len() < 2 * scene.len() {
        let (frame, map) = stack.map().await;
        maps.insert(frame.seq, map);
    }
    for (seq, (file, _, expected)) in (0..).zip(scene.iter().chain(&scene)) {
        assert_eq!(maps[&seq].values(), expected, "frame {seq}, {file}");
        // What the demo verifies maps with is the difference too.
        let (frame, quantised) = camera.captured().await;
        assert_eq!(frame.seq, seq);
        assert_eq!(max_pool(&quantised, spec.pool()).unwrap(), maps[&seq]);
    }
    let summary = camera.stop().await;
    assert_eq!((summary.skipped, summary.given_up), (0, 0));
    stack.stop().await;
}
