//! The same results on a processor without AVX2, which an emulator stands in for.

use super::*;
use crate::scheme::bfv::packing::push_residues;
use crate::scheme::bfv::parameters::{for_kernel, key_fingerprint};
use crate::{KeyId, PoolSpec, Quantiser, SchemeId, StreamSpec};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Tells a run in the emulator which maps to expect.
const EXPECTED: &str = "BLINDSIGHT_MAPS_WITHOUT_AVX2";

/// The Debian package `qemu-user` has it.
const EMULATOR: &str = "qemu-x86_64";

/// A processor of 2008: SSE4.2 and no AVX.
const PROCESSOR: &str = "Nehalem";

/// When a run in the emulator is taken for hung: it takes half a minute.
const PATIENCE: Duration = Duration::from_secs(600);

/// The tests that the emulator runs: those of this folder that take seconds in there.
const TESTS: [&str; 5] = [
    "lean::prime::tests",
    "lean::tests::conversions",
    "lean::tests::products",
    "lean::tests::library",
    "lean::tests::without_avx2::an_emulated_run_has_no_avx2_and_gives_the_same_maps",
];

/// What the worker makes of one tile for each parameter set, of random residues, as one number.
fn maps() -> u64 {
    let mut rng = rng(5);
    let mut key = key_fingerprint().0.to_vec();
    for set in SETS {
        let ring = set.ring().unwrap();
        for _ in 0..2 * set.primes {
            push_residues(&mut key, &random(&mut rng, set.degree, ring.primes()));
        }
    }
    let key = SchemeId::Bfv
        .evaluation()
        .read_evaluation_key(KeyId::from_bytes([0; 16]), &key, &())
        .unwrap();
    let maps = [2, 3].map(|kernel| {
        let set = for_kernel(kernel);
        let ring = set.ring().unwrap();
        let pool = PoolSpec::new(kernel, kernel, 0).unwrap();
        let quantiser = Quantiser::from_thresholds(vec![100]).unwrap();
        let spec = StreamSpec::new(SchemeId::Bfv, 12, 12, quantiser, pool).unwrap();
        // Encrypted with the public key: both parts in full.
        let mut tile = vec![0];
        for _ in 0..2 * kernel * kernel {
            push_residues(&mut tile, &random(&mut rng, set.degree, ring.primes()));
        }
        key.pool(&spec, 0, &tile, &()).unwrap()
    });
    // FNV-1a.
    maps.concat()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[test]
fn everything_holds_without_avx2() {
    if std::env::var_os(EXPECTED).is_some() {
        return;
    }
    if !cfg!(target_arch = "x86_64") {
        return skipped("this is no x86-64 machine");
    }
    let emulated = Command::new(EMULATOR)
        .args(["-cpu", PROCESSOR])
        .arg(std::env::current_exe().unwrap())
        .args(TESTS)
        .env(EXPECTED, maps().to_string())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut emulated) = emulated else {
        return skipped("qemu-x86_64 (Debian package qemu-user) is not installed");
    };
    let end = Instant::now() + PATIENCE;
    while emulated.try_wait().unwrap().is_none() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(100));
    }
    // Without effect on a run that has ended.
    emulated.kill().unwrap();
    let outcome = emulated.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&outcome.stdout);
    assert!(outcome.status.success(), "{text}");
    for test in TESTS {
        assert!(text.contains(test), "{test} is not there:\n{text}");
    }
}

#[test]
fn an_emulated_run_has_no_avx2_and_gives_the_same_maps() {
    let Ok(expected) = std::env::var(EXPECTED) else {
        return;
    };
    #[cfg(target_arch = "x86_64")]
    assert!(!is_x86_feature_detected!("avx2") && !is_x86_feature_detected!("avx"));
    assert_eq!(maps().to_string(), expected);
}

/// Not through `eprintln!`, which tests that pass keep to themselves.
fn skipped(why: &str) {
    let line = format!("skipped: the bfv arithmetic without AVX2, {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
