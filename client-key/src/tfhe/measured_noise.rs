//! The noise that `cipherframe::scheme::tfhe::noise` predicts against the noise of real ciphertexts under real parameters.

use super::SecretKeys;
use cipherframe::KeyId;
use cipherframe::scheme::tfhe::TfheEvaluationKey;
use cipherframe::scheme::tfhe::circuit::{Circuit, Value};
use cipherframe::scheme::tfhe::dry_run::dry_run;
use cipherframe::scheme::tfhe::noise::{
    CircuitNoise, bootstrap_input_variance, bootstrap_variance, fresh_variance,
};
use cipherframe::scheme::tfhe::parameters::{MODULUS, SET};
use cipherframe::scheme::tfhe::words::{push_tile_words, tile_words};
use std::sync::LazyLock;
use tfhe::core_crypto::prelude::*;

struct Keys {
    secrets: SecretKeys,
    evaluation: TfheEvaluationKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let secrets = SecretKeys::generate();
    let payload = secrets.evaluation_key_payload(&());
    let evaluation = TfheEvaluationKey::read(KeyId::from_bytes([0; 16]), &payload, &()).unwrap();
    Keys {
        secrets,
        evaluation,
    }
});

/// Ciphertexts as a worker gets them: encrypted under the public key, their words cut to 24 bits.
fn encrypt(words: &[u64]) -> Vec<LweCiphertextOwned<u64>> {
    let key = LweCompactPublicKey::from_container(
        cipherframe::scheme::tfhe::words::key_words(
            &KEYS.secrets.public_key_payload()[cipherframe::scheme::FINGERPRINT_BYTES..],
        ),
        MODULUS,
    );
    let size = KEYS
        .secrets
        .bootstrap
        .as_lwe_secret_key()
        .lwe_dimension()
        .to_lwe_size();
    let count = LweCiphertextCount(words.len());
    let mut list = LweCompactCiphertextList::new(0u64, size, count, MODULUS);
    let mut seeder = new_seeder();
    let mut random =
        EncryptionRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed(), seeder.as_mut());
    encrypt_lwe_compact_ciphertext_list_with_compact_public_key(
        &key,
        &mut list,
        &PlaintextList::from_container(words.to_vec()),
        SET.glwe_noise_distribution,
        SET.glwe_noise_distribution,
        random.noise_generator_mut(),
    );
    let mut bytes = Vec::new();
    push_tile_words(&mut bytes, list.as_ref());
    let list = LweCompactCiphertextList::from_container(tile_words(&bytes), size, count, MODULUS);
    let mut expanded = LweCiphertextList::new(0u64, size, count, MODULUS);
    expand_lwe_compact_ciphertext_list(&mut expanded, &list);
    let expanded = expanded.iter();
    expanded
        .map(|view| LweCiphertext::from_container(view.as_ref().to_vec(), MODULUS))
        .collect()
}

fn phase(ciphertext: &LweCiphertextOwned<u64>) -> u64 {
    decrypt_lwe_ciphertext(&KEYS.secrets.bootstrap.as_lwe_secret_key(), ciphertext).0
}

/// The square of a distance on the torus, as a part of the torus.
fn squared_error(actual: u64, expected: u64) -> f64 {
    let error = actual.wrapping_sub(expected) as i64 as f64 / 2f64.powi(64);
    error * error
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// Measured variances over predicted ones. Predictions are upper bounds that should not be far off.
fn check(what: &str, ratio: f64, smallest: f64) {
    println!("{what}: measured {ratio:.3} of the predicted variance");
    // 250 samples and more: the estimate of a variance is within 40 % but for a chance below 1e-5.
    assert!((smallest..1.4).contains(&ratio), "{what}: {ratio}");
}

#[test]
fn pixels_have_at_most_the_predicted_noise() {
    let words: Vec<u64> = (0..2048).map(|index| (index % 16) << 56).collect();
    let ciphertexts = encrypt(&words);
    let errors = ciphertexts.iter().zip(&words);
    let errors = errors.map(|(ciphertext, word)| squared_error(phase(ciphertext), *word));
    // The rounding is counted for a key of all ones: half of them are.
    check("pixels", mean(errors) / fresh_variance(), 0.3);
}

#[test]
fn results_have_the_noise_that_the_planner_predicts() {
    let levels: Vec<u64> = (0..256).map(|index| index * 7 % 16).collect();
    let words: Vec<u64> = levels.iter().map(|level| level << 56).collect();
    let mut circuit = Circuit::default();
    let mut values: Vec<Value> = (0..256).map(|index| Value::input(index, 15, 56)).collect();
    // Maxima of 2, 4 and 8 pixels, of which each has more noise than the one before; and values kept or not.
    for _ in 0..3 {
        let pairs = values.chunks(2);
        let maxima = pairs.map(|pair| circuit.maximum(&pair[0], &pair[1]).unwrap());
        let maxima: Vec<Value> = maxima.collect();
        for maximum in &maxima {
            circuit.output(maximum.clone());
        }
        values = maxima;
    }
    for index in 0..32 {
        let condition = circuit.is_zero(&Value::input(index, 15, 56)).unwrap();
        let kept = Value::input(255 - index, 15, 56);
        let kept = circuit.keep_if(&kept, &condition, 57).unwrap();
        circuit.output(kept);
    }

    let inputs = encrypt(&words);
    let input = |index: usize| inputs[index].clone();
    let results = KEYS.evaluation.run(&circuit, &input, &()).unwrap();
    let noise = CircuitNoise::of(&circuit);
    let expected = dry_run(&circuit, &words);
    let ratios = results.iter().zip(&expected).zip(&noise.output_variances);
    let ratios = ratios
        .map(|((result, expected), variance)| squared_error(phase(result), *expected) / variance);
    check("results", mean(ratios), 0.5);
}

#[test]
fn what_a_bootstrap_reads_has_the_predicted_noise() {
    let words: Vec<u64> = (0..512).map(|index| (index % 16) << 59).collect();
    let small = KEYS.secrets.small.as_ref();
    let log_modulus = SET.polynomial_size.to_blind_rotation_input_modulus_log();
    let errors = encrypt(&words).into_iter().zip(words).map(|(input, word)| {
        let switched = lwe_ciphertext_centered_binary_modulus_switch::<u64, usize, _>(
            KEYS.evaluation.switch_key(&input),
            log_modulus,
        );
        let mask = switched.mask().zip(small);
        let mask: u64 = mask.map(|(word, bit)| word as u64 * bit).sum();
        let phase = (switched.body() as u64).wrapping_sub(mask);
        squared_error(phase << (64 - log_modulus.0), word)
    });
    let errors: Vec<f64> = errors.collect();
    let predicted = bootstrap_input_variance() + fresh_variance();
    check("inputs", mean(errors.into_iter()) / predicted, 0.6);
    assert!(bootstrap_variance() < bootstrap_input_variance() / 500.0);
}
