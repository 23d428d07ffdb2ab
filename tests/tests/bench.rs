//! `blindsight bench`: exact values and the sizes that the layouts promise.

use e2e::programs::run;
use serde_json::Value;

#[test]
fn nothing_is_wrong_and_sizes_are_those_of_the_layouts() {
    let folder = tempfile::tempdir().unwrap();
    let args = "bench --scheme tfhe --bits 4 --size 8x6 --kernel 2 --stride 2 --threads 1 --json";
    let args: Vec<&str> = args.split(' ').collect();
    let outcome = run("blindsight", &args, folder.path());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
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
    for field in ["log2_failure", "log2_window_failure"] {
        assert!(
            report[field].as_f64().is_some_and(|log2| log2 <= -128.0),
            "{field}"
        );
    }
}
