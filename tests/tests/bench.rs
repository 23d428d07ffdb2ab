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
