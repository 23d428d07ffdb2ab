//! `camera-node snapshot`, `bench` and `list`, run as a person runs them.

mod site;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use site::{configuration, site};

/// Runs a command on a configuration of `site`, with its folder as the only place for programs but
/// those of the system.
fn run(site: &Path, configuration: &str, words: &[&str]) -> Output {
    let path = site.join("camera.toml");
    fs::write(&path, configuration).unwrap();
    Command::new(env!("CARGO_BIN_EXE_camera-node"))
        .arg(words[0])
        .arg("--config")
        .arg(&path)
        .args(&words[1..])
        .current_dir(site)
        .env_remove("RUST_LOG")
        .env("PATH", format!("{}:/usr/bin:/bin", site.display()))
        .output()
        .unwrap()
}

/// What a command that is to succeed said on stderr and on stdout.
fn succeeds(site: &Path, configuration: &str, words: &[&str]) -> (String, String) {
    let output = run(site, configuration, words);
    let [errors, result] =
        [output.stderr, output.stdout].map(|said| String::from_utf8(said).unwrap());
    assert!(output.status.success(), "{errors}");
    (errors, result)
}

/// Checks the exit code and the last lines of what a command says that is to fail.
fn fails(site: &Path, configuration: &str, words: &[&str], exit_code: i32, expected: &str) {
    let output = run(site, configuration, words);
    let said = String::from_utf8(output.stderr).unwrap();
    let said = said.replace(site.to_str().unwrap(), "DIR");
    assert_eq!(said, expected);
    assert_eq!(output.status.code(), Some(exit_code));
}

/// Two frames of 8x8 pixels, the right half of which becomes brighter by 100.
fn with_motion(site: &Path) {
    for (name, tone) in [("1.png", 50), ("2.png", 150)] {
        let pixel = |x, _| image::Luma([if x < 4 { 50 } else { tone }]);
        let picture = image::GrayImage::from_fn(8, 8, pixel);
        picture.save(site.join("frames").join(name)).unwrap();
    }
}

fn picture(path: PathBuf) -> (u32, u32, Vec<u8>) {
    let picture = image::open(path).unwrap().into_luma8();
    (picture.width(), picture.height(), picture.into_raw())
}

#[test]
fn a_snapshot_shows_what_is_encrypted_or_the_frame_itself() {
    let site = site();
    let site = site.path();
    with_motion(site);
    let text = configuration("frames", "tfhe")
        .replace("8x8", "4x2")
        .replace(
            "[stream]",
            "[stream]\nfeature = \"motion\"\nlevels = [8, 20, 200]",
        );
    let (said, _) = succeeds(site, &text, &["snapshot", "--out", "new/aim.png"]);
    assert_eq!(said, "wrote 4x2 pixels to new/aim.png\n");
    // Two levels of three were reached where something moved.
    let expected = [0, 0, 170, 170, 0, 0, 170, 170];
    assert_eq!(picture(site.join("new/aim.png")), (4, 2, expected.to_vec()));

    let (said, _) = succeeds(site, &text, &["snapshot", "--raw", "--out", "raw.png"]);
    assert_eq!(said, "wrote 8x8 pixels to raw.png\n");
    let (width, height, luma) = picture(site.join("raw.png"));
    assert_eq!(
        (width, height, &luma[..8]),
        (8, 8, &[50, 50, 50, 50, 150, 150, 150, 150][..])
    );
}

#[test]
fn a_snapshot_without_a_source_or_a_place_says_so() {
    let site = site();
    let nowhere = configuration("nowhere", "tfhe");
    fails(
        site.path(),
        &nowhere,
        &["snapshot", "--out", "aim.png"],
        74,
        "error: the folder DIR/nowhere does not exist\n  \
         help: check the path and give a folder of images or videos\n",
    );
    fails(
        site.path(),
        &configuration("frames", "tfhe"),
        &["snapshot", "--out", "frames/1.png/aim.png"],
        74,
        "error: writing frames/1.png/aim.png failed: File exists (os error 17)\n  \
         help: check the path, who may write there and the free space\n",
    );
}

/// A configuration with a camera of a Raspberry Pi.
fn with_rpicam() -> String {
    configuration("frames", "tfhe").replace("folder = \"frames\"", "rpicam = 0\nsize = \"100x4\"")
}

#[test]
fn the_camera_of_a_raspberry_pi_is_not_left_on() {
    let site = site();
    let site = site.path();
    let row = [vec![80; 100], vec![255; 28]].concat();
    let frame = [row.repeat(4), vec![128; 128 * 2]].concat();
    fs::write(site.join("frame"), frame).unwrap();
    let program = site.join("rpicam-vid");
    let script = "#!/bin/sh\ncd \"${0%/*}\"\necho $$ > pid\ncase \"$*\" in *--frames*) cat frame; exit;; esac\n\
                  for _ in 1 2 3 4 5 6 7 8 9 10; do cat frame; done\nexec sleep 600\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    succeeds(
        site,
        &with_rpicam(),
        &["snapshot", "--raw", "--out", "aim.png"],
    );
    assert_eq!(picture(site.join("aim.png")), (100, 4, vec![80; 400]));
    let pid = fs::read_to_string(site.join("pid")).unwrap();
    assert!(!Path::new(&format!("/proc/{}", pid.trim())).exists());
}

#[test]
fn a_raspberry_pi_without_its_program_is_told_which_package_to_install() {
    fails(
        site().path(),
        &with_rpicam(),
        &["snapshot", "--out", "aim.png"],
        78,
        "error: `rpicam-vid`, which takes the frames of the camera, is not installed\n  \
         help: install the package rpicam-apps-lite of Raspberry Pi OS (libcamera-apps-lite on older \
         ones)\n",
    );
}

#[test]
fn a_usb_camera_that_cannot_be_opened_is_no_source() {
    let configuration =
        configuration("frames", "tfhe").replace("folder = \"frames\"", "usb = \"nowhere\"");
    let (exit_code, expected) = if cfg!(feature = "usb") {
        let said = "error: opening DIR/nowhere failed: No such file or directory (os error 2)\n  \
                    help: check its cable, and see which devices there are with `camera-node list`\n";
        (74, said)
    } else {
        let said = "error: this camera-node was built without USB cameras\n  \
                    help: build it with `--features camera-node/usb`\n";
        (78, said)
    };
    let words = ["snapshot", "--out", "aim.png"];
    fails(site().path(), &configuration, &words, exit_code, expected);
}

#[test]
fn the_list_of_devices_is_never_empty() {
    let output = Command::new(env!("CARGO_BIN_EXE_camera-node"))
        .arg("list")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let list = String::from_utf8(output.stdout).unwrap();
    if cfg!(feature = "usb") {
        let none = list == "there is no video device that gives pictures\n";
        assert!(none || list.starts_with("/dev/video"), "{list}");
    } else {
        assert_eq!(
            list,
            "this camera-node was built without USB cameras; build it with `--features camera-node/usb`\n"
        );
    }
}

#[test]
fn a_bench_measures_as_many_frames_as_there_are() {
    let site = site();
    with_motion(site.path());
    let text = configuration("frames", "plain");
    let words = ["bench", "--insecure-plain", "--json"];
    let (_, result) = succeeds(site.path(), &text, &words);
    let report: serde_json::Value = serde_json::from_str(&result).unwrap();
    assert_eq!(
        (&report["frames"], &report["tiles"]),
        (&2.into(), &1.into())
    );
    // A tile has a byte for each of its pixels, and an envelope.
    assert!(report["frame_bytes"].as_u64().unwrap() > 64, "{report}");
    assert!(
        report["peak_rss_bytes"].as_u64().unwrap() > 100_000,
        "{report}"
    );
    for time in ["capture_cpu_ms", "preprocess_cpu_ms", "encrypt_cpu_ms"] {
        assert!(report[time].as_f64().unwrap() >= 0.0, "{report}");
    }
    let words = ["bench", "--insecure-plain", "--frames", "1"];
    let (_, result) = succeeds(site.path(), &text, &words);
    assert!(
        result.starts_with("1 frames; of processor time, for each:\n"),
        "{result}"
    );
}

#[test]
fn a_bench_refuses_what_the_camera_refuses() {
    fails(
        site().path(),
        &configuration("frames", "plain"),
        &["bench"],
        78,
        "error: the scheme `plain` hides nothing: broker and worker would see every frame\n  \
         help: set `stream.scheme = \"tfhe\"`, or pass `--insecure-plain` for a dry run\n",
    );
}
