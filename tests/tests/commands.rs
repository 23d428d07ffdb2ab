//! What the programs say when they are given what they cannot use: exit code and stderr, to the letter.

use std::fs;
use std::io::pipe;
use std::net::TcpListener;
use std::process::{Child, Stdio};

use cipherframe::{FeatureMap, SchemeId};
use e2e::data_folder::{Checkout, committed};
use e2e::programs::{Outcome, check, command, run};
use e2e::site::{CAMERA, parse};
use wire::message::{FrameId, SessionId};

#[test]
fn options_of_the_demo_that_make_no_sense() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |args: &[&str], expected: &str| {
        check(
            "blindsight",
            &[&["demo"], args].concat(),
            folder.path(),
            2,
            expected,
        );
    };
    demo(
        &["--scheme", "plain"],
        "error: scheme plain encrypts nothing\n  \
         help: use --scheme bfv or --scheme tfhe, or add --insecure-plain for a dry run\n",
    );
    demo(&["--bits", "9"], "error: bits = 9\n  help: give 1 to 8\n");
    demo(
        &["--scheme", "bfv", "--kernel", "5"],
        "error: scheme bfv pools kernels 2 to 4, 5 was asked for\n  help: use another kernel\n",
    );
    demo(
        &["--size", "garbage"],
        "error: invalid value 'garbage' for '--size <SIZE>': `garbage` is not a size; write it as WIDTHxHEIGHT, such \
         as 24x16\n\nFor more information, try '--help'.\n",
    );
    demo(
        &["--scheme", "rot13"],
        "error: invalid value 'rot13' for '--scheme <SCHEME>': unknown scheme `rot13`; known are: both, bfv, tfhe, plain\n\n\
         For more information, try '--help'.\n",
    );
    demo(
        &["--feature", "edges"],
        "error: invalid value 'edges' for '--feature <FEATURE>': unknown feature `edges`; known are: luma, motion\n\n\
         For more information, try '--help'.\n",
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "something was left behind"
    );
}

#[test]
fn a_missing_folder_is_said_before_any_key_is_made() {
    let folder = tempfile::tempdir().unwrap();
    check(
        "blindsight",
        &["demo", "--video", "nowhere"],
        folder.path(),
        74,
        "error: the folder nowhere does not exist\n  help: check the path and give a folder of images or videos\n",
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "something was left behind"
    );
}

#[test]
fn a_text_file_with_the_name_of_an_image_is_skipped_with_one_warning_and_the_demo_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("video");
    fs::create_dir(&video).unwrap();
    fs::write(video.join("x.png"), "hello").unwrap();
    image::GrayImage::new(4, 4)
        .save(video.join("y.png"))
        .unwrap();
    let args = "demo --video video --scheme plain --insecure-plain --size 2x2 --frames 3 --fps 100 --verify --json \
                --headless";
    let args: Vec<&str> = args.split_whitespace().collect();
    let Outcome {
        code,
        stdout,
        stderr,
    } = run("blindsight", &args, folder.path());
    assert_eq!(code, 0, "{stderr}");
    let warnings: Vec<&str> = stderr
        .lines()
        .filter(|line| line.contains(" WARN "))
        .collect();
    let [warning] = warnings[..] else {
        panic!("one warning is due:\n{stderr}");
    };
    let text =
        "video/x.png is skipped: it is neither an image (PNG, JPEG, BMP, TIFF, WebP) nor a video";
    assert!(warning.ends_with(text), "{warning}");
    let summary: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    let summary = &summary["summary"];
    assert_eq!(
        (&summary["frames"], &summary["maps"]),
        (&3.into(), &3.into())
    );
    assert_eq!(
        (&summary["mismatched_values"], &summary["lost"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn a_busy_port() {
    let checkout = Checkout::new(SchemeId::Plain);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    checkout.move_to_port(port);
    check(
        "broker",
        &["run", "--config", "configs/demo/broker.toml"],
        checkout.path(),
        74,
        &format!(
            "error: cannot listen on 127.0.0.1:{port}: the port is in use\n  help: end the program that has it \
             (`ss -ltnp 'sport = :{port}'` names it), or choose another port in `broker.listen` and in the nodes' \
             `mqtt.url`\n"
        ),
    );
}

#[test]
fn a_wrong_key_in_the_configuration_is_named_with_its_line() {
    let checkout = Checkout::new(SchemeId::Plain);
    checkout.edit("camera", "fps = 2.0", "fsp = 2.0");
    let line = fs::read_to_string(checkout.config("camera")).unwrap();
    let line = line
        .lines()
        .position(|line| line.starts_with("fsp"))
        .unwrap()
        + 1;
    let problem = format!(
        "error: 1 problem in the configuration\nconfigs/demo/camera.toml:{line}: source.fsp: unknown key; use one of \
         `folder`, `rtsp`, `rpicam`, `usb`, `synthetic`, `size`, `fps`, `loop`, `username`, `password_file`, `transport`, \
         or remove it\n  help: docs/ref/configuration.md describes every key\n"
    );
    let config = "configs/demo/camera.toml";
    check(
        "camera-node",
        &["run", "--config", config],
        checkout.path(),
        78,
        &problem,
    );
    check(
        "blindsight",
        &["config", "check", config],
        checkout.path(),
        78,
        &problem,
    );
}

#[test]
fn the_committed_configuration_files_are_fine() {
    let root = committed("");
    let files = ["broker", "camera", "camera-live", "worker", "viewer"]
        .map(|node| format!("configs/demo/{node}.toml"));
    let args = [&["config".to_owned(), "check".to_owned()][..], &files].concat();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let Outcome {
        code,
        stdout,
        stderr,
    } = run("blindsight", &args, &root);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let programs = [
        "broker",
        "camera-node",
        "camera-node",
        "pooling-worker",
        "viewer",
    ];
    let expected: String = files
        .iter()
        .zip(programs)
        .map(|(file, program)| format!("{file}: fine ({program})\n"))
        .collect();
    let remarks = stdout
        .strip_prefix(&expected)
        .unwrap_or_else(|| panic!("{stdout}"));
    let remarks: Vec<&str> = remarks.lines().collect();
    let starts = [
        "configs/demo/camera.toml: needs an uplink of ",
        "configs/demo/camera-live.toml: needs an uplink of ",
        "configs/demo/worker.toml: for what these cameras may have on their way `backlog_bytes = 741888` is enough",
        "configs/demo/viewer.toml: for these cameras and threads of workers `frames_in_progress = 2` is enough",
        "configs/demo/broker.toml: surely keeps 65632112 bytes; the cameras may have 64000000 on their way",
    ];
    assert_eq!(remarks.len(), starts.len(), "{stdout}");
    for (remark, start) in remarks.iter().zip(starts) {
        assert!(remark.starts_with(start), "{remark}");
    }
}

#[test]
fn files_that_do_not_fit_each_other_are_refused_together() {
    let checkout = Checkout::new(SchemeId::Plain);
    checkout.edit(
        "camera",
        "bytes_on_the_way = 32000000",
        "bytes_on_the_way = 66000000",
    );
    checkout.edit("worker", "mqtt://", "mqtts://");
    let files = ["broker", "camera", "worker"].map(|node| format!("configs/demo/{node}.toml"));
    let args = [&["config".to_owned(), "check".to_owned()][..], &files].concat();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let Outcome { code, stderr, .. } = run("blindsight", &args, checkout.path());
    let expected = "error: 2 problems between the files\n\
                    configs/demo/worker.toml: mqtt.url: the broker does not speak TLS; write mqtt://, or add `[tls]` to \
                    the broker's file\n\
                    configs/demo/broker.toml: broker.ring_log_bytes: 134217728, surely keeps 65632112 bytes, and the \
                    cameras may have 66000000 on their way; write `ring_log_bytes = ";
    assert_eq!(code, 78);
    assert!(stderr.starts_with(expected), "{stderr}");
}

#[test]
fn scores_that_nobody_reads_any_more_are_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for seq in 0..40 {
        let values = (0..64).map(|at| u8::from(at == seq)).collect();
        let map = FeatureMap::new(8, 8, 1, values).unwrap();
        let frame = FrameId {
            site: parse("scores"),
            camera: parse(CAMERA),
            session: SessionId::from_bytes([1; 16]),
            seq,
        };
        viewer::picture::write(folder.path(), &frame, 7, &map).unwrap();
    }
    let args = "train --maps maps/gate --levels 1 --model gate.json";
    let args: Vec<&str> = args.split(' ').collect();
    let outcome = run("viewer", &args, folder.path());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let output = command("viewer", folder.path())
        .args(["score", "--maps", "maps/gate", "--model", "gate.json"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output)
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success(), "{}", output.status);
}
