use super::*;
use crate::scheme::tfhe::circuit::{Operand, Purpose};
use crate::scheme::tfhe::dry_run::dry_run;
use crate::{PoolSpec, Quantiser, SchemeId, StreamSpec};
use proptest::prelude::*;

fn spec(size: (u32, u32), level_count: u8, pool: (u8, u8, u8)) -> Option<StreamSpec> {
    let step = 255 / level_count;
    let thresholds = (1..=level_count).map(|level| level * step).collect();
    let quantiser = Quantiser::from_thresholds(thresholds).unwrap();
    let pool = PoolSpec::new(pool.0, pool.1, pool.2).ok()?;
    StreamSpec::new(SchemeId::Tfhe, size.0, size.1, quantiser, pool).ok()
}

fn circuit(spec: &StreamSpec, tile: u32) -> Circuit {
    let (columns, rows) = spec.tile_plan().axes(tile).unwrap();
    let level_count = spec.quantiser().level_count();
    plan(spec.pool().kernel(), level_count, &columns, &rows).unwrap()
}

/// Pools a tile of these levels in a dry run.
fn pooled(spec: &StreamSpec, circuit: &Circuit, levels: &[u8]) -> Vec<u8> {
    let level_count = spec.quantiser().level_count();
    let digits = digits(level_count);
    let inputs = encode(spec.pool().kernel(), level_count, levels).unwrap();
    let results = dry_run(circuit, &inputs);
    for (result, digit) in results.iter().zip(digits.iter().cycle()) {
        assert_eq!(result % (1 << digit.output_scale_log2()), 0, "{spec}");
    }
    decode(level_count, &results)
}

/// Bootstraps of one tile for each of its windows, and those that are refreshes.
fn bootstraps(size: (u32, u32), bits: u32, pool: (u8, u8, u8)) -> (f64, f64) {
    let spec = spec(size, ((1u32 << bits) - 1) as u8, pool).unwrap();
    assert_eq!(spec.tile_plan().tile_count(), 1);
    let circuit = circuit(&spec, 0);
    let windows = spec.tile_plan().windows(0).unwrap().len() as f64;
    let refreshes = circuit.bootstraps().iter();
    let refreshes = refreshes.filter(|bootstrap| bootstrap.purpose == Purpose::Refresh);
    (
        circuit.bootstraps().len() as f64 / windows,
        refreshes.count() as f64 / windows,
    )
}

#[test]
fn windows_apart_take_one_bootstrap_per_maximum() {
    for (kernel, maxima) in [(1, 0.0), (2, 3.0), (3, 8.0), (4, 15.0)] {
        let side = 2 * u32::from(kernel);
        let counts = bootstraps((side, side), 4, (kernel, kernel, 0));
        assert_eq!(counts, (maxima, 0.0), "kernel {kernel}");
    }
}

#[test]
fn overlapping_windows_share() {
    assert_eq!(
        bootstraps((16, 16), 4, (2, 1, 0)),
        (31.0 * 15.0 / 225.0, 0.0)
    );
    assert_eq!(
        bootstraps((16, 16), 4, (3, 1, 0)),
        (30.0 * 21.0 / 196.0, 0.0)
    );
    // 28 lines of 25 maxima, and 14 of 16 row maxima refreshed for each column.
    assert_eq!(
        bootstraps((16, 16), 4, (5, 1, 0)),
        ((28.0 * 25.0 + 14.0 * 12.0) / 144.0, 14.0 * 12.0 / 144.0)
    );
}

#[test]
fn few_levels_need_no_refresh_where_four_bits_do() {
    for bits in [1, 2] {
        assert_eq!(bootstraps((16, 16), bits, (8, 8, 0)), (63.0, 0.0));
    }
    assert_eq!(bootstraps((16, 16), 4, (8, 8, 0)), (71.0, 8.0));
}

#[test]
fn eight_bits_take_fourteen_bootstraps_for_four_pixels() {
    for bits in 5..=8 {
        assert_eq!(bootstraps((8, 8), bits, (2, 2, 0)), (14.0, 0.0));
    }
    assert_eq!(bootstraps((4, 4), 8, (1, 1, 0)), (0.0, 0.0));
    // 8 + 9 + 9 + 8, and one refresh for the ninth low digit.
    let (all, refreshes) = bootstraps((6, 6), 8, (3, 3, 0));
    assert_eq!(all - refreshes, 34.0);
}

#[test]
fn pixels_are_encrypted_as_high_as_the_maxima_leave_room_for() {
    let scales = (1..=8).map(|kernel| pixel_scales_log2(kernel, 15).unwrap()[0]);
    assert_eq!(scales.collect::<Vec<_>>(), [60, 58, 56, 56, 56, 56, 56, 56]);
    assert_eq!(pixel_scales_log2(2, 255).unwrap(), [57, 56]);
}

/// One maximum more without a refresh and the bound would not hold.
#[test]
fn the_lowest_scale_is_the_lowest() {
    let failure = |scale_log2| {
        let mut circuit = Circuit::default();
        let pixels = [0, 1, 2, 3].map(|index| Value::input(index, 15, scale_log2 - 1));
        let a = circuit.maximum(&pixels[0], &pixels[1]).unwrap();
        let b = circuit.maximum(&pixels[2], &pixels[3]).unwrap();
        circuit.maximum(&a, &b).unwrap();
        CircuitNoise::of(&circuit).log2_bootstrap_failure()
    };
    assert!(failure(LOWEST_SCALE_LOG2) <= LOG2_FAILURE_BOUND);
    assert!(failure(LOWEST_SCALE_LOG2 - 1) > LOG2_FAILURE_BOUND);
}

#[test]
fn memory_is_bounded_where_windows_hold_many_pixels() {
    let spec = spec((24, 24), 255, (8, 1, 0)).unwrap();
    let circuit = circuit(&spec, 0);
    let mut uses = circuit.uses();
    let (mut alive, mut most) = (0, 0);
    for round in circuit.rounds() {
        alive += round.len();
        most = most.max(alive);
        for bootstrap in round.iter().map(|index| &circuit.bootstraps()[*index]) {
            for operand in bootstrap.operands() {
                if let Operand::Bootstrap(index) = operand {
                    uses[index] -= 1;
                    alive -= usize::from(uses[index] == 0);
                }
            }
        }
    }
    let results = circuit.outputs().len();
    assert!(circuit.bootstraps().len() > 20 * most, "{most}");
    assert!(most <= 3 * SELECTIONS_PER_GROUP + results, "{most}");
}

/// By kernel and levels, on the smallest frame that shows what overlapping does. [`plan`] refuses any other that would
/// not keep the bound, and the property below finds none.
#[test]
fn every_bootstrap_fails_with_probability_at_most_2_to_the_minus_128() {
    for kernel in 1..=8u8 {
        for level_count in [1, 2, 3, 7, 15, 16, 31, 63, 127, 255] {
            for stride in [1, kernel] {
                let side = 2 * u32::from(kernel) + 1;
                let spec = spec((side, side), level_count, (kernel, stride, kernel / 2)).unwrap();
                let noise = CircuitNoise::of(&circuit(&spec, 0));
                let (bootstrap, decryption) = (
                    noise.log2_bootstrap_failure(),
                    noise.log2_decryption_failure(),
                );
                assert!(bootstrap <= LOG2_FAILURE_BOUND, "{spec}: 2^{bootstrap}");
                assert!(decryption <= LOG2_FAILURE_BOUND, "{spec}: 2^{decryption}");
                // A bound so good that it must be a mistake is as suspicious as a bad one.
                assert!(decryption > -15000.0, "{spec}: 2^{decryption}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_dry_run_of_a_plan_is_the_reference(
        size in (1u32..20, 1u32..20), level_count in 1u8..=255, kernel in 1u8..=8, stride in 1u8..=9, padding in 0u8..8, seed: u64,
    ) {
        let Some(spec) = spec(size, level_count, (kernel, stride, padding)) else { return Ok(()) };
        for tile in 0..spec.tile_plan().tile_count() {
            let circuit = circuit(&spec, tile);
            let windows = spec.tile_plan().window_pixels(tile).unwrap();
            let pixels = spec.tile_plan().region(tile).unwrap().pixel_count();
            let levels: Vec<u8> = (0..pixels as u64)
                .map(|pixel| ((pixel + 1).wrapping_mul(seed | 1) >> 33) % (u64::from(level_count) + 1))
                .map(|level| level as u8)
                .collect();
            let maximum = |pixels: &Vec<usize>| pixels.iter().map(|pixel| levels[*pixel]).max().unwrap();
            let expected: Vec<u8> = windows.iter().map(maximum).collect();
            prop_assert_eq!(pooled(&spec, &circuit, &levels), expected, "{}", spec);

            let failure = CircuitNoise::of(&circuit).log2_bootstrap_failure();
            prop_assert!(failure <= LOG2_FAILURE_BOUND, "{}: 2^{}", spec, failure);
            let operands_come_first = circuit.bootstraps().iter().all(|bootstrap| {
                bootstrap.operands().all(|operand| match operand {
                    Operand::Input(index) => index < pixels * digits(level_count).len(),
                    Operand::Bootstrap(index) => circuit.bootstraps()[index].round < bootstrap.round,
                })
            });
            prop_assert!(operands_come_first);
        }
    }
}
