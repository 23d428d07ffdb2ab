//! The demo on real footage, where that lies beside the checkout.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use cipherframe::SchemeId;
use e2e::data_folder::committed;
use e2e::key_cache::key_set;
use e2e::programs::run;

#[test]
fn the_demo_runs_on_a_folder_of_jpegs() {
    let footage = committed("../shared/data/ped2/test/01");
    if !footage.exists() {
        // Not through `eprintln!`, which tests that pass keep to themselves.
        let line = format!("skipped: {} is not there\n", footage.display());
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("blindsight-data");
    fs::create_dir(&data).unwrap();
    symlink(key_set(SchemeId::Tfhe), data.join("tfhe")).unwrap();
    let video = footage.canonicalize().unwrap();
    let options = "--size 8x6 --bits 4 --frames 2 --verify --json --headless --out maps";
    let mut args = vec!["demo", "--video", video.to_str().unwrap()];
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
    for (seq, map) in [first, second].into_iter().enumerate() {
        assert_eq!(map["seq"], seq);
        let values = map["values"].as_array().unwrap();
        assert_eq!((values.len(), &map["mismatched_values"]), (12, &0.into()));
        assert!(
            values.iter().any(|value| *value != 0),
            "a street is not black"
        );
        let picture = folder.path().join(format!("maps/maps/gate/{seq}.png"));
        assert_eq!(image::image_dimensions(picture).unwrap(), (4, 3));
    }
}
