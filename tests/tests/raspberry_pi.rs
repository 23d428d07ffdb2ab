//! The camera node as it is built for a Raspberry Pi, under qemu, against a broker, a worker and a viewer of this machine.
//!
//! `just pi` builds the program and `just pi-test` runs this. Elsewhere it is skipped, which is said.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use camera_node::CameraConfig;
use camera_node::preprocess::resize;
use camera_node::source::Pull;
use cipherframe::{FeatureMap, SchemeId, max_pool};
use e2e::data_folder::committed;
use e2e::key_cache::key_set;
use e2e::node_process::NodeProcess;
use e2e::site::{CAMERA, Site};
use e2e::skipped;
use e2e::stack::Stack;

/// Names the program.
const PROGRAM: &str = "BLINDSIGHT_PI_CAMERA";
/// Where Debian's libraries for the other processor are; they come with the cross compiler.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";
/// Images of the bundled samples that are sent, before the video.
const IMAGES: [&str; 4] = ["000.png", "010.png", "020.png", "030.png"];
const VIDEO: &str = "walk.mp4";

/// A folder with images and a video.
fn footage() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for image in IMAGES {
        let from = committed("samples/2-cyclist").join(image);
        fs::copy(from, folder.path().join(format!("street-{image}"))).unwrap();
    }
    let video = committed("camera-node/tests/data").join(VIDEO);
    fs::copy(video, folder.path().join(VIDEO)).unwrap();
    folder
}

/// Writes the configuration of the camera.
fn configured(stack: &Stack, scheme: SchemeId, stream: &str, footage: &Path) -> PathBuf {
    let site = &stack.site;
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    let text = format!(
        "[node]\nsite = \"{}\"\nname = \"{CAMERA}\"\nsigning_key = \"{}\"\ntrust = \"{}\"\n\
         [mqtt]\nurl = \"mqtt://{}\"\n\
         [source]\nfolder = \"{}\"\n\
         [stream]\nscheme = \"{scheme}\"\n{stream}\nkernel = 2\nstride = 2\npublic_key = \"{}\"\n\
         [delivery]\ncredit = 2\nreceipt_timeout_s = 240\n",
        site.name(),
        path(site.signing_key(CAMERA)),
        path(site.trust_file()),
        stack.address(),
        path(footage.to_owned()),
        path(key_set(scheme).join("camera-public.key")),
    );
    let file = site.path().join("camera.toml");
    fs::write(&file, text).unwrap();
    file
}

/// What plaintext pooling makes of the frames that this machine's own build reads.
fn plaintext_maps(config: &CameraConfig, count: usize) -> Vec<FeatureMap> {
    let spec = &config.stream.spec;
    let mut source = config.source.open().unwrap();
    let mut maps = Vec::new();
    while maps.len() < count {
        match source.next().unwrap() {
            Pull::Frame(frame) => {
                let frame = resize(frame.frame, spec.width(), spec.height()).unwrap();
                maps.push(max_pool(&spec.quantiser().quantise(&frame), spec.pool()).unwrap());
            }
            other => panic!("{} frames, then {other:?}", maps.len()),
        }
    }
    maps
}

/// Sends `count` frames of the footage and compares what comes back.
async fn pooled_as_in_the_clear(program: &str, scheme: SchemeId, stream: &str, count: usize) {
    let mut stack = Stack::start(Site::new(&format!("pi-{scheme}")), scheme).await;
    let footage = footage();
    let file = configured(&stack, scheme, stream, footage.path());
    let expected = plaintext_maps(&CameraConfig::load(&file).unwrap(), count);
    assert!(
        expected.iter().any(|map| *map != expected[0]),
        "a still picture"
    );

    let mut command = Command::new("qemu-aarch64");
    command
        .args(["-L", LIBRARIES, program, "run", "--config"])
        .arg(&file);
    let began = Instant::now();
    let mut camera = NodeProcess::spawn("camera-node", command);
    for (seq, expected) in expected.iter().enumerate() {
        let (frame, map) = stack.map().await;
        assert_eq!(frame.seq, seq as u64, "{:?}", camera.said());
        assert_eq!(map, *expected, "{scheme}: map {seq}");
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{scheme}: {count} frames encrypted under qemu, 0 mismatched values, {seconds:.1} s");
    camera.terminate();
    let (status, log) = camera.end();
    assert_eq!(status.code(), Some(0), "{}", log.join("\n"));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn images_and_a_video_are_pooled_as_in_the_clear_with_both_schemes() {
    let Ok(program) = env::var(PROGRAM) else {
        return skipped("no program for a Raspberry Pi was built; `just pi` and `just pi-test` do");
    };
    // The images come first.
    pooled_as_in_the_clear(
        &program,
        SchemeId::Bfv,
        "size = \"84x62\"\nlevels = [8, 20, 45]",
        20,
    )
    .await;
    pooled_as_in_the_clear(&program, SchemeId::Tfhe, "size = \"6x4\"\nbits = 4", 8).await;
}
