//! The demo: its two streams, motion, and where nobody reads what it prints.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cipherframe::SchemeId;
use e2e::data_folder::{committed, pictures};
use e2e::key_cache::key_set;
use e2e::programs::{command, run};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long an interrupted demo may take to end; 5 s are promised, a busy machine gets more.
const END_LIMIT: Duration = Duration::from_secs(20);

/// What the demo prints on the samples with `options`: the maps and the summary. It has to end well.
fn demo(options: &str, folder: &Path) -> (Vec<Value>, Value) {
    let (maps, summary, _) = demo_of(&committed("samples"), options, folder);
    (maps, summary)
}

/// The same on the footage in a folder; and what it says on stderr.
fn demo_of(video: &Path, options: &str, folder: &Path) -> (Vec<Value>, Value, String) {
    let mut args = vec!["demo", "--video", video.to_str().unwrap()];
    args.extend(options.split_whitespace());
    args.extend(["--verify", "--json", "--headless"]);
    let outcome = run("blindsight", &args, folder);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let objects = outcome.stdout.lines();
    let mut objects: Vec<Value> = objects
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = objects.pop().unwrap();
    (objects, summary["summary"].clone(), outcome.stderr)
}

/// Keys of the schemes where the demo looks for them. They are made once for all tests.
fn link_keys(schemes: &[SchemeId], folder: &Path) {
    let data = folder.join("blindsight-data");
    fs::create_dir(&data).unwrap();
    for scheme in schemes {
        symlink(key_set(*scheme), data.join(scheme.as_str())).unwrap();
    }
}

/// Checks that a summary, or the figures of one camera in it, say that `frames` frames gave as many right maps.
fn check_all_is_well(figures: &Value, frames: u64) {
    for (field, value) in [
        ("frames", frames),
        ("maps", frames),
        ("mismatched_values", 0),
        ("lost", 0),
    ] {
        assert_eq!(figures[field], value, "{field} of {figures}");
    }
    assert!(
        figures["fps"].as_f64().is_some_and(|fps| fps > 0.0),
        "{figures}"
    );
}

#[test]
fn without_options_a_live_and_a_compact_stream_run_to_their_ends() {
    let folder = tempfile::tempdir().unwrap();
    link_keys(&[SchemeId::Bfv, SchemeId::Tfhe], folder.path());
    // The size is that of neither, so that scheme tfhe is done soon.
    let (maps, summary) = demo("--size 8x6 --frames 2 --out out", folder.path());
    check_all_is_well(&summary, 4);
    // While the one worker has seconds of work with a tile of `compact`, both frames of `live` go first.
    let order: Vec<&Value> = maps.iter().map(|map| &map["camera"]).collect();
    assert_eq!(order[..2], ["live", "live"], "{order:?}");
    for (camera, scheme, levels) in [("live", "bfv", 3), ("compact", "tfhe", 15)] {
        check_all_is_well(&summary["cameras"][camera], 2);
        let maps = maps.iter().filter(|map| map["camera"] == camera);
        let mut seqs = Vec::new();
        for map in maps {
            assert_eq!(
                (&map["scheme"], &map["levels"]),
                (&scheme.into(), &levels.into())
            );
            seqs.push(map["seq"].as_u64().unwrap());
        }
        seqs.sort_unstable();
        assert_eq!(seqs, [0, 1], "{camera}");
        let pictures = pictures(&folder.path().join("out"), camera);
        assert_eq!(pictures.into_keys().collect::<Vec<_>>(), [0, 1], "{camera}");
    }
}

/// Warned of once, though two cameras play the folder; on both streams every map is right.
#[test]
fn a_folder_may_mix_images_and_videos_and_a_broken_file_is_warned_of_once() {
    let folder = tempfile::tempdir().unwrap();
    link_keys(&[SchemeId::Bfv, SchemeId::Tfhe], folder.path());
    let video = folder.path().join("mixed");
    fs::create_dir(&video).unwrap();
    let samples = committed("samples/2-cyclist");
    fs::copy(samples.join("000.png"), video.join("a.png")).unwrap();
    let street = image::open(samples.join("020.png")).unwrap();
    street.save(video.join("b.jpg")).unwrap();
    // With B-frames.
    let walk = committed("camera-node/tests/data/walk.mp4");
    fs::copy(&walk, video.join("d.mp4")).unwrap();
    let broken = fs::read(&walk).unwrap();
    fs::write(video.join("c.mp4"), &broken[..broken.len() / 20]).unwrap();

    let (maps, summary, said) = demo_of(&video, "--frames 6 --fps 5", folder.path());
    check_all_is_well(&summary, 12);
    assert_eq!(maps.len(), 12);
    let warnings: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(" WARN "))
        .collect();
    let [warning] = warnings[..] else {
        panic!("one warning is due:\n{said}");
    };
    assert!(warning.contains("mixed/c.mp4 is skipped: "), "{warning}");
}

#[test]
fn the_live_stream_alone_makes_its_keys_and_needs_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (maps, summary) = demo("--scheme bfv --frames 5", folder.path());
    check_all_is_well(&summary, 5);
    let cameras = summary["cameras"].as_object().unwrap();
    assert_eq!(cameras.keys().collect::<Vec<_>>(), ["live"]);
    for map in maps {
        let size = (&map["width"], &map["height"], &map["levels"]);
        assert_eq!(size, (&48.into(), &27.into(), &3.into()));
    }
    let mut made: Vec<String> = fs::read_dir(folder.path().join("blindsight-data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    made.sort();
    assert_eq!(made, ["bfv", "live", "trust.toml", "viewer", "worker"]);
}

#[test]
fn the_unusual_moment_of_the_samples_is_exactly_one_event() {
    let folder = tempfile::tempdir().unwrap();
    link_keys(&[SchemeId::Bfv], folder.path());
    symlink(committed("samples"), folder.path().join("samples")).unwrap();
    let args = "demo --scheme bfv --frames 64 --fps 10 --out out --verify --json --headless";
    let args: Vec<&str> = args.split_whitespace().collect();
    let outcome = run("blindsight", &args, folder.path());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let events = fs::read_to_string(folder.path().join("out/events.jsonl")).unwrap();
    let events: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str| {
        events
            .iter()
            .filter(|event| event["kind"] == kind)
            .collect::<Vec<_>>()
    };
    let (begun, ended) = (of("begin"), of("end"));
    assert_eq!((begun.len(), ended.len()), (1, 1), "{events:#?}");
    assert_eq!(begun[0]["id"], ended[0]["id"]);
    // The cyclist races through frames 11 to 21 of the second clip, which begins with frame 32.
    let seq = begun[0]["seq"].as_u64().unwrap();
    assert!((43..=54).contains(&seq), "{seq}");
}

#[test]
fn a_frame_of_several_live_tiles_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    link_keys(&[SchemeId::Bfv], folder.path());
    let (_, summary) = demo(
        "--scheme bfv --size 64x64 --bits 4 --frames 4",
        folder.path(),
    );
    check_all_is_well(&summary, 4);
}

#[test]
fn an_unread_stdout_neither_fills_the_memory_nor_holds_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let samples = committed("samples");
    let mut demo = command("blindsight", folder.path())
        .args(
            "demo --scheme plain --insecure-plain --size 256x256 --bits 8 --json --fps 240"
                .split(' '),
        )
        .arg("--video")
        .arg(samples)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Each map is 40 KB of JSON: the pipe is full after two. Then the camera must stand still.
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", demo.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap()
            .to_owned();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    sleep(Duration::from_secs(6));
    let before = resident();
    sleep(Duration::from_secs(6));
    let after = resident();
    assert!(
        after < before + 20_000,
        "resident memory went from {before} to {after} KiB"
    );

    let interrupted = Instant::now();
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    while demo.try_wait().unwrap().is_none() {
        assert!(interrupted.elapsed() < END_LIMIT, "the demo does not end");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}

#[test]
fn motion_is_verified_and_begins_with_an_empty_map() {
    let folder = tempfile::tempdir().unwrap();
    let options = "--scheme plain --insecure-plain --feature motion --levels 8,20,45 --size 32x18 --frames 6 --fps 100";
    let (maps, summary) = demo(options, folder.path());
    check_all_is_well(&summary, 6);
    let moves = maps.iter().map(|map| {
        let values = map["values"].as_array().unwrap();
        values.iter().any(|value| *value != 0)
    });
    // A figure walks into the picture.
    let moves: Vec<bool> = moves.collect();
    assert_eq!((moves.len(), moves[0]), (6, false));
    assert!(moves.contains(&true), "nothing moves");
}
