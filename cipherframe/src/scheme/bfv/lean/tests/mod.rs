//! The arithmetic against big integers and against the crate `fhe`.

mod conversions;
mod library;
mod products;
mod relinearisation;
mod rings;
mod without_avx2;

use super::prime::Prime;
use super::{Ciphertext, Level, Residues, Ring};
use crate::scheme::bfv::parameters::{PLAINTEXT_MODULUS, ParameterSet, SETS};
use num_bigint::BigInt;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The same numbers in every run.
fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Every level of every parameter set.
fn levels() -> impl Iterator<Item = (ParameterSet, Ring, usize)> {
    SETS.into_iter().flat_map(|set| {
        let ring = set.ring().unwrap();
        (1..=set.primes).map(move |length| (set, ring.clone(), length))
    })
}

/// A ring of few coefficients over the primes of a set: products of integers are quick in it.
fn small_ring(set: &ParameterSet) -> Ring {
    let (q, p) = (set.moduli(), set.auxiliary_moduli());
    Ring::new(64, PLAINTEXT_MODULUS, &q, &p).unwrap()
}

/// This far from zero, base extension never turns a sign.
fn safe(primes: &[Prime]) -> BigInt {
    let q = modulus(primes);
    &q / 2 - ((&q * 11) >> 30) - 1
}

fn random(rng: &mut ChaCha8Rng, degree: usize, primes: &[Prime]) -> Residues {
    let mut residues = Residues::zero(degree, primes.len());
    for (row, prime) in residues.coefficients_mut().zip(primes) {
        row.fill_with(|| rng.random_range(0..prime.value()));
    }
    residues
}

fn random_ciphertext(rng: &mut ChaCha8Rng, level: &Level) -> Ciphertext {
    let mut part = || random(rng, level.degree(), level.primes());
    Ciphertext {
        parts: [part(), part()],
    }
}

/// The product of primes.
fn modulus(primes: &[Prime]) -> BigInt {
    primes
        .iter()
        .map(|prime| BigInt::from(prime.value()))
        .product()
}

/// `value` modulo a prime.
fn residue(prime: &Prime, value: &BigInt) -> u32 {
    let q = BigInt::from(prime.value());
    u32::try_from(((value % &q) + &q) % &q).unwrap()
}

/// The rows of the polynomial with these coefficients.
fn from_integers(primes: &[Prime], coefficients: &[BigInt]) -> Residues {
    let mut residues = Residues::zero(coefficients.len(), primes.len());
    for (row, prime) in residues.coefficients_mut().zip(primes) {
        for (to, from) in row.iter_mut().zip(coefficients) {
            *to = residue(prime, from);
        }
    }
    residues
}

/// The coefficients between `-Q/2` and `Q/2`.
fn to_integers(primes: &[Prime], polynomial: &Residues) -> Vec<BigInt> {
    let q = modulus(primes);
    // What a residue counts for: 1 modulo its prime, 0 modulo the others.
    let units = primes.iter().map(|prime| {
        let rest = &q / prime.value();
        let inverse = prime.invert(residue(prime, &rest));
        rest * inverse
    });
    let units: Vec<BigInt> = units.collect();
    let rows: Vec<&[u32]> = polynomial.coefficients().collect();
    let coefficient = |at: usize| {
        let sum: BigInt = rows
            .iter()
            .zip(&units)
            .map(|(row, unit)| unit * row[at])
            .sum();
        centred(sum, &q)
    };
    (0..polynomial.degree()).map(coefficient).collect()
}

/// The member of `value`'s residue class between `-q/2` and `q/2`.
fn centred(value: BigInt, q: &BigInt) -> BigInt {
    let value = ((value % q) + q) % q;
    if &value * 2 > *q { value - q } else { value }
}

/// `a b` modulo `X^N + 1`.
fn negacyclic(a: &[BigInt], b: &[BigInt]) -> Vec<BigInt> {
    let degree = a.len();
    let mut product = vec![BigInt::default(); degree];
    for (i, a) in a.iter().enumerate() {
        for (j, b) in b.iter().enumerate() {
            if i + j < degree {
                product[i + j] += a * b;
            } else {
                product[i + j - degree] -= a * b;
            }
        }
    }
    product
}

/// `floor(a / b)`.
fn floor(a: BigInt, b: &BigInt) -> BigInt {
    let remainder = ((&a % b) + b) % b;
    (a - remainder) / b
}

/// How often residues differ by one; `None` if any differ by more.
fn distance(primes: &[Prime], a: &Residues, b: &Residues) -> Option<usize> {
    assert_eq!((a.degree(), a.row_count()), (b.degree(), b.row_count()));
    let mut count = 0;
    for ((a, b), prime) in a.coefficients().zip(b.coefficients()).zip(primes) {
        for (a, b) in a.iter().zip(b) {
            match a.abs_diff(*b).min(prime.value() - a.abs_diff(*b)) {
                0 => {}
                1 => count += 1,
                _ => return None,
            }
        }
    }
    Some(count)
}

/// How often residues differ by one; by more they must not.
fn off_by_one(primes: &[Prime], a: &Residues, b: &Residues) -> usize {
    distance(primes, a, b).expect("residues differ by one at most")
}
