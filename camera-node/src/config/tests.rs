use std::time::Duration;

use super::*;
use crate::feature::Feature;
use crate::outbox::Policy;
use crate::source::{Repeat, RpicamConfig, UsbConfig};

#[cfg(feature = "rtsp")]
mod rtsp;

const NODE: &str = r#"[node]
site = "demo"
name = "gate"
signing_key = "gate.key"
trust = "trust.toml"
[mqtt]
url = "mqtt://127.0.0.1:18830"
"#;

fn parse(sections: &str) -> Result<CameraConfig, ConfigErrors> {
    config::parse(
        "etc/camera.toml".as_ref(),
        &format!("{NODE}{sections}"),
        meaning,
    )
}

/// The problems, without the name of the file; the sections begin at line 8.
fn problems(sections: &str) -> Vec<String> {
    let errors = parse(sections).unwrap_err().to_string();
    errors
        .lines()
        .map(|line| line.trim_start_matches("etc/camera.toml:").to_owned())
        .collect()
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = parse(
        r#"[source]
folder = "frames"
[stream]
size = "24x16"
public_key = "/keys/camera-public.key"
"#,
    )
    .unwrap();
    assert_eq!(
        config.source,
        SourceConfig::Folder {
            folder: "etc/frames".into(),
            interval: None,
            repeat: Repeat::Once
        }
    );
    assert_eq!(
        config.stream.spec.to_string(),
        "tfhe 24x16 4 bits kernel 2 stride 2 padding 0"
    );
    assert_eq!(config.stream.feature, Feature::Luma);
    assert_eq!(
        config.stream.key,
        CameraKey::Public("/keys/camera-public.key".into())
    );
    assert_eq!(config.delivery.credit.get(), 2);
    assert_eq!(config.delivery.bytes_on_the_way, 32_000_000);
    assert_eq!(config.delivery.receipt_timeout, Duration::from_secs(60));
    assert_eq!(
        (config.delivery.policy, config.delivery.spool),
        (Policy::All, None)
    );
    assert_eq!(config.log, LogConfig::default());
    assert!(!config.insecure_plain);
}

#[test]
fn every_key_is_understood() {
    let config = parse(
        r#"[source]
folder = "/frames"
fps = 2.5
loop = true
[stream]
scheme = "plain"
size = "96x54"
feature = "motion"
levels = [8, 20, 45]
kernel = 3
stride = 1
padding = 1
public_key = "k"
[delivery]
credit = 7
bytes_on_the_way = 250000
receipt_timeout_s = 30
[log]
format = "json"
level = "debug"
"#,
    )
    .unwrap();
    assert_eq!(
        config.source,
        SourceConfig::Folder {
            folder: "/frames".into(),
            interval: Some(Duration::from_millis(400)),
            repeat: Repeat::Forever
        }
    );
    assert_eq!(
        config.stream.spec.to_string(),
        "plain 96x54 3 levels kernel 3 stride 1 padding 1"
    );
    assert_eq!(config.stream.feature, Feature::Motion);
    assert_eq!(config.delivery.credit.get(), 7);
    assert_eq!(config.delivery.bytes_on_the_way, 250_000);
    assert_eq!(config.delivery.receipt_timeout, Duration::from_secs(30));
}

#[test]
fn all_problems_come_out_at_once() {
    let found = problems(
        r#"[source]
fps = 0.0
fsp = 1.0
[stream]
scheme = "rot13"
size = "16 by 16"
feature = "edges"
bits = 9
kernel = 9
[delivery]
credit = 0
bytes_on_the_way = 65535
receipt_timeout_s = "long"
"#,
    );
    let expected = [
        "8: source.folder: missing; \
         add the path of a folder of images and videos, for example `folder = \"samples\"`, \
         or another source",
        "9: source.fps: 0 is out of range; write a value from 0.01 to 240",
        "10: source.fsp: unknown key; use one of `folder`, `rtsp`, `rpicam`, `usb`, `synthetic`, \
         `size`, `fps`, `loop`, `username`, `password_file`, `transport`, or remove it",
        "11: stream.public_key: missing; \
         add the path of a camera-public.key, made by `blindsight keys new`",
        "12: stream.scheme: unknown scheme `rot13`; known are: plain, tfhe, bfv",
        "13: stream.size: `16 by 16` is not a size; \
         write WIDTHxHEIGHT in pixels, for example \"16x16\"",
        "14: stream.feature: unknown feature `edges`; known are: luma, motion",
        "15: stream.bits: bits = 9; give 1 to 8",
        "16: stream.kernel: kernel = 9; give 1 to 8",
        "18: delivery.credit: 0 is out of range; write a value from 1 to 64",
        "19: delivery.bytes_on_the_way: 65535 is out of range; \
         write a value from 65536 to 17179869184",
        "20: delivery.receipt_timeout_s: wrong type: string \"long\"; \
         write a whole number, 0 or more",
    ];
    assert_eq!(found, expected);
}

/// One problem of `[stream]`, whose keys begin at line 12.
fn check_stream(keys: &str, expected: &str) {
    let sections = format!("[source]\nfolder = \"f\"\n[stream]\npublic_key = \"k\"\n{keys}\n");
    assert_eq!(problems(&sections), [expected], "{keys}");
}

#[test]
fn the_limits_of_the_scheme_name_the_key_to_change() {
    check_stream(
        "size = \"16x16\"\nscheme = \"bfv\"\nkernel = 5",
        "14: stream.kernel: scheme bfv pools kernels 2 to 4, 5 was asked for; use another kernel",
    );
    check_stream(
        "size = \"1x16\"",
        "12: stream.size: a frame of 1x16 pixels with padding 0 holds no window of 2x2; \
         use a larger size or a smaller kernel",
    );
    check_stream(
        "size = \"9000x16\"",
        "12: stream.size: frame is 9000x16 pixels; each side must be 1 to 8192",
    );
}

#[test]
fn levels_are_checked_and_exclude_bits() {
    check_stream(
        "size = \"16x16\"\nlevels = [8, 8]",
        "13: stream.levels: threshold 8 follows 8; thresholds must rise",
    );
    check_stream(
        "size = \"16x16\"\nlevels = []",
        "13: stream.levels: the list of levels is empty; \
         give 1 to 255 thresholds between 1 and 255",
    );
    check_stream(
        "size = \"16x16\"\nbits = 2\nlevels = [8]",
        "14: stream.levels: given together with `bits`; remove one of the two",
    );
    check_stream(
        "size = \"16x16\"\nstride = 0",
        "13: stream.stride: stride = 0; give 1 to 64",
    );
    check_stream(
        "size = \"16x16\"\npadding = 2",
        "13: stream.padding: padding = 2 with kernel = 2; padding must be smaller than the kernel",
    );
}

/// The problems of `[stream]` with a good size, whose keys begin at line 12.
fn key_problems(keys: &str) -> Vec<String> {
    problems(&format!(
        "[source]\nfolder = \"f\"\n[stream]\nsize = \"16x16\"\n{keys}\n"
    ))
}

#[test]
fn key_mode_secret_takes_the_secret_key() {
    let config = parse(
        r#"[source]
folder = "f"
[stream]
scheme = "bfv"
size = "64x48"
key_mode = "secret"
secret_key = "camera-secret.key"
"#,
    )
    .unwrap();
    let key = CameraKey::Secret("etc/camera-secret.key".into());
    assert_eq!(config.stream.key, key);
}

#[test]
fn each_key_mode_has_its_own_key_file() {
    let missing = "10: stream.secret_key: missing; add the path of a camera-secret.key, made by \
                   `blindsight keys export --key-mode secret`";
    let secret = "scheme = \"bfv\"\nkey_mode = \"secret\"";
    assert_eq!(key_problems(secret), [missing]);
    assert_eq!(
        key_problems(&format!("{secret}\npublic_key = \"k\"")),
        [
            missing,
            "14: stream.public_key: key mode `secret` does not use it; \
             remove it, or set `key_mode = \"public\"`"
        ]
    );
    assert_eq!(
        key_problems("scheme = \"bfv\"\nsecret_key = \"k\""),
        [
            "10: stream.public_key: missing; \
             add the path of a camera-public.key, made by `blindsight keys new`",
            "13: stream.secret_key: key mode `public` does not use it; \
             remove it, or set `key_mode = \"secret\"`"
        ]
    );
    assert_eq!(
        key_problems("key_mode = \"open\"\npublic_key = \"k\""),
        ["12: stream.key_mode: unknown key mode `open`; known are: public, secret"]
    );
}

#[test]
fn schemes_without_a_camera_secret_key_refuse_the_mode() {
    for scheme in ["tfhe", "plain"] {
        let keys = format!("scheme = \"{scheme}\"\nkey_mode = \"secret\"\nsecret_key = \"k\"");
        assert_eq!(
            key_problems(&keys),
            [format!(
                "13: stream.key_mode: cameras use scheme {scheme} with its public key only; \
                 set `key_mode = \"public\"`"
            )]
        );
    }
}

#[test]
fn the_configuration_of_the_demo_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/demo/camera.toml");
    let config = CameraConfig::load(&path).unwrap();
    assert_eq!(config.link.node.name.as_str(), "gate");
    assert!(config.source.open().is_ok(), "{:?}", config.source);
}

/// The problems of `[delivery]`, whose keys begin at line 18, with a source of `fps` frames a second.
fn delivery_problems(fps: &str, keys: &str) -> Vec<String> {
    problems(&format!(
        "[source]\nfolder = \"f\"\n{fps}\n[stream]\nsize = \"16x16\"\npublic_key = \"k\"\n\n\n[delivery]\n{keys}\n"
    ))
}

#[test]
fn a_spool_is_for_the_policy_that_loses_nothing() {
    let config = parse(
        "[source]\nfolder = \"f\"\n[stream]\nsize = \"16x16\"\npublic_key = \"k\"\n[delivery]\nspool = \"spool\"\n",
    )
    .unwrap();
    let spool = SpoolConfig {
        folder: "etc/spool".into(),
        bytes: 1 << 30,
    };
    assert_eq!(config.delivery.spool, Some(spool));
    assert_eq!(
        delivery_problems(
            "fps = 2.0",
            "policy = \"latest\"\nspool = \"s\"\nspool_bytes = 5"
        ),
        [
            "18: delivery.spool: policy `latest` drops frames that find no place, it has no use for a spool; \
             remove it, or set `policy = \"all\"`",
            "19: delivery.spool_bytes: 5 is out of range; write a value from 65536 to 1125899906842624",
        ]
    );
    assert_eq!(
        delivery_problems("fps = 2.0", "policy = \"some\"\nspool_bytes = 70000"),
        [
            "17: delivery.policy: unknown policy `some`; known are: all, latest",
            "18: delivery.spool_bytes: there is no spool; \
             add the folder as `delivery.spool`, or remove this key",
        ]
    );
}

#[test]
fn a_live_view_has_a_pace() {
    assert_eq!(
        delivery_problems("", "policy = \"latest\""),
        [
            "17: delivery.policy: policy `latest` drops the frames that come while no place is free, \
             and this source gives as many as are asked for; set `source.fps`, or `policy = \"all\"`"
        ]
    );
}

/// What a section `[source]` means, whose keys begin at line 9.
fn source(keys: &str) -> Result<SourceConfig, Vec<String>> {
    let sections = format!("[source]\n{keys}\n[stream]\nsize = \"16x16\"\npublic_key = \"k\"\n");
    match parse(&sections) {
        Ok(config) => Ok(config.source),
        Err(_) => Err(problems(&sections)),
    }
}

#[test]
fn each_kind_of_source_has_its_options() {
    let rpicam = |camera, (width, height), fps| {
        Ok(SourceConfig::Rpicam(RpicamConfig {
            camera,
            width,
            height,
            fps,
        }))
    };
    assert_eq!(source("rpicam = 0"), rpicam(0, (640, 480), 10.0));
    assert_eq!(
        source("rpicam = 1\nsize = \"1296x972\"\nfps = 2.5"),
        rpicam(1, (1296, 972), 2.5)
    );
    let usb = |device: &str, (width, height), fps| {
        Ok(SourceConfig::Usb(UsbConfig {
            device: device.into(),
            width,
            height,
            fps,
        }))
    };
    assert_eq!(
        source("usb = \"/dev/video0\""),
        usb("/dev/video0", (640, 480), 10.0)
    );
    assert_eq!(
        source("usb = \"/dev/v4l/by-id/front\"\nsize = \"1280x720\"\nfps = 30"),
        usb("/dev/v4l/by-id/front", (1280, 720), 30.0)
    );
    assert_eq!(
        source("synthetic = 7\nfps = 4\nloop = true"),
        Ok(SourceConfig::Synthetic {
            seed: 7,
            interval: Some(Duration::from_millis(250)),
            repeat: Repeat::Forever
        })
    );
}

#[test]
fn there_is_one_source_and_no_option_that_it_does_not_use() {
    let refused = |keys: &str, expected: &[&str]| {
        assert_eq!(source(keys).unwrap_err(), expected, "{keys}");
    };
    refused(
        "folder = \"f\"\nrpicam = 0\nsynthetic = 1\nsize = \"640x480\"",
        &[
            "10: source.rpicam: given together with `source.folder`; \
             keep one of them, a camera has one source",
            "11: source.synthetic: given together with `source.folder`; \
             keep one of them, a camera has one source",
        ],
    );
    refused(
        "folder = \"f\"\nsize = \"640x480\"",
        &["10: source.size: `source.folder` does not use it; remove it"],
    );
    refused(
        "rpicam = 0\nloop = false",
        &["10: source.loop: `source.rpicam` does not use it; remove it"],
    );
    refused(
        "usb = \"/dev/video0\"\nrpicam = 0\nloop = true",
        &[
            "9: source.usb: given together with `source.rpicam`; \
             keep one of them, a camera has one source",
            "11: source.loop: `source.rpicam` does not use it; remove it",
        ],
    );
    refused(
        "rpicam = 0\nsize = \"641x480\"",
        &["10: source.size: no camera gives 641x480 pixels; write even sides from 2 to 8192"],
    );
    refused(
        "rpicam = 0\nsize = \"VGA\"",
        &["10: source.size: `VGA` is not a size; \
           write WIDTHxHEIGHT in pixels, for example \"16x16\""],
    );
}

#[test]
fn a_camera_has_a_pace_of_its_own() {
    let sections = "[source]\nrpicam = 0\n[stream]\nsize = \"16x16\"\npublic_key = \"k\"\n\
                    [delivery]\npolicy = \"latest\"\n";
    assert_eq!(parse(sections).unwrap().delivery.policy, Policy::Latest);
}
