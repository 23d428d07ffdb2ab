//! Products and switching down against the crate `fhe`, on real ciphertexts.

use super::*;
use crate::scheme::bfv::library::{parameters, plaintext, residues};
use fhe::bfv::{Ciphertext as LibraryCiphertext, SecretKey};
use fhe_traits::FheEncrypter;

/// The library's ciphertext as ours.
fn lean(ciphertext: &LibraryCiphertext) -> Ciphertext {
    Ciphertext {
        parts: [residues(&ciphertext[0]), residues(&ciphertext[1])],
    }
}

/// Two encryptions of random slots at each level, and the level.
fn ciphertexts(check: impl Fn(&Level, [LibraryCiphertext; 2])) {
    for set in SETS {
        let mut rng = rng(2);
        let parameters = parameters(&set).unwrap();
        let secret = SecretKey::random(&parameters, &mut rng);
        let [a, b] = [(); 2].map(|()| {
            let slots: Vec<u64> = (0..set.degree)
                .map(|_| rng.random_range(0..PLAINTEXT_MODULUS.into()))
                .collect();
            let slots = plaintext(&slots, &parameters).unwrap();
            let fresh: LibraryCiphertext = secret.try_encrypt(&slots, &mut rng).unwrap();
            fresh
        });
        let ring = set.ring().unwrap();
        for length in 1..=set.primes {
            let switched = [&a, &b].map(|fresh| {
                let mut ciphertext = fresh.clone();
                ciphertext.switch_to_level(set.primes - length).unwrap();
                ciphertext
            });
            check(ring.level(length).unwrap(), switched);
        }
    }
}

#[test]
fn products_are_those_of_the_library_to_one() {
    ciphertexts(|level, [a, b]| {
        let (lean_a, lean_b) = (lean(&a), lean(&b));
        let pairs = [
            (
                &a * &b,
                level.multiply_without_relinearisation(&lean_a, &lean_b),
            ),
            (&a * &a, level.square_without_relinearisation(&lean_a)),
        ];
        for (library, found) in pairs {
            assert_eq!(library.len(), 3);
            for (part, found) in library.iter().zip(&found) {
                let expected = residues(part);
                let off = off_by_one(level.primes(), found, &expected);
                // The crate rounds exactly; our fractions carry errors of at most 2^-3 for each prime.
                assert!(off * 4 < level.degree() * level.length(), "{off}");
            }
        }
    });
}

#[test]
fn switching_down_is_that_of_the_library() {
    ciphertexts(|level, [mut library, _]| {
        if level.length() > 1 {
            let mut found = lean(&library);
            library.switch_down().unwrap();
            level.switch_down(&mut found);
            assert_eq!(found, lean(&library));
        }
    });
}
