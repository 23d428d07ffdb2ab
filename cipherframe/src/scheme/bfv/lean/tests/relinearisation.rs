//! Relinearisation against the crate `fhe`, with the very same key.

use super::*;
use crate::scheme::bfv::library::{context, parameters, polynomial, residues};
use fhe::bfv::{Ciphertext as LibraryCiphertext, RelinearizationKey, SecretKey};
use fhe::proto::bfv::{RelinearizationKey as RelinearizationKeyProto, SecretKey as SecretKeyProto};
use fhe_math::rq::{Poly, Representation};
use fhe_traits::{DeserializeParametrized, DeserializeWithContext};
use prost::Message;

/// The most that a coefficient of encryption noise can be: a centred binomial distribution of variance 10.
const NOISE: i64 = 20;

/// Relinearises random polynomials, with the same key, here and with the crate, and compares how far each result is from
/// what it stands for.
#[test]
fn relinearisation_adds_no_more_noise_than_its_bound_and_less_than_the_librarys() {
    for set in SETS {
        let mut rng = rng(3);
        let parameters = parameters(&set).unwrap();
        let coefficients: Vec<i64> = (0..set.degree).map(|_| rng.random_range(-1..=1)).collect();
        let serialised = SecretKeyProto {
            coeffs: coefficients.clone(),
        };
        let secret = SecretKey::from_bytes(&serialised.encode_to_vec(), &parameters).unwrap();
        let ring = set.ring().unwrap();
        let whole = digits(&set, set.primes, &secret, &mut rng).1;
        for length in 2..=set.primes {
            let level = ring.level(length).unwrap();
            let primes = level.primes();
            let context = context(&parameters, length).unwrap();
            let (library_key, own) = digits(&set, length, &secret, &mut rng);
            let parts = [(); 3].map(|()| random(&mut rng, set.degree, primes));
            let s: Vec<BigInt> = coefficients.iter().map(|s| BigInt::from(*s)).collect();
            let s = polynomial(&from_integers(primes, &s), context).unwrap();
            // c0 + c1 s + c2 s^2, by the crate's arithmetic.
            let phase = |parts: &[Residues]| {
                let mut parts = parts.iter().rev();
                let mut sum = polynomial(parts.next().unwrap(), context).unwrap();
                for part in parts {
                    sum = &(&sum * &s) + &polynomial(part, context).unwrap();
                }
                sum
            };
            let target = phase(&parts);
            let largest = |parts: &[Residues]| {
                let error = residues(&(&phase(parts) - &target));
                let errors = to_integers(primes, &error).into_iter();
                errors
                    .map(|e| if e < BigInt::from(0) { -e } else { e })
                    .max()
                    .unwrap()
            };
            let mut library = LibraryCiphertext::new(
                parts
                    .iter()
                    .map(|part| polynomial(part, context).unwrap())
                    .collect(),
                &parameters,
            )
            .unwrap();
            library_key.relinearizes(&mut library).unwrap();
            let library = largest(&[residues(&library[0]), residues(&library[1])]);
            // Digits of at most q/2, N of them in a coefficient of a product, one product for each prime.
            let bound = BigInt::from(set.degree * length) * (1i64 << 29) * NOISE;
            assert!(library < &bound * 2);
            // A key for this level alone, and the first digits and rows of the key for all.
            for key in [&own, &whole] {
                let key = ring.relinearisation_key(key);
                let found = largest(&level.relinearise(parts.clone(), &key).parts);
                assert!(found < bound, "{set:?} {length}: {found}");
                assert!(found < library, "{set:?} {length}: {found} {library}");
            }
        }
    }
}

/// The crate's polynomials, with the key's digits and centred residues, give exactly the same.
#[test]
fn relinearisation_is_the_sum_of_centred_digits_times_the_key() {
    // The crate has no keys for a single prime.
    for (set, ring, length) in levels().filter(|(_, _, length)| *length > 1) {
        let mut rng = rng(4);
        let level = ring.level(length).unwrap();
        let parameters = parameters(&set).unwrap();
        let context = context(&parameters, length).unwrap();
        let secret = SecretKey::random(&parameters, &mut rng);
        let key = digits(&set, length, &secret, &mut rng).1;
        let mut parts = [(); 3].map(|()| random(&mut rng, set.degree, level.primes()));
        for (row, prime) in parts[2].coefficients_mut().zip(level.primes()) {
            let half = prime.value() / 2;
            row[..4].copy_from_slice(&[0, half, half + 1, prime.value() - 1]);
        }
        let mut expected = [0, 1].map(|part| polynomial(&parts[part], context).unwrap());
        for ((row, own), key) in parts[2].coefficients().zip(level.primes()).zip(&key) {
            let digit = row
                .iter()
                .map(|x| centred(BigInt::from(*x), &own.value().into()));
            let digit = from_integers(level.primes(), &digit.collect::<Vec<_>>());
            let digit = polynomial(&digit, context).unwrap();
            for (expected, key) in expected.iter_mut().zip(key) {
                *expected += &(&digit * &polynomial(key, context).unwrap());
            }
        }
        let found = level.relinearise(parts, &ring.relinearisation_key(&key));
        assert_eq!(
            found.parts,
            expected.each_ref().map(residues),
            "{set:?} {length}"
        );
    }
}

/// A key of the crate for `length` primes, and its digits.
fn digits(
    set: &ParameterSet,
    length: usize,
    secret: &SecretKey,
    rng: &mut ChaCha8Rng,
) -> (RelinearizationKey, Vec<[Residues; 2]>) {
    let parameters = parameters(set).unwrap();
    let context = context(&parameters, length).unwrap();
    let level = set.primes - length;
    let key = RelinearizationKey::new_leveled(secret, level, level, rng).unwrap();
    let proto = RelinearizationKeyProto::from(&key).ksk.unwrap();
    let mut seeds = ChaCha8Rng::from_seed(proto.seed.as_slice().try_into().unwrap());
    let digits = proto.c0.iter().map(|first| {
        let first = Poly::from_bytes(first, context).unwrap();
        let mut seed = [0; 32];
        seeds.fill(&mut seed);
        let second = Poly::random_from_seed(context, Representation::NttShoup, seed);
        [residues(&first), residues(&second)]
    });
    let digits = digits.collect();
    (key, digits)
}
