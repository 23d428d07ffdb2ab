use super::*;
use std::path::Path;
use wire::config::parse;

const NODE: &str = "[node]\nsite = \"demo\"\nname = \"gate\"\nsigning_key = \"a\"\ntrust = \"b\"\n";

fn broker(text: &str) -> BrokerFile {
    let config = parse(Path::new("broker.toml"), text, BrokerConfig::meaning).unwrap();
    BrokerFile {
        path: "broker.toml".into(),
        config,
        says_ring_log: text.contains("ring_log_bytes"),
    }
}

/// A camera with these lines in `[mqtt]`, `[stream]` and `[delivery]`.
fn camera(mqtt: &str, stream: &str, delivery: &str) -> NodeFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("camera.toml");
    let text = format!(
        "{NODE}[mqtt]\n{mqtt}\n[source]\nfolder = \"f\"\n[stream]\npublic_key = \"k\"\n{stream}\n[delivery]\n{delivery}\n"
    );
    std::fs::write(&path, text).unwrap();
    let config = CameraConfig::load(&path).unwrap();
    NodeFile {
        path: "camera.toml".into(),
        mqtt: config.link.mqtt.clone(),
        kind: NodeKind::Camera(Box::new(config)),
    }
}

/// The file of another node, with the packet limit of the defaults.
fn other(path: &str, kind: NodeKind) -> NodeFile {
    NodeFile {
        path: path.into(),
        mqtt: camera(PLAIN, SMALL, "").mqtt,
        kind,
    }
}

fn worker(threads: usize, backlog_bytes: usize) -> NodeFile {
    let kind = NodeKind::Worker {
        threads,
        backlog_bytes,
    };
    other("worker.toml", kind)
}

fn viewer(frames_in_progress: usize) -> NodeFile {
    other("viewer.toml", NodeKind::Viewer { frames_in_progress })
}

const PLAIN: &str = "url = \"mqtt://127.0.0.1\"";
const TLS: &str = "url = \"mqtts://broker.lan\"";
const SMALL: &str = "size = \"16x16\"";

fn problems(broker_text: &str, node: NodeFile) -> Vec<String> {
    compare(Some(&broker(broker_text)), &[node]).problems
}

#[test]
fn the_defaults_agree() {
    let nodes = [camera(PLAIN, SMALL, ""), camera(PLAIN, SMALL, "")];
    let found = compare(Some(&broker("")), &nodes);
    assert_eq!(found.problems, [""; 0]);
    let last = found.remarks.last().unwrap();
    assert!(
        last.starts_with(
            "broker.toml: surely keeps 65632112 bytes; the cameras may have 64000000 on their way"
        ),
        "{last}"
    );
    // What is printed as enough is enough.
    let line = last.split('`').nth(1).unwrap();
    let least = broker(&format!("[broker]\n{line}\n"));
    assert!(least.config.surely_kept_bytes() >= 64_000_000);
    assert_eq!(compare(Some(&least), &nodes).problems, [""; 0]);
}

#[test]
fn packets_larger_than_the_brokers_are_refused() {
    let text = "[broker]\nmax_packet_bytes = 4000000\n";
    assert_eq!(
        problems(text, camera(PLAIN, SMALL, "")),
        [
            "camera.toml: mqtt.max_packet_bytes: 4259840 is more than the 4000000 of the broker, which hangs up on \
             larger packets; lower it, or raise `broker.max_packet_bytes`"
        ]
    );
}

#[test]
fn more_on_the_way_than_is_kept_is_refused_with_the_line_to_write() {
    let cameras = [1, 2, 3].map(|_| camera(PLAIN, SMALL, ""));
    let found = compare(Some(&broker("")), &cameras);
    let [problem] = &found.problems[..] else {
        panic!("{found:?}");
    };
    let start = "broker.toml: broker.ring_log_bytes: 134217728, left out, surely keeps 65632112 bytes, and the cameras \
                 may have 96000000 on their way; write `";
    assert!(problem.starts_with(start), "{problem}");
    let line = problem.split('`').nth(1).unwrap();
    let mended = broker(&format!("[broker]\n{line}\n"));
    assert_eq!(compare(Some(&mended), &cameras).problems, [""; 0]);

    // Maps of such a stream have up to three times the bytes.
    let large = camera(
        PLAIN,
        "size = \"16x16\"\nkernel = 3\nstride = 1\npadding = 1",
        "",
    );
    let found = problems("[broker]\nring_log_bytes = 134217728\n", large);
    assert!(
        found[0]
            .contains("134217728, surely keeps 65632112 bytes, and the cameras may have 96000000")
    );
}

#[test]
fn more_than_any_ring_log_keeps_has_another_mend() {
    let greedy = camera(PLAIN, SMALL, "bytes_on_the_way = 17179869184");
    let found = problems("", greedy);
    assert!(
        found[0]
            .ends_with("lower the cameras' `delivery.bytes_on_the_way`: no ring log keeps so much")
    );
}

#[test]
fn who_does_not_fit_the_entrance_is_refused() {
    let tls = "[tls]\ncertificate = \"c\"\nkey = \"k\"\n";
    let users = "[auth]\nusers = \"u\"\n";
    let login = "username = \"gate\"\npassword_file = \"p\"";
    let client_ca = format!("{tls}client_ca = \"ca\"\n");
    let identity = "client_certificate = \"c\"\nclient_key = \"k\"";
    for (broker, mqtt, expected) in [
        (
            tls,
            PLAIN.to_owned(),
            "camera.toml: mqtt.url: the broker speaks TLS only; ",
        ),
        (
            "",
            TLS.to_owned(),
            "camera.toml: mqtt.url: the broker does not speak TLS; ",
        ),
        (
            &client_ca,
            TLS.to_owned(),
            "camera.toml: mqtt.client_certificate: the broker wants a client certificate; ",
        ),
        (
            users,
            PLAIN.to_owned(),
            "camera.toml: mqtt.username: the broker wants a user name and a password; ",
        ),
    ] {
        let found = problems(broker, camera(&mqtt, SMALL, ""));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{found:?}");
    }
    let all = format!("{TLS}\n{login}\n{identity}");
    assert_eq!(
        problems(&format!("{users}{client_ca}"), camera(&all, SMALL, "")),
        [""; 0]
    );
}

#[test]
fn frames_and_tiles_that_never_fit_are_refused() {
    let wide = "scheme = \"bfv\"\nsize = \"640x480\"";
    let found = compare(None, &[camera(PLAIN, wide, "")]).problems;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0]
            .starts_with("camera.toml: delivery.bytes_on_the_way: 32000000 is less than the 104"),
        "{found:?}"
    );
    let spooled = camera(
        PLAIN,
        "size = \"400x400\"",
        "spool = \"s\"\nspool_bytes = 65536",
    );
    let found = compare(None, &[spooled]).problems;
    assert!(
        found[0].starts_with("camera.toml: delivery.spool_bytes: 65536 is less than the "),
        "{found:?}"
    );
    let deep = "scheme = \"bfv\"\nsize = \"16x16\"\nkernel = 4";
    let found = compare(None, &[camera(PLAIN, deep, "")]).problems;
    assert!(
        found[0].starts_with("camera.toml: mqtt.max_packet_bytes: 4259840 is less than the 4"),
        "{found:?}"
    );
}

#[test]
fn a_receiver_takes_the_largest_message() {
    let deep = "scheme = \"bfv\"\nsize = \"16x16\"\nkernel = 4";
    let roomy = format!("{PLAIN}\nmax_packet_bytes = 6000000");
    for receiver in [worker(1, 1 << 30), viewer(32)] {
        let path = receiver.path.display().to_string();
        let found = compare(None, &[receiver, camera(&roomy, deep, "")]).problems;
        assert_eq!(found.len(), 1, "{found:?}");
        let start = format!("{path}: mqtt.max_packet_bytes: 4259840 is less than the 4");
        assert!(found[0].starts_with(&start), "{found:?}");
    }
}

#[test]
fn a_lane_has_room_for_what_its_cameras_may_have_on_their_way() {
    let bfv = "scheme = \"bfv\"\nsize = \"16x16\"";
    let nodes = |backlog| {
        let credit = "credit = 4";
        let cameras = [camera(PLAIN, bfv, credit), camera(PLAIN, bfv, credit)];
        let [first, second] = cameras;
        [worker(1, backlog), first, second, camera(PLAIN, SMALL, "")]
    };
    let found = compare(None, &nodes(1 << 20));
    let [problem] = &found.problems[..] else {
        panic!("{found:?}");
    };
    let start = "worker.toml: pool.backlog_bytes: 1048576 is less than the ";
    assert!(problem.starts_with(start), "{problem}");
    // What is to be written is enough, and no less would be.
    let line = problem.split('`').nth(1).unwrap();
    let enough: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(compare(None, &nodes(enough)).problems, [""; 0]);
    assert_eq!(compare(None, &nodes(enough - 1)).problems.len(), 1);
    let said = compare(None, &nodes(enough)).remarks;
    assert!(said.iter().any(|remark| remark.contains(line)), "{said:?}");
}

#[test]
fn a_viewer_keeps_a_frame_of_each_camera_and_thread_in_progress() {
    let nodes = |allowed| {
        let cameras = [camera(PLAIN, SMALL, ""), camera(PLAIN, SMALL, "")];
        let [first, second] = cameras;
        [viewer(allowed), worker(3, 1 << 30), first, second]
    };
    assert_eq!(
        compare(None, &nodes(4)).problems,
        [
            "viewer.toml: limits.frames_in_progress: 4 is less than these cameras and threads of workers need; write \
             `frames_in_progress = 5`, and one more for each core of a worker whose `pool.threads` is 0"
        ]
    );
    assert_eq!(compare(None, &nodes(5)).problems, [""; 0]);
}

#[test]
fn a_camera_hears_for_how_many_frames_its_spool_has_room() {
    // As in the test of the uplink.
    let frame = (2048 + 256) * 3 + 1279;
    let delivery = format!("spool = \"s\"\nspool_bytes = {}", frame * 10 - 1);
    let found = compare(None, &[camera(PLAIN, SMALL, &delivery)]).remarks;
    assert_eq!(found[0], "camera.toml: the spool has room for 9 frames");
}

#[test]
fn too_many_nodes_for_the_broker_are_refused() {
    let nodes = [camera(PLAIN, SMALL, ""), camera(PLAIN, SMALL, "")];
    let found = compare(Some(&broker("[broker]\nmax_connections = 3\n")), &nodes);
    assert_eq!(
        found.problems,
        [
            "broker.toml: broker.max_connections: 3 is less than the 4 connections of these nodes; raise it"
        ]
    );
}

#[test]
fn the_uplink_follows_from_the_largest_tile_and_the_shorter_of_two_times() {
    // A tile of plain pixels would have 256 bytes; tfhe has 2048 mask words and a body word for each pixel, 3 bytes each.
    let message = (2048 + 256) * 3 + 1279;
    for (times, seconds) in [
        ("", 45.0),
        ("keep_alive_s = 10", 15.0),
        ("connection_timeout_s = 5", 5.0),
    ] {
        let node = camera(&format!("{PLAIN}\n{times}"), SMALL, "");
        let needed = (f64::from(message) * 3.0 / seconds).ceil();
        let expected = format!(
            "camera.toml: needs an uplink of {needed} bytes/s: a message has up to {message} bytes and {seconds} s at most"
        );
        assert_eq!(compare(None, &[node]).remarks, [expected]);
    }
}
