//! Base extension and switching down against big integers.

use super::super::conversion::Conversion;
use super::*;
use crate::scheme::bfv::parameters::DEPTH_4;
use proptest::prelude::*;

/// The primes of a level, and its auxiliary primes.
fn bases(set: &ParameterSet, length: usize) -> (Vec<Prime>, Vec<Prime>) {
    let primes = |values: Vec<u32>, count| {
        let primes = values.into_iter().map(|value| Prime::new(value).unwrap());
        primes.take(count).collect()
    };
    (
        primes(set.moduli(), length),
        primes(set.auxiliary_moduli(), length + 1),
    )
}

/// What base extension makes of `values`, which are between `-Q/2` and `Q/2`.
fn extended(from: &[Prime], to: &[Prime], values: &[BigInt]) -> Residues {
    let mut wide = from_integers(from, values).widened(from.len() + to.len());
    Conversion::extension(from, to).convert(wide.lanes_per_row(), wide.lanes_mut());
    let mut target = Residues::zero(values.len(), to.len());
    for (to, from) in target.rows_mut().zip(wide.rows().skip(from.len())) {
        to.copy_from_slice(from);
    }
    target
}

#[test]
fn integers_at_the_edges_keep_their_value() {
    for (set, _, length) in levels() {
        let (from, to) = bases(&set, length);
        let most = safe(&from);
        let edges = [
            BigInt::from(0),
            BigInt::from(1),
            BigInt::from(-1),
            most.clone(),
            -most,
        ];
        let values: Vec<BigInt> = edges.iter().cycle().take(64).cloned().collect();
        let expected = from_integers(&to, &values);
        assert_eq!(extended(&from, &to, &values), expected, "{set:?} {length}");
    }
}

#[test]
fn at_the_very_edge_the_sign_may_turn_and_nothing_else() {
    for (set, _, length) in levels() {
        let (from, to) = bases(&set, length);
        let q = modulus(&from);
        let half = (&q - 1) / 2;
        let near: Vec<BigInt> = (0..32).map(|near| &half - near).collect();
        // (Q - 1) / 2 and so on, then (Q + 1) / 2 and so on, which is -(Q - 1) / 2.
        let values: Vec<BigInt> = near
            .iter()
            .cloned()
            .chain(near.iter().map(|v| -v))
            .collect();
        let found = to_integers(&to, &extended(&from, &to, &values));
        for (found, value) in found.iter().zip(&values) {
            assert!(
                found == value || *found == value + &q,
                "{found} for {value}"
            );
        }
        // What is above zero never turns.
        assert_eq!(found[..32], values[..32], "{set:?} {length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn random_integers_keep_their_value(seed: u64, length in 1..=5usize) {
        let (from, to) = bases(&DEPTH_4, length);
        let values = to_integers(&from, &random(&mut rng(seed), 64, &from));
        prop_assert_eq!(extended(&from, &to, &values), from_integers(&to, &values));
    }

    #[test]
    fn switching_down_rounds_exactly(seed: u64, length in 2..=5usize) {
        let ring = small_ring(&DEPTH_4);
        let level = ring.level(length).unwrap();
        let mut ciphertext = random_ciphertext(&mut rng(seed), level);
        for (row, prime) in ciphertext.parts[0].coefficients_mut().zip(level.primes()) {
            // The residues next to where rounding turns, and the largest of all.
            let half = prime.value() / 2;
            row[..6].copy_from_slice(&[0, 1, half, half + 1, prime.value() - 1, half - 1]);
        }
        let (stays, last) = level.primes().split_at(length - 1);
        let last = BigInt::from(last[0].value());
        let rounded = ciphertext.parts.each_ref().map(|part| {
            let values = to_integers(level.primes(), part);
            // There are no ties: the prime is odd.
            let rounded = values.into_iter().map(|v| floor(v * 2 + &last, &(&last * 2)));
            from_integers(stays, &rounded.collect::<Vec<_>>())
        });
        level.switch_down(&mut ciphertext);
        prop_assert_eq!(ciphertext.parts, rounded);
    }
}
