use super::*;
use crate::{PoolSpec, Quantiser, SchemeId};

fn report(size: (u32, u32), bits: u8, pool: (u8, u8)) -> PlanReport {
    let quantiser = Quantiser::from_bits(bits).unwrap();
    let pool = PoolSpec::new(pool.0, pool.1, 0).unwrap();
    plan_report(&StreamSpec::new(SchemeId::Tfhe, size.0, size.1, quantiser, pool).unwrap())
}

#[test]
fn all_tiles_of_a_frame_are_counted() {
    let report = report((64, 64), 4, (2, 2));
    assert_eq!((report.tiles, report.windows), (2, 1024));
    assert_eq!(report.rounds, [1024, 512]);
    assert_eq!(report.bootstraps[&Purpose::Maximum], 3 * 1024);
    assert_eq!(report.bootstraps_per_window(), 3.0);
    let failure = report.failure();
    assert!(failure.log2_failure() <= -128.0);
    // Three bootstraps and a decryption together; and 1024 windows that share nothing.
    assert!(failure.log2_window_failure > failure.log2_failure());
    assert!(failure.log2_window_failure < failure.log2_failure() + 2.0);
    let frame = report.log2_frame_failure - report.log2_window_failure;
    assert!((frame - 10.0).abs() < 0.01, "{frame}");
}

#[test]
fn a_window_answers_for_all_that_it_shares() {
    let apart = report((16, 16), 4, (3, 3)).log2_window_failure;
    let overlapping = report((16, 16), 4, (3, 1)).log2_window_failure;
    assert!(
        (apart - overlapping).abs() < 0.1,
        "{apart} and {overlapping}"
    );
}

#[test]
fn probabilities_that_are_no_floating_point_numbers_are_said_all_the_same() {
    for bits in [1, 2] {
        let report = report((16, 16), bits, (2, 2));
        assert!(report.log2_frame_failure.is_finite());
        assert!(report.log2_frame_failure < -1100.0);
        assert!(report.log2_window_failure < report.log2_frame_failure);
    }
}

#[test]
fn the_kinds_of_bootstraps_of_eight_bits_are_told_apart() {
    let report = report((4, 4), 8, (2, 2));
    let counts: Vec<(Purpose, u64)> = report.bootstraps.into_iter().collect();
    assert_eq!(
        counts,
        [
            (Purpose::Maximum, 4 * 6),
            (Purpose::Comparison, 4 * 4),
            (Purpose::Selection, 4 * 4)
        ]
    );
}
