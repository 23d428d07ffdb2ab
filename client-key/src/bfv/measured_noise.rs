//! The noise analysis of `cipherframe::scheme::bfv::noise` against the noise of real ciphertexts, after every step of
//! every circuit, for random windows and for the extremes.

use super::{BfvClientKey, SetKey};
use crate::generate;
use cipherframe::SchemeId;
use cipherframe::scheme::FINGERPRINT_BYTES;
use cipherframe::scheme::bfv::circuit::{Arithmetic, none_reached};
use cipherframe::scheme::bfv::evaluator::{Evaluator, Value};
use cipherframe::scheme::bfv::lean::prime::Prime;
use cipherframe::scheme::bfv::lean::{Ciphertext, RelinearisationKey, Ring};
use cipherframe::scheme::bfv::library::{context, plaintext, polynomial, residues};
use cipherframe::scheme::bfv::noise::{Noise, NoiseModel};
use cipherframe::scheme::bfv::parameters::{PLAINTEXT_MODULUS, SETS, for_kernel};
use cipherframe::scheme::bfv::read_relinearisation_key;
use cipherframe::scheme::bfv::ternary::{read_ternary, ternary_bytes};
use fhe::bfv::{Ciphertext as LibraryCiphertext, Encoding, PublicKey};
use fhe_math::rq::traits::TryConvertFrom;
use fhe_math::rq::{Poly, Representation};
use fhe_traits::{FheDecoder, FheDecrypter, FheEncrypter};
use rand::Rng;
use std::cell::RefCell;

/// A key set with its secrets, for one parameter set.
struct Keys {
    client: SetKey,
    coefficients: Vec<i64>,
    ring: Ring,
    relinearisation: RelinearisationKey,
}

impl Keys {
    fn new(kernel: u8) -> Self {
        let keys = generate(SchemeId::Bfv, &()).unwrap();
        let client = BfvClientKey::read(keys.client.key_id(), keys.client.payload()).unwrap();
        let wanted = for_kernel(kernel);
        let (mut secret, mut evaluation) = (
            &keys.client.payload()[FINGERPRINT_BYTES..],
            &keys.evaluation.payload()[FINGERPRINT_BYTES..],
        );
        for (set, client) in SETS.iter().zip(client.keys) {
            let (bits, rest) = secret.split_at(ternary_bytes(set.degree));
            secret = rest;
            let (key, rest) = evaluation.split_at(set.relinearisation_key_bytes());
            evaluation = rest;
            if *set == wanted {
                let ring = set.ring().unwrap();
                return Self {
                    client,
                    coefficients: read_ternary("secret", bits).unwrap().to_vec(),
                    relinearisation: read_relinearisation_key(set, &ring, key).unwrap(),
                    ring,
                };
            }
        }
        panic!("no key for kernel {kernel}");
    }

    /// The fresh ciphertexts of a window's positions, added up.
    fn fresh_sum(&self, public: &PublicKey, slots: &[Vec<u64>]) -> Ciphertext {
        let mut rng = rand::rng();
        let fresh = slots.iter().map(|slots| {
            let plaintext = plaintext(slots, &self.client.parameters).unwrap();
            let ciphertext: LibraryCiphertext = public.try_encrypt(&plaintext, &mut rng).unwrap();
            Ciphertext {
                parts: [residues(&ciphertext[0]), residues(&ciphertext[1])],
            }
        });
        fresh
            .reduce(|mut sum, other| {
                self.ring.top().add_assign(&mut sum, &other);
                sum
            })
            .unwrap()
    }

    /// Every coefficient of the noise, exactly: `c0 + c1 s - (Q m - [Q m]_t) / t`.
    fn noise(&self, ciphertext: &Ciphertext) -> Vec<f64> {
        let primes = ciphertext.parts[0].row_count();
        let parameters = &self.client.parameters;
        let context = context(parameters, primes).unwrap();
        let [c0, c1] = ciphertext
            .parts
            .each_ref()
            .map(|part| polynomial(part, context).unwrap());
        let library = LibraryCiphertext::new(vec![c0.clone(), c1.clone()], parameters).unwrap();
        let decrypted = self.client.secret.try_decrypt(&library).unwrap();
        let encoding = Encoding::poly_at_level(parameters.moduli().len() - primes);
        let message = Vec::<u64>::try_decode(&decrypted, encoding).unwrap();

        let mut secret = Poly::try_convert_from(
            self.coefficients.as_slice(),
            context,
            false,
            Representation::PowerBasis,
        )
        .unwrap();
        secret.change_representation(Representation::Ntt);
        let mut phase = &c1 * &secret;
        phase += &c0;
        let phase = residues(&phase);
        let t = u64::from(PLAINTEXT_MODULUS);
        let moduli: Vec<u64> = context.moduli().to_vec();
        let modulus = moduli.iter().fold(1, |product, q| product * (q % t) % t);
        // Modulo the first two primes, which hold any noise that decrypts.
        let rows: Vec<Vec<i128>> = phase
            .coefficients()
            .zip(self.ring.primes())
            .take(2)
            .map(|(row, prime)| self.minus_message(row, prime, &message, modulus))
            .collect();
        match rows.as_slice() {
            [row] => {
                let q = i128::from(moduli[0]);
                row.iter()
                    .map(|e| if *e > q / 2 { e - q } else { *e } as f64)
                    .collect()
            }
            [first, second] => {
                let (p, q) = (i128::from(moduli[0]), i128::from(moduli[1]));
                let prime = Prime::new(moduli[1] as u32).unwrap();
                let inverse = i128::from(prime.invert((moduli[0] % moduli[1]) as u32));
                let garner = |(a, b): (&i128, &i128)| {
                    let e = a + p * ((b - a).rem_euclid(q) * inverse % q);
                    (if e > p * q / 2 { e - p * q } else { e }) as f64
                };
                first.iter().zip(second).map(garner).collect()
            }
            _ => panic!("a ciphertext has primes"),
        }
    }

    fn minus_message(
        &self,
        row: &[u32],
        prime: &Prime,
        message: &[u64],
        modulus: u64,
    ) -> Vec<i128> {
        let t = u64::from(PLAINTEXT_MODULUS);
        let inverse = u64::from(prime.invert(PLAINTEXT_MODULUS));
        let q = u64::from(prime.value());
        let noise = row.iter().zip(message).map(|(phase, m)| {
            let remainder = modulus * m % t;
            let scaled = (q - remainder % q) % q * inverse % q;
            i128::from((u64::from(*phase) + q - scaled) % q)
        });
        noise.collect()
    }
}

/// Runs a circuit on ciphertexts and in the noise model at once, and compares them after every operation.
struct Measured<'a> {
    keys: &'a Keys,
    evaluator: Evaluator<'a>,
    model: NoiseModel,
    /// Measured and predicted log2 of the standard deviation, step by step.
    steps: RefCell<Vec<(String, f64, f64)>>,
}

impl Measured<'_> {
    fn compare(&self, step: String, value: Value, noise: Noise) -> (Value, Noise) {
        assert_eq!(
            value.ciphertext.parts[0].row_count(),
            noise.primes,
            "{step}"
        );
        let measured = self.keys.noise(&value.ciphertext);
        let variance = measured.iter().map(|e| e * e).sum::<f64>() / measured.len() as f64;
        let deviation = variance.log2() / 2.0;
        self.steps
            .borrow_mut()
            .push((step, deviation, noise.log2_deviation()));
        (value, noise)
    }
}

impl Arithmetic for Measured<'_> {
    type Value = (Value, Noise);

    fn multiply(&self, a: &Self::Value, b: &Self::Value) -> Self::Value {
        let step = format!("product at depth {}", a.0.depth.max(b.0.depth));
        self.compare(
            step,
            self.evaluator.multiply(&a.0, &b.0),
            self.model.multiply(&a.1, &b.1),
        )
    }

    fn square(&self, a: &Self::Value) -> Self::Value {
        let step = format!("square at depth {}", a.0.depth);
        self.compare(step, self.evaluator.square(&a.0), self.model.square(&a.1))
    }

    fn combine(&self, terms: &[(i64, &Self::Value)], constant: i64) -> Self::Value {
        let values: Vec<_> = terms
            .iter()
            .map(|(factor, value)| (*factor, &value.0))
            .collect();
        let noises: Vec<_> = terms
            .iter()
            .map(|(factor, value)| (*factor, &value.1))
            .collect();
        let value = self.evaluator.combine(&values, constant);
        self.compare(
            "combination".to_owned(),
            value,
            self.model.combine(&noises, constant),
        )
    }
}

/// Bits by which a measured deviation may pass the predicted one: a sample of N coefficients under one key.
const ABOVE: f64 = 0.25;

/// Bits by which it may stay below: the model adds up what may be dependent. More would be a bound that says nothing.
const BELOW: f64 = 0.6;

fn check(kernel: u8) {
    let keys = Keys::new(kernel);
    let public = PublicKey::new(&keys.client.secret, &mut rand::rng());
    let degree = keys.ring.degree();
    let positions = usize::from(kernel) * usize::from(kernel);
    let mut rng = rand::rng();
    let mut random = || {
        (0..degree)
            .map(|_| rng.random_range(0..=1))
            .collect::<Vec<u64>>()
    };
    let windows: [(&str, Vec<Vec<u64>>); 4] = [
        ("random bits", (0..positions).map(|_| random()).collect()),
        ("no bit set", vec![vec![0; degree]; positions]),
        ("all bits set", vec![vec![1; degree]; positions]),
        (
            "one position set",
            (0..positions)
                .map(|at| vec![u64::from(at == 0); degree])
                .collect(),
        ),
    ];
    let model = NoiseModel::new(&keys.client.set);
    for (case, slots) in windows {
        let measured = Measured {
            keys: &keys,
            evaluator: Evaluator {
                ring: &keys.ring,
                key: &keys.relinearisation,
            },
            model: model.clone(),
            steps: RefCell::default(),
        };
        let fresh = Value::fresh(keys.fresh_sum(&public, &slots));
        let fresh = measured.compare("fresh sum".to_owned(), fresh, model.fresh_sum(positions));
        let (result, noise) = none_reached(&measured, kernel, &fresh).unwrap();
        let mut ciphertext = result.ciphertext;
        measured.evaluator.switch_to(&mut ciphertext, 1);
        let switched = Value {
            ciphertext,
            depth: result.depth,
        };
        measured.compare(
            "result after the switch".to_owned(),
            switched,
            model.switch_to(&noise, 1),
        );
        for (step, measured, predicted) in measured.steps.take() {
            println!(
                "kernel {kernel}, {case}, {step}: measured 2^{measured:.2}, predicted 2^{predicted:.2}"
            );
            assert!(
                measured <= predicted + ABOVE,
                "kernel {kernel}, {case}, {step}"
            );
            assert!(
                measured >= predicted - BELOW,
                "kernel {kernel}, {case}, {step}"
            );
        }
    }
}

#[test]
fn noise_of_kernel_2_is_what_the_analysis_says() {
    check(2);
}

#[test]
fn noise_of_kernel_3_is_what_the_analysis_says() {
    check(3);
}

#[test]
fn noise_of_kernel_4_is_what_the_analysis_says() {
    check(4);
}
