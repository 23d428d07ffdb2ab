//! `blindsight bench`: exact values and the sizes that the layouts promise.

use e2e::programs::run;
use serde_json::Value;

/// What `blindsight bench` reports with these arguments.
fn report(args: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let args: Vec<&str> = args.split(' ').collect();
    let outcome = run("blindsight", &args, folder.path());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn check_failure_is_negligible(report: &Value) {
    for field in ["log2_failure", "log2_window_failure"] {
        let log2 = report[field].as_f64();
        assert!(log2.is_some_and(|log2| log2 <= -128.0), "{field}");
    }
}

#[test]
fn nothing_is_wrong_and_sizes_are_those_of_the_layouts() {
    let report =
        report("bench --scheme tfhe --bits 4 --size 8x6 --kernel 2 --stride 2 --threads 1 --json");
    let (pixels, windows) = (8 * 6, 4 * 3);
    for (field, value) in [
        ("wrong", 0),
        ("windows", windows),
        ("pbs_per_window", 3),
        ("bytes_in", 3 * (2048 + pixels)),
        ("bytes_out", 2 * (1024 + windows)),
    ] {
        assert_eq!(report[field], value, "{field}");
    }
    for field in [
        "keygen_ms",
        "encrypt_ms",
        "pool_ms",
        "pool_cpu_ms",
        "decrypt_ms",
        "pbs_ms",
    ] {
        assert!(report[field].as_f64().is_some_and(|ms| ms > 0.0), "{field}");
    }
    check_failure_is_negligible(&report);
}

#[test]
fn tiles_that_are_pooled_at_once_are_all_right() {
    let report = report("bench --scheme bfv --bits 4 --size 64x48 --threads 2 --json");
    // 273 windows of 15 levels fill the 4096 slots of a tile.
    for (field, value) in [("wrong", 0), ("windows", 32 * 24), ("tiles", 3)] {
        assert_eq!(report[field], value, "{field}");
    }
    assert_eq!(report["parameter_set"], "BFV_N4096_Q90_T65537");
    for field in ["pool_ms", "pool_cpu_ms", "bytes_in", "bytes_out"] {
        assert!(report[field].as_f64().is_some_and(|n| n > 0.0), "{field}");
    }
    check_failure_is_negligible(&report);
    assert_eq!(report.get("pbs_ms"), None, "nothing was calibrated");
    assert_eq!(report.get("pbs_per_window"), None);
}

#[test]
fn eight_bits_are_exact_where_four_are_off_by_half_a_step() {
    let report = |bits: u8| {
        report(&format!(
            "bench --scheme tfhe --bits {bits} --size 4x4 --threads 2 --json"
        ))
    };
    let (eight, four) = (report(8), report(4));
    for (report, pbs, bytes_in, bytes_out) in [
        (&eight, 14, 3 * (2048 + 2 * 16), 2 * (1024 + 2 * 4)),
        (&four, 3, 3 * (2048 + 16), 2 * (1024 + 4)),
    ] {
        assert_eq!(report["wrong"], 0);
        assert_eq!(report["pbs_per_window"], pbs);
        assert_eq!(report["bytes_in"], bytes_in);
        assert_eq!(report["bytes_out"], bytes_out);
        assert_eq!(report["reversed_pairs"], 0);
    }
    assert_eq!(eight["error_max"], 0);
    assert_eq!(eight["error_counts"], serde_json::json!([4]));
    assert!((1..=8).contains(&four["error_max"].as_u64().unwrap()));
}

#[test]
fn a_plan_says_what_a_frame_takes_without_running_it() {
    let plan = report("bench --plan --scheme tfhe --bits 8 --size 64x64 --json");
    for (field, value) in [("windows", 1024), ("tiles", 4), ("pbs", 14 * 1024)] {
        assert_eq!(plan[field], value, "{field}");
    }
    assert_eq!(plan["pbs_by_purpose"]["selection"], 4 * 1024);
    assert!(plan["log2_bootstrap_failure"].as_f64().unwrap() <= -128.0);
    let rounds = plan["rounds"].as_array().unwrap().iter();
    let in_a_tile: u64 = rounds.map(|round| round.as_u64().unwrap()).sum();
    assert_eq!(in_a_tile, 14 * 256);

    // Nothing is bootstrapped with kernel 1, and with few levels failing is less likely than a number can say.
    let plan = report("bench --plan --kernel 1 --stride 1 --json");
    assert_eq!(plan["pbs"], 0);
    assert_eq!(plan.get("log2_bootstrap_failure"), None);
    let plan = report("bench --plan --bits 1 --json");
    assert!(plan["log2_frame_failure"].as_f64().unwrap() < -1100.0);

    let folder = tempfile::tempdir().unwrap();
    let outcome = run(
        "blindsight",
        &["bench", "--plan", "--scheme", "bfv"],
        folder.path(),
    );
    assert_eq!(outcome.code, 2);
    assert!(
        outcome
            .stderr
            .contains("scheme bfv has no bootstraps to plan")
    );
}

#[test]
fn a_picture_can_be_measured() {
    let folder = tempfile::tempdir().unwrap();
    let picture = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([(20 * x + 9 * y) as u8]));
    std::fs::write(folder.path().join("a.png"), "no picture").unwrap();
    picture.save(folder.path().join("b.png")).unwrap();
    let bench = |more: &str| {
        let words = format!("bench --scheme plain --insecure-plain --size 8x8 --json {more}");
        let words: Vec<&str> = words.split_whitespace().collect();
        run("blindsight", &words, folder.path())
    };
    let outcome = bench("--bits 8 --video .");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("a.png is skipped"),
        "{}",
        outcome.stderr
    );
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&report["wrong"], &report["error_max"]),
        (&0.into(), &0.into())
    );

    std::fs::remove_file(folder.path().join("b.png")).unwrap();
    let outcome = bench("--video .");
    assert_eq!(outcome.code, 65);
    assert!(
        outcome.stderr.contains("none of the 1 files"),
        "{}",
        outcome.stderr
    );
}
