//! Four programs with the committed configuration files, as a user starts them by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use camera_node::CameraConfig;
use camera_node::preprocess::resize;
use camera_node::source::Pull;
use cipherframe::{QuantisedFrame, SchemeId, max_pool};
use e2e::PATIENCE;
use e2e::data_folder::{Checkout, free_port, pictures};
use e2e::node_process::NodeProcess;

/// A node promises to end within 5 s; a machine that is busy with other work gets some more.
const STOP_LIMIT: Duration = Duration::from_secs(10);

fn start(program: &str, node: &str, checkout: &Checkout) -> NodeProcess {
    let config = format!("configs/demo/{node}.toml");
    NodeProcess::start(program, &["run", "--config", &config], checkout.path())
}

/// The maps that the viewer has written.
fn written(checkout: &Checkout) -> BTreeMap<u64, PathBuf> {
    pictures(&checkout.path().join("blindsight-data/out"), "gate")
}

/// Waits until there are `count` maps beyond `seq`, and gives the highest.
fn wait_for_maps(checkout: &Checkout, beyond: Option<u64>, count: usize) -> u64 {
    let began = Instant::now();
    loop {
        let maps = written(checkout);
        if maps
            .keys()
            .filter(|seq| beyond.is_none_or(|beyond| **seq > beyond))
            .count()
            >= count
        {
            return *maps.last_key_value().unwrap().0;
        }
        assert!(began.elapsed() < PATIENCE, "no more maps after {maps:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The frames that the camera of the configuration sends, in order, again and again.
fn frames(config: &CameraConfig, count: usize) -> Vec<QuantisedFrame> {
    let spec = &config.stream.spec;
    let mut source = config.source.open().unwrap();
    let next = || match source.next().unwrap() {
        Pull::Frame(frame) => {
            let frame = resize(frame.frame, spec.width(), spec.height()).unwrap();
            spec.quantiser().quantise(&frame)
        }
        other => panic!("{other:?}"),
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Every written map is that of its frame.
fn check_maps(checkout: &Checkout) {
    let config = CameraConfig::load(&checkout.config("camera")).unwrap();
    let maps = written(checkout);
    let frames = frames(&config, *maps.last_key_value().unwrap().0 as usize + 1);
    for (seq, picture) in maps {
        let map = max_pool(&frames[seq as usize], config.stream.spec.pool()).unwrap();
        check_picture(&picture, map.values(), map.level_count());
    }
}

fn check_picture(path: &Path, values: &[u8], levels: u8) {
    let picture = image::open(path).unwrap().into_luma8();
    let grey = |value: &u8| (f64::from(*value) * 255.0 / f64::from(levels)).round() as u8;
    let expected: Vec<u8> = values.iter().map(grey).collect();
    assert_eq!(picture.into_raw(), expected, "{}", path.display());
}

#[test]
fn a_worker_is_killed_and_comes_back_and_the_stream_goes_on() {
    let checkout = Checkout::new(SchemeId::Tfhe);
    checkout.move_to_port(free_port());
    checkout.edit("camera", "size = \"16x16\"", "size = \"6x4\"");
    // The worker stays away for longer than a receipt is waited for.
    checkout.edit("camera", "receipt_timeout_s = 20", "receipt_timeout_s = 5");

    let mut broker = start("broker", "broker", &checkout);
    broker.wait_for("broker is ready");
    let mut viewer = start("viewer", "viewer", &checkout);
    let worker = start("pooling-worker", "worker", &checkout);
    let mut camera = start("camera-node", "camera", &checkout);
    let before = wait_for_maps(&checkout, None, 2);

    worker.kill();
    let last = camera.wait_for("no receipt in time, sending the frame again");
    let mut worker = start("pooling-worker", "worker", &checkout);
    let after = wait_for_maps(&checkout, Some(before), 3);
    assert!(after > before, "{last}");
    check_maps(&checkout);

    let asked = Instant::now();
    for node in [&mut camera, &mut worker, &mut viewer, &mut broker] {
        node.terminate();
    }
    for (name, node) in [
        ("camera", camera),
        ("worker", worker),
        ("viewer", viewer),
        ("broker", broker),
    ] {
        let (status, log) = node.end();
        assert_eq!(status.code(), Some(0), "{name}: {}", log.join("\n"));
        assert!(asked.elapsed() < STOP_LIMIT, "{name}: {}", log.join("\n"));
        let panics: Vec<&String> = log
            .iter()
            .filter(|line| line.contains("panicked"))
            .collect();
        assert!(panics.is_empty(), "{name}: {panics:?}");
    }
}

#[test]
fn a_node_without_a_broker_says_so_and_ends() {
    let checkout = Checkout::new(SchemeId::Tfhe);
    let port = free_port();
    checkout.move_to_port(port);
    let viewer = start("viewer", "viewer", &checkout);
    let (status, log) = viewer.end();
    assert_eq!(status.code(), Some(69), "{log:?}");
    let what = format!("error: cannot reach the MQTT broker at 127.0.0.1:{port} within 15 s: ");
    let said = log
        .iter()
        .position(|line| line.starts_with(&what))
        .expect("the error");
    assert_eq!(log[said + 1], "  help: start the broker or mend `mqtt.url`");
}

/// As in `broker run 2>&1 | head`, or when a supervisor that read the log is gone.
#[test]
fn a_node_whose_log_nobody_reads_goes_on_and_can_be_stopped() {
    let checkout = Checkout::new(SchemeId::Tfhe);
    checkout.move_to_port(free_port());
    // With a filter that lets rumqttd say much.
    let args = ["run", "--config", "configs/demo/broker.toml"];
    let mut broker = NodeProcess::start_with("broker", &args, checkout.path(), Some("info"));
    broker.wait_for("broker is ready");
    broker.stop_listening();
    let mut viewer = start("viewer", "viewer", &checkout);
    viewer.wait_for("purpose=\"out\"");
    for mut node in [viewer, broker] {
        node.terminate();
        assert_eq!(node.end().0.code(), Some(0));
    }
}
