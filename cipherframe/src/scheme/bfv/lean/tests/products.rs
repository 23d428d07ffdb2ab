//! Products before relinearisation against big integers: worst cases in closed form, random ones the slow way.

use super::*;

/// `round(t d / Q)` for each coefficient.
fn scaled(primes: &[Prime], d: &[BigInt]) -> Residues {
    let (q, twice) = (modulus(primes), modulus(primes) * 2);
    let rounded = d
        .iter()
        .map(|d| floor(d * 2 * PLAINTEXT_MODULUS + &q, &twice));
    from_integers(primes, &rounded.collect::<Vec<_>>())
}

fn sum(a: &[BigInt], b: &[BigInt]) -> Vec<BigInt> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// Signs under which products of polynomials with equal coefficients are as large as they can be.
#[derive(Clone, Copy, Debug)]
enum Signs {
    Plus,
    Minus,
    Alternating,
}

impl Signs {
    fn sign(self, at: usize) -> i64 {
        match self {
            Self::Plus => 1,
            Self::Minus => -1,
            Self::Alternating => 1 - 2 * (at as i64 % 2),
        }
    }

    /// A ciphertext with every coefficient at `c` or `-c`.
    fn ciphertext(self, level: &Level, c: &BigInt) -> Ciphertext {
        let values: Vec<BigInt> = (0..level.degree()).map(|at| c * self.sign(at)).collect();
        let part = from_integers(level.primes(), &values);
        Ciphertext {
            parts: [part.clone(), part],
        }
    }
}

/// The scaled product of `signs` times `a` and `b`.
///
/// Coefficient k is `a b (k + 1)` from the pairs that add up to k, less `a b (N - 1 - k)` from those that add up to
/// k + N. Alternating signs turn every other coefficient over, those of one operand alone all of them.
fn closed_form(level: &Level, signs: [Signs; 2], a: &BigInt, b: &BigInt) -> [Residues; 3] {
    let coefficient = |k: usize| {
        let pairs = 2 * k as i64 + 2 - level.degree() as i64;
        a * b * (pairs * signs[0].sign(k) * signs[1].sign(0))
    };
    let d: Vec<BigInt> = (0..level.degree()).map(coefficient).collect();
    let d0 = scaled(level.primes(), &d);
    let d1 = scaled(level.primes(), &sum(&d, &d));
    [d0.clone(), d1, d0]
}

#[test]
fn the_largest_possible_products_are_exact_to_one() {
    use Signs::{Alternating, Minus, Plus};
    let pairs = [
        [Plus, Plus],
        [Plus, Minus],
        [Minus, Minus],
        [Alternating; 2],
    ];
    for (_, ring, length) in levels() {
        let level = ring.level(length).unwrap();
        let c = safe(level.primes());
        for signs in pairs {
            let [a, b] = signs.map(|signs| signs.ciphertext(level, &c));
            let found = level.multiply_without_relinearisation(&a, &b);
            let expected = closed_form(level, signs, &c, &c);
            for (found, expected) in found.iter().zip(&expected) {
                off_by_one(level.primes(), found, expected);
            }
        }
    }
}

/// `(Q - 1) / 2` stays what it is; `-(Q - 1) / 2` counts as itself or as `(Q + 1) / 2`, which is the same residue, and
/// the product is exact for what it counts as.
#[test]
fn products_at_the_very_edge_are_exact_to_one() {
    for (_, ring, length) in levels() {
        let level = ring.level(length).unwrap();
        let largest = (modulus(level.primes()) - 1) / 2;
        let turned = &largest + 1;
        let close = |c: &BigInt, a: &BigInt, b: &BigInt| {
            let signs = Signs::Plus;
            let [x, y] = [&largest, c].map(|c| signs.ciphertext(level, c));
            let found = level.multiply_without_relinearisation(&x, &y);
            let expected = closed_form(level, [signs; 2], a, b);
            let mut parts = found.iter().zip(&expected);
            parts.all(|(found, expected)| distance(level.primes(), found, expected).is_some())
        };
        assert!(close(&largest, &largest, &largest));
        let smallest = -&largest;
        assert!(close(&smallest, &largest, &smallest) || close(&smallest, &largest, &turned));
    }
}

#[test]
fn random_products_of_few_coefficients_are_exact_to_one() {
    let mut rng = rng(1);
    let (mut off, mut of) = (0, 0);
    for set in SETS {
        let ring = small_ring(&set);
        for length in 1..=set.primes {
            let level = ring.level(length).unwrap();
            let primes = level.primes();
            let [a, b] = [(); 2].map(|()| random_ciphertext(&mut rng, level));
            let found = level.multiply_without_relinearisation(&a, &b);
            let [a0, a1] = a.parts.each_ref().map(|part| to_integers(primes, part));
            let [b0, b1] = b.parts.each_ref().map(|part| to_integers(primes, part));
            let middle = sum(&negacyclic(&a0, &b1), &negacyclic(&a1, &b0));
            for (found, d) in found
                .iter()
                .zip([negacyclic(&a0, &b0), middle, negacyclic(&a1, &b1)])
            {
                off += off_by_one(primes, found, &scaled(primes, &d));
                of += level.degree() * length;
            }
            assert_eq!(
                level.square_without_relinearisation(&a),
                level.multiply_without_relinearisation(&a, &a)
            );
        }
    }
    // Fractions carry errors of at most 2^-3 for each prime, so most results are the nearest integer.
    assert!(off * 4 < of, "{off} of {of} residues are off by one");
}

/// The transforms' products are sums of reduced residues: `tfhe-ntt` documents no bound, and the arithmetic needs one.
#[test]
fn products_between_transforms_are_reduced() {
    for value in crate::scheme::bfv::parameters::DEPTH_4.moduli() {
        let plan = tfhe_ntt::prime32::Plan::try_new(64, value).unwrap();
        let largest = [value - 1; 64];
        let mut sum = largest;
        let mut expected = u64::from(value - 1);
        for _ in 0..11 {
            plan.mul_accumulate(&mut sum, &largest, &largest);
            expected = (expected + 1) % u64::from(value);
            assert_eq!(sum.map(u64::from), [expected; 64]);
        }
        let mut rng = rng(value.into());
        for _ in 0..1000 {
            let [a, b] = [(); 2].map(|()| [(); 64].map(|()| rng.random_range(0..value)));
            let mut product = [value - 1; 64];
            plan.mul_accumulate(&mut product, &a, &b);
            for ((a, b), product) in a.iter().zip(&b).zip(product) {
                let expected = u64::from(*a) * u64::from(*b) + u64::from(value - 1);
                assert_eq!(u64::from(product), expected % u64::from(value));
            }
        }
    }
}
