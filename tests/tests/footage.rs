//! The demo on real footage, where that lies beside the checkout.

use std::fs;
use std::os::unix::fs::symlink;

use cipherframe::SchemeId;
use e2e::data_folder::{committed, pictures};
use e2e::key_cache::key_set;
use e2e::programs::run;
use e2e::skipped;

#[test]
fn the_demo_runs_on_a_folder_of_jpegs() {
    let footage = committed("../shared/data/ped2/test/01");
    if !footage.exists() {
        skipped(&format!("{} is not there", footage.display()));
        return;
    }
    let video = footage.canonicalize().unwrap();
    for (scheme, camera) in [(SchemeId::Tfhe, "compact"), (SchemeId::Bfv, "live")] {
        check_demo(video.to_str().unwrap(), scheme, camera);
    }
}

/// Runs the demo on two frames of `video` and checks its maps, its summary and its pictures.
fn check_demo(video: &str, scheme: SchemeId, camera: &str) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("blindsight-data");
    fs::create_dir(&data).unwrap();
    symlink(key_set(scheme), data.join(scheme.as_str())).unwrap();
    let options =
        "--feature luma --size 8x6 --bits 4 --frames 2 --verify --json --headless --out maps";
    let mut args = vec!["demo", "--video", video, "--scheme", scheme.as_str()];
    args.extend(options.split(' '));
    let outcome = run("blindsight", &args, folder.path());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);

    let objects: Vec<serde_json::Value> = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [first, second, summary] = &objects[..] else {
        panic!("two maps and a summary are due:\n{}", outcome.stdout);
    };
    let summary = &summary["summary"];
    assert_eq!(
        (&summary["frames"], &summary["maps"]),
        (&2.into(), &2.into())
    );
    assert_eq!(
        (&summary["mismatched_values"], &summary["lost"]),
        (&0.into(), &0.into())
    );
    // Two frames may be pooled at once, and the second one be done first.
    let mut seqs = [&first["seq"], &second["seq"]].map(|seq| seq.as_u64().unwrap());
    seqs.sort_unstable();
    assert_eq!(seqs, [0, 1]);
    for map in [first, second] {
        let values = map["values"].as_array().unwrap();
        assert_eq!((values.len(), &map["mismatched_values"]), (12, &0.into()));
        assert!(
            values.iter().any(|value| *value != 0),
            "a street is not black"
        );
    }
    let pictures = pictures(&folder.path().join("maps"), camera);
    assert_eq!(pictures.keys().copied().collect::<Vec<_>>(), seqs);
    for picture in pictures.into_values() {
        assert_eq!(image::image_dimensions(picture).unwrap(), (4, 3));
    }
}
