//! What four programs write when they log everything they can: no key material, and no pixel but in the viewer's own
//! line about a map.
//!
//! Looked for, in the lines of all four programs at level `trace`, libraries included, is each run of a few bytes of a
//! secret, as raw bytes, as hexadecimal digits, as a list of decimal numbers and with escapes as Rust shows byte
//! strings:
//!
//! - the signing seeds and the client key, 8 bytes at every fourth place, so that no 12 bytes in a row can slip through
//! - the passwords of the broker's users, 8 characters at every place
//! - three pixels in a row of the frame, and three values in a row of its map, with the levels so fine that the scheme
//!   `plain`, which sends them as they are, would give them away wherever a message is logged

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use cipherframe::{PoolSpec, Quantiser, SchemeId, max_pool};
use e2e::data_folder::{Checkout, free_port};
use e2e::frames::frame;
use e2e::key_cache::camera_secret_key;
use e2e::node_process::NodeProcess;
use e2e::programs::command;
use keyfile::{KeyFile, Role};

const SIDE: u32 = 6;

/// Every value occurs once and neighbours have nothing to do with each other.
fn pixel(x: u32, y: u32) -> u8 {
    (131 + (x + SIDE * y) * 101 % 120) as u8
}

/// Whether `log` shows `secret` in one of the ways described above.
fn shows(log: &[u8], secret: &[u8]) -> bool {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let numbers: Vec<String> = secret.iter().map(u8::to_string).collect();
    [
        secret.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        numbers.join(", ").into_bytes(),
        numbers.join(",").into_bytes(),
        secret.escape_ascii().to_string().into_bytes(),
    ]
    .iter()
    .any(|form| contains(log, form))
}

fn contains(log: &[u8], part: &[u8]) -> bool {
    // Most places fail at the first byte.
    log.windows(part.len())
        .any(|window| window[0] == part[0] && window == part)
}

fn check_secret(log: &[u8], what: &str, secret: &[u8], length: usize, step: usize) {
    assert!(secret.len() >= length, "{what} is too short to look for");
    for part in secret.windows(length).step_by(step) {
        assert!(!shows(log, part), "the log shows a part of {what}");
    }
}

/// Runs the four programs on one made-up frame, and gives what each of them wrote.
fn traces(checkout: &Checkout, options: &[&str]) -> [(&'static str, Vec<String>); 4] {
    checkout.move_to_port(free_port());
    let start = |program: &str, node: &str, options: &[&str]| {
        let config = format!("configs/demo/{node}.toml");
        let args = [&["run", "--config", &config], options].concat();
        NodeProcess::start_with(program, &args, checkout.path(), Some("trace"))
    };
    let mut broker = start("broker", "broker", &[]);
    broker.wait_for("broker is ready");
    let mut worker = start("pooling-worker", "worker", options);
    let mut viewer = start("viewer", "viewer", options);
    for node in [&mut worker, &mut viewer] {
        // The subscription is accepted before the node connects to send.
        node.wait_for("purpose=\"out\"");
    }
    let camera = start("camera-node", "camera", options);
    let (status, camera) = camera.end();
    assert!(status.success(), "{}", camera.join("\n"));
    viewer.wait_for("map camera=gate seq=0");
    let logs =
        [("worker", worker), ("viewer", viewer), ("broker", broker)].map(|(name, mut node)| {
            node.terminate();
            (name, node.end().1)
        });
    let [worker, viewer, broker] = logs;
    [("camera", camera), worker, viewer, broker]
}

fn one_frame(checkout: &Checkout, size: &str, bits: &str) {
    let folder = checkout.path().join("one-frame");
    fs::create_dir(&folder).unwrap();
    image::GrayImage::from_fn(SIDE, SIDE, |x, y| image::Luma([pixel(x, y)]))
        .save(folder.join("1.png"))
        .unwrap();
    checkout.edit("camera", "../../samples", "../../one-frame");
    checkout.edit("camera", "loop = true", "loop = false");
    checkout.edit("camera", "size = \"16x16\"", size);
    checkout.edit("camera", "bits = 4", bits);
}

fn check_keys(checkout: &Checkout, scheme: SchemeId, log: &[u8]) {
    let payload = |path: &Path, role| {
        KeyFile::read(path, role, 1 << 20)
            .unwrap()
            .payload()
            .to_vec()
    };
    let data = checkout.path().join("blindsight-data");
    for node in ["gate", "worker", "viewer"] {
        // The name comes first and is no secret.
        let seed =
            payload(&data.join(node).join("signing.key"), Role::SigningKey).split_off(node.len());
        check_secret(log, &format!("the signing seed of {node}"), &seed, 8, 4);
    }
    if scheme != SchemeId::Plain {
        let path = data.join(format!("{scheme}/client.key"));
        let client = payload(&path, Role::ClientKey);
        // The fingerprint of the parameters comes first and is no secret.
        check_secret(log, "the client key", &client[16..], 8, 4);
    }
}

#[test]
fn with_scheme_plain_no_pixel_and_no_seed_is_logged() {
    let checkout = Checkout::new(SchemeId::Plain);
    one_frame(&checkout, "size = \"6x6\"", "bits = 8");
    checkout.edit("camera", "scheme = \"tfhe\"", "scheme = \"plain\"");
    for node in ["camera", "worker", "viewer"] {
        checkout.edit(node, "blindsight-data/tfhe/", "blindsight-data/plain/");
    }
    let quantiser = Quantiser::from_bits(8).unwrap();
    let levels = quantiser.quantise(&frame((SIDE, SIDE), pixel));
    let map = max_pool(&levels, &PoolSpec::new(2, 2, 0).unwrap()).unwrap();

    let logs = traces(&checkout, &["--insecure-plain"]);
    for (node, lines) in &logs {
        // Below `debug` only the broker's library has something to say.
        let deepest = if *node == "broker" {
            " TRACE "
        } else {
            " DEBUG "
        };
        assert!(
            lines.iter().any(|line| line.contains(deepest)),
            "{node} logs too little"
        );
        let is_map =
            |line: &&String| line.contains("viewer::report: map camera=gate seq=0 size=3x3");
        let maps = lines.iter().filter(is_map).count();
        assert_eq!(maps, usize::from(*node == "viewer"), "{node}");
        let others: Vec<&str> = lines
            .iter()
            .filter(|line| !is_map(line))
            .map(String::as_str)
            .collect();
        assert!(
            !others.iter().any(|line| line.contains("largest")),
            "{node}"
        );
        let log = others.join("\n").into_bytes();
        check_secret(
            &log,
            &format!("the pixels, in the log of the {node}"),
            levels.levels(),
            3,
            1,
        );
        check_secret(
            &log,
            &format!("the map, in the log of the {node}"),
            map.values(),
            3,
            1,
        );
        check_keys(&checkout, SchemeId::Plain, &log);
    }
}

#[test]
fn with_scheme_tfhe_no_key_is_logged() {
    let checkout = Checkout::new(SchemeId::Tfhe);
    one_frame(&checkout, "size = \"4x2\"", "bits = 4");
    for (_, lines) in traces(&checkout, &[]) {
        check_keys(&checkout, SchemeId::Tfhe, &lines.join("\n").into_bytes());
    }
}

/// The camera's key has the bytes of the client key.
#[test]
fn in_key_mode_secret_no_key_is_logged() {
    let checkout = Checkout::new(SchemeId::Bfv);
    one_frame(&checkout, "size = \"6x6\"", "bits = 4");
    checkout.edit("camera", "scheme = \"tfhe\"", "scheme = \"bfv\"");
    for node in ["worker", "viewer"] {
        checkout.edit(node, "blindsight-data/tfhe/", "blindsight-data/bfv/");
    }
    camera_secret_key(SchemeId::Bfv);
    checkout.edit(
        "camera",
        "public_key = \"../../blindsight-data/tfhe/camera-public.key\"",
        "key_mode = \"secret\"\nsecret_key = \"../../blindsight-data/bfv/camera-secret.key\"",
    );
    for (_, lines) in traces(&checkout, &[]) {
        check_keys(&checkout, SchemeId::Bfv, &lines.join("\n").into_bytes());
    }
}

#[test]
fn no_password_is_logged() {
    let checkout = Checkout::new(SchemeId::Plain);
    one_frame(&checkout, "size = \"6x6\"", "bits = 8");
    checkout.edit("camera", "scheme = \"tfhe\"", "scheme = \"plain\"");
    let password = |node: &str| format!("open-sesame-for-the-{node}");
    for node in ["camera", "worker", "viewer"] {
        checkout.edit(node, "blindsight-data/tfhe/", "blindsight-data/plain/");
        let file = checkout.path().join(format!("{node}.password"));
        fs::write(&file, password(node)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let login =
            format!("[mqtt]\nusername = \"{node}\"\npassword_file = \"../../{node}.password\"\n");
        checkout.edit(node, "[mqtt]\n", &login);
        let mut passwd = command("broker", checkout.path())
            .args(["passwd", "--users", "users.txt", "--user", node])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = passwd.stdin.take().unwrap();
        stdin.write_all(password(node).as_bytes()).unwrap();
        drop(stdin);
        assert!(passwd.wait().unwrap().success());
    }
    let users = "[auth]\nusers = \"../../users.txt\"\n\n[log]\n";
    checkout.edit("broker", "[log]\n", users);
    for (node, lines) in traces(&checkout, &["--insecure-plain"]) {
        let log = lines.join("\n").into_bytes();
        for user in ["camera", "worker", "viewer"] {
            let what = format!("the password of the {user}, in the log of the {node}");
            // All but the words that it has in common with others.
            check_secret(&log, &what, &password(user).as_bytes()[..16], 8, 1);
        }
    }
}

#[test]
fn what_is_looked_for_would_be_found() {
    let secret: Vec<u8> = (0..32).map(|i: u32| (i * 37 + 5) as u8).collect();
    let bytes = bytes::Bytes::copy_from_slice(&secret[3..20]);
    let hex: String = secret[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for log in [
        format!("payload: {bytes:?}").into_bytes(),
        format!("key {:?}", &secret[7..19]).into_bytes(),
        hex.into_bytes(),
        [b"raw ", &secret[5..17]].concat(),
    ] {
        let found = secret.windows(8).step_by(4).any(|part| shows(&log, part));
        assert!(found, "{}", String::from_utf8_lossy(&log));
    }
    assert!(!shows(b"an innocent line of 1, 2, 3", &secret[..8]));
}
