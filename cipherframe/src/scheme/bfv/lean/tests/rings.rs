//! What would break a bound is refused where the ring is built.

use super::super::RingError;
use super::*;
use crate::scheme::bfv::parameters::{DEPTH_2, DEPTH_4};

const T: u32 = PLAINTEXT_MODULUS;
const N: usize = DEPTH_2.degree;

fn error(degree: usize, t: u32, q: &[u32], p: &[u32]) -> RingError {
    Ring::new(degree, t, q, p).unwrap_err()
}

#[test]
fn more_primes_than_the_sums_hold_are_refused() {
    let all: Vec<u32> = [DEPTH_4.moduli(), DEPTH_4.auxiliary_moduli()].concat();
    assert_eq!(error(N, T, &all[..6], &all[6..]), RingError::TooMany(6));
    assert_eq!(error(N, T, &[], &all), RingError::NoPrime);
}

#[test]
fn too_few_auxiliary_primes_are_refused() {
    let (q, p) = (DEPTH_2.moduli(), DEPTH_2.auxiliary_moduli());
    assert_eq!(error(N, T, &q, &p[..3]), RingError::Auxiliary(3));
    assert!(Ring::new(N, T, &q, &p).is_ok());
}

#[test]
fn numbers_that_the_reductions_are_not_made_for_are_refused() {
    let (q, p) = (DEPTH_2.moduli(), DEPTH_2.auxiliary_moduli());
    // Too small, composite though 1 modulo 2N, a prime without a transform, even, too large, none at all.
    let below = 1_071_628_289;
    for value in [
        below,
        (1 << 30) - (1 << 14) + 1,
        (1 << 30) - 35,
        1 << 29,
        2_147_352_577,
        0,
    ] {
        for place in 0..3 {
            let mut q = q.clone();
            q[place] = value;
            assert_eq!(error(N, T, &q, &p), RingError::Prime(value, N));
            let mut p = p.clone();
            p[place] = value;
            assert_eq!(
                error(N, T, &DEPTH_2.moduli(), &p),
                RingError::Prime(value, N)
            );
        }
    }
}

#[test]
fn repeated_primes_are_refused() {
    let (q, p) = (DEPTH_2.moduli(), DEPTH_2.auxiliary_moduli());
    let twice = [q[0], q[1], q[0]];
    assert_eq!(error(N, T, &twice, &p), RingError::Repeated(q[0]));
    let shared = [p[0], p[1], p[2], q[1]];
    assert_eq!(error(N, T, &q, &shared), RingError::Repeated(q[1]));
}

#[test]
fn degrees_without_transforms_are_refused() {
    let (q, p) = (DEPTH_2.moduli(), DEPTH_2.auxiliary_moduli());
    for degree in [0, 1, 32, 96, N + 64] {
        assert_eq!(error(degree, T, &q, &p), RingError::Degree(degree));
    }
    // More coefficients than the primes have roots of unity for.
    let many = 1 << 14;
    assert_eq!(error(many, T, &q, &p), RingError::Prime(q[0], many));
    assert!(Ring::new(64, T, &q, &p).is_ok());
}

#[test]
fn plaintext_moduli_that_are_no_smaller_than_the_primes_are_refused() {
    let (q, p) = (DEPTH_2.moduli(), DEPTH_2.auxiliary_moduli());
    for t in [0, 1, q[0], u32::MAX, q[2]] {
        assert_eq!(error(N, t, &q, &p), RingError::PlaintextModulus(t));
    }
    assert!(Ring::new(N, 2, &q, &p).is_ok());
    assert!(Ring::new(N, (1 << 30) - (1 << 21), &q, &p).is_ok());
}

#[test]
fn there_is_a_level_for_each_number_of_primes_and_no_other() {
    for (set, ring, length) in levels() {
        let level = ring.level(length).unwrap();
        assert_eq!((level.length(), level.degree()), (length, set.degree));
        assert!(ring.level(0).is_none() && ring.level(set.primes + 1).is_none());
        assert_eq!(ring.top().length(), set.primes);
    }
}
