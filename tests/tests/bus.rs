//! What passes over the broker, all of it, and that it says nothing of what the frames show.
//!
//! Whoever runs the broker hears all this.

use std::collections::BTreeMap;

use camera_node::KeyMode;
use cipherframe::{Frame, SchemeId, StreamSpec};
use e2e::bus::Message;
use e2e::frames::{Frames, black, busy, frame, spec};
use e2e::site::{CAMERA, Site, VIEWER, WORKER};
use e2e::stack::Stack;
use wire::envelope::{Limits, open};
use wire::message::{FrameTile, MapTile, Receipt};
use wire::mqtt::is_echo;
use wire::topic::Topic;

/// Sends `frames` and gives everything that the broker passed on until the last receipt.
async fn overheard(
    stack: &mut Stack,
    spec: &StreamSpec,
    key_mode: KeyMode,
    frames: Vec<Frame>,
) -> Vec<Message> {
    let mut bus = stack.listen("blindsight/#").await;
    let mut missing = frames.len();
    let frames = Frames::source(frames);
    let camera = match key_mode {
        KeyMode::Public => stack.camera(CAMERA, spec, frames, 2),
        KeyMode::Secret => stack.camera_with_secret_key(CAMERA, spec, frames, 2),
    };
    let mut messages = bus
        .until(|message| {
            missing -= usize::from(message.topic.ends_with("/receipt"));
            missing == 0
        })
        .await;
    let (summary, _) = camera.end().await;
    // The camera's goodbye: whatever the viewer may have said besides comes before it.
    let gone = |message: &Message| message.topic.ends_with("nodes/gate/state");
    messages.extend(bus.until(|message| gone(message)).await);
    assert_eq!(summary.confirmed, summary.frames);
    for _ in 0..summary.frames {
        stack.map().await;
    }
    messages
}

/// Checks that every message is one of the documented kinds, signed by the node that may send it, and counts the kinds
/// with their sizes.
fn sorted(messages: Vec<Message>, site: &Site) -> BTreeMap<&'static str, Vec<usize>> {
    let mut kinds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let limits = Limits::default();
    for Message { topic, bytes } in messages {
        let size = bytes.len();
        if is_echo(&topic) {
            // The broker asks itself whether it works.
            assert!(size == 8 && bytes.iter().all(u8::is_ascii_hexdigit));
            continue;
        }
        let kind = match Topic::parse(&topic).unwrap() {
            Topic::Frame { .. } => {
                let tile = open::<FrameTile>(&topic, bytes, site.trust(), &limits).unwrap();
                assert_eq!(tile.signer().as_str(), CAMERA);
                "frame"
            }
            Topic::Map { .. } => {
                let tile = open::<MapTile>(&topic, bytes, site.trust(), &limits).unwrap();
                assert_eq!(tile.signer().as_str(), WORKER);
                "map"
            }
            Topic::Receipt { .. } => {
                let receipt = open::<Receipt>(&topic, bytes, site.trust(), &limits).unwrap();
                assert_eq!(
                    (receipt.signer().as_str(), receipt.payload().len()),
                    (VIEWER, 0)
                );
                "receipt"
            }
            Topic::NodeState { .. } => {
                check_state(&bytes);
                continue;
            }
            Topic::NodeHealth { .. } => {
                check_health(&bytes);
                continue;
            }
        };
        kinds.entry(kind).or_default().push(size);
    }
    kinds
}

/// A state says one of three words, and why.
fn check_state(bytes: &[u8]) {
    let state: BTreeMap<String, String> = serde_json::from_slice(bytes).unwrap();
    let said: Vec<(&str, &str)> = state.iter().map(|(key, text)| (&**key, &**text)).collect();
    let [("reason", reason), ("state", state)] = said[..] else {
        panic!("{said:?}");
    };
    let known = [
        ("online", "connected"),
        ("stopped", "the source ended"),
        ("stopped", "asked to stop"),
        ("offline", "connection lost"),
    ];
    assert!(known.contains(&(state, reason)), "{state}: {reason}");
}

/// A health report is made of counts and times, which differ from one run to the next whatever is shown; so reports are
/// not compared. What can be checked is that there is no room in them for anything else.
fn check_health(bytes: &[u8]) {
    let report: BTreeMap<String, serde_json::Value> = serde_json::from_slice(bytes).unwrap();
    for (field, value) in &report {
        match field.as_str() {
            "role" => assert!(
                ["camera", "worker", "viewer"]
                    .map(Some)
                    .contains(&value.as_str())
            ),
            "ready" => assert!(value.is_boolean()),
            "uptime_s" | "resident_mib" | "taken_per_minute" | "done_per_minute" | "waiting"
            | "dropped" | "refused" => assert!(value.is_u64(), "{field}: {value}"),
            other => panic!("{other}: {value}"),
        }
    }
    assert_eq!(report.len(), 9);
}

/// Gives the size of the frames' tiles.
async fn black_and_busy(name: &str, spec: &StreamSpec, key_mode: KeyMode, count: u32) -> usize {
    let size = (spec.width(), spec.height());
    let mut stack = Stack::start(Site::new(name), spec.scheme()).await;
    let dark = vec![black(size); count as usize];
    let dark = sorted(
        overheard(&mut stack, spec, key_mode, dark).await,
        &stack.site,
    );
    let moving = (0..count).map(|seed| busy(size, seed)).collect();
    let moving = sorted(
        overheard(&mut stack, spec, key_mode, moving).await,
        &stack.site,
    );
    let white = vec![frame(size, |_, _| 255); count as usize];
    let white = sorted(
        overheard(&mut stack, spec, key_mode, white).await,
        &stack.site,
    );
    assert_eq!(dark, moving);
    assert_eq!(dark, white);

    let (frames, tiles) = (count as usize, spec.tile_plan().tile_count() as usize);
    let counted = |kind: &str| dark[kind].len();
    assert_eq!(
        (counted("frame"), counted("map")),
        (frames * tiles, frames * tiles)
    );
    assert_eq!(counted("receipt"), frames);
    assert!(
        dark["receipt"]
            .iter()
            .all(|bytes| *bytes == dark["receipt"][0])
    );
    stack.stop().await;
    dark["frame"][0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_black_and_a_busy_stream_look_the_same_with_scheme_plain() {
    let spec = spec(SchemeId::Plain, (90, 60), 4, (2, 2, 0));
    assert!(spec.tile_plan().tile_count() > 1);
    black_and_busy("bus-plain", &spec, KeyMode::Public, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_black_and_a_busy_stream_look_the_same_with_scheme_tfhe() {
    let spec = spec(SchemeId::Tfhe, (4, 4), 4, (2, 2, 0));
    black_and_busy("bus-tfhe", &spec, KeyMode::Public, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_black_and_a_busy_stream_look_the_same_with_scheme_bfv() {
    let spec = spec(SchemeId::Bfv, (48, 32), 4, (2, 2, 0));
    assert!(spec.tile_plan().tile_count() > 1);
    let public = black_and_busy("bus-bfv", &spec, KeyMode::Public, 2).await;
    let secret = black_and_busy("bus-secret", &spec, KeyMode::Secret, 2).await;
    let half = public / 2;
    assert!(secret.abs_diff(half) < half / 50, "{secret} of {public}");
}
