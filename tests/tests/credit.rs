//! A camera that is faster than everything after it sends no more than its credit allows.

use std::time::Duration;

use camera_node::Feature;
use cipherframe::SchemeId;
use e2e::bus::{Listener, Stranger};
use e2e::camera::RunningCamera;
use e2e::frames::{Frames, busy, spec};
use e2e::site::{CAMERA, Site, VIEWER};
use e2e::stack::{Stack, start_broker};
use wire::envelope::{Limits, open, seal};
use wire::message::{FrameId, FrameTile, Message, Receipt};
use wire::topic::Topic;

const CREDIT: u32 = 3;
const FRAMES: u64 = 12;

/// How long a camera is given to send what it must not. A busy machine can only make the test miss a fault.
const TEMPTATION: Duration = Duration::from_millis(200);

fn frames_topic(site: &Site) -> Topic {
    Topic::Frame {
        site: site.name().clone(),
        camera: CAMERA.parse().unwrap(),
    }
}

/// The next frame on the broker; the stream has one tile for each.
async fn next_frame(site: &Site, frames: &mut Listener) -> FrameId {
    let message = frames.next().await;
    let opened = open::<FrameTile>(
        &message.topic,
        message.bytes,
        site.trust(),
        &Limits::default(),
    );
    opened.unwrap().message().tile.frame.clone()
}

/// The test plays the viewer: each receipt lets exactly one more frame out.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_receipt_lets_one_more_frame_out() {
    let site = Site::new("receipts");
    let broker = start_broker().await;
    let mqtt = site.mqtt(VIEWER, broker.addr());
    let mut frames = Listener::start(&mqtt, &frames_topic(&site).to_string()).await;
    let viewer = Stranger::connect(&mqtt);
    viewer.until_connected(true).await;
    let spec = spec(SchemeId::Plain, (4, 4), 4, (2, 2, 0));
    let source = Frames::source((0..FRAMES).map(|seed| busy((4, 4), seed as u32)));
    let camera = RunningCamera::start(
        &site,
        CAMERA,
        broker.addr(),
        Feature::Luma,
        &spec,
        source,
        CREDIT,
    );

    let mut unanswered = Vec::new();
    for _ in 0..CREDIT {
        unanswered.push(next_frame(&site, &mut frames).await);
    }
    for seq in u64::from(CREDIT)..FRAMES + u64::from(CREDIT) {
        let early = tokio::time::timeout(TEMPTATION, frames.next()).await;
        assert!(early.is_err(), "a frame beyond the credit");
        let receipt = Receipt {
            frame: unanswered.remove(0),
            logged: true,
        };
        let sealed = seal(&site.identity(VIEWER), &receipt, &[]).unwrap();
        viewer.say(&receipt.topic(), sealed).await;
        if seq < FRAMES {
            let frame = next_frame(&site, &mut frames).await;
            assert_eq!(frame.seq, seq);
            unanswered.push(frame);
        }
    }
    let (summary, _) = camera.end().await;
    assert_eq!((summary.frames, summary.confirmed), (FRAMES, FRAMES));
    broker.stop().await;
}

/// As anyone sees it who listens at the broker, while real nodes do the work.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_broker_never_sees_more_frames_than_receipts_and_credit() {
    let stack = Stack::start(Site::new("flood"), SchemeId::Plain).await;
    let mut bus = stack.listen("blindsight/v1/flood/gate/#").await;
    let spec = spec(SchemeId::Plain, (8, 8), 4, (2, 2, 0));
    let source = Frames::source((0..FRAMES).map(|seed| busy((8, 8), seed as u32)));
    let camera = stack.camera(CAMERA, &spec, source, CREDIT);
    let (mut frames, mut receipts) = (0, 0);
    let is_last = |message: &e2e::bus::Message| {
        match Topic::parse(&message.topic).unwrap() {
            Topic::Frame { .. } => frames += 1,
            Topic::Receipt { .. } => receipts += 1,
            _ => {}
        }
        assert!(
            frames <= receipts + CREDIT,
            "{frames} frames, {receipts} receipts"
        );
        u64::from(receipts) == FRAMES
    };
    bus.until(is_last).await;
    assert_eq!(u64::from(frames), FRAMES);
    assert_eq!(camera.end().await.0.confirmed, FRAMES);
    stack.stop().await;
}
