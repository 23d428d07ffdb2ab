//! The noise that `cipherframe::scheme::tfhe::noise` predicts against the noise of real ciphertexts under real parameters.

use super::SecretKeys;
use cipherframe::KeyId;
use cipherframe::scheme::FINGERPRINT_BYTES;
use cipherframe::scheme::tfhe::TfheEvaluationKey;
use cipherframe::scheme::tfhe::circuit::{Circuit, Value};
use cipherframe::scheme::tfhe::dry_run::dry_run;
use cipherframe::scheme::tfhe::noise::{
    CircuitNoise, bootstrap_input_variance, bootstrap_variance, fresh_variance,
};
use cipherframe::scheme::tfhe::parameters::{MODULUS, SET};
use cipherframe::scheme::tfhe::words::{key_words, push_tile_words, tile_words};
use std::collections::BTreeMap;
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
        key_words(&KEYS.secrets.public_key_payload()[FINGERPRINT_BYTES..]),
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

/// Measured variances over predicted ones, which are upper bounds that should not be far off: the mean is at least
/// `smallest` and at most 1, but for what so few samples may be off.
fn check(what: &str, ratios: &[f64], smallest: f64) {
    let measured = mean(ratios.iter().copied());
    println!("{what}: measured {measured:.3} of the predicted variance");
    // The estimate of a variance from n samples has a relative deviation of sqrt(2 / n). Five of them.
    let doubt = 5.0 * (2.0 / ratios.len() as f64).sqrt();
    assert!(
        (smallest * (1.0 - doubt)..1.0 + doubt).contains(&measured),
        "{what}: {measured}"
    );
}

#[test]
fn pixels_have_at_most_the_predicted_noise() {
    let words: Vec<u64> = (0..2048).map(|index| (index % 16) << 56).collect();
    let ciphertexts = encrypt(&words);
    let ratios = ciphertexts
        .iter()
        .zip(&words)
        .map(|(ciphertext, word)| squared_error(phase(ciphertext), *word) / fresh_variance());
    // The rounding is counted for a key of all ones: half of them are. Pixels share a mask, so they are far from
    // independent, and their mean is not as sure as their number says.
    let measured = mean(ratios);
    assert!((0.1..1.4).contains(&measured), "{measured}");
}

#[test]
fn results_have_the_noise_that_the_planner_predicts() {
    let words: Vec<u64> = (0..256).map(|index| (index * 7 % 16) << 56).collect();
    let mut circuit = Circuit::default();
    let pixels: Vec<Value> = (0..256).map(|index| Value::input(index, 15, 56)).collect();
    let mut kinds = Vec::new();
    let mut results = |circuit: &mut Circuit, kind, values: &[Value]| {
        kinds.extend(values.iter().map(|_| kind));
        values
            .iter()
            .for_each(|value| circuit.output(value.clone()));
    };
    let mut values = pixels.clone();
    for kind in ["maxima of 2", "maxima of 4", "maxima of 8"] {
        let pairs = values.chunks(2);
        values = pairs
            .map(|pair| circuit.maximum(&pair[0], &pair[1]).unwrap())
            .collect();
        results(&mut circuit, kind, &values);
    }
    let refreshed: Vec<Value> = pixels[..63]
        .iter()
        .map(|pixel| circuit.refresh(pixel, 57).unwrap())
        .collect();
    results(&mut circuit, "refreshed", &refreshed);
    // Two that share a bootstrap: their noises are not independent.
    let overlapping: Vec<Value> = refreshed
        .chunks(3)
        .map(|values| {
            let first = circuit.maximum(&values[0], &values[1]).unwrap();
            let second = circuit.maximum(&values[1], &values[2]).unwrap();
            circuit.maximum(&first, &second).unwrap()
        })
        .collect();
    results(&mut circuit, "overlapping maxima", &overlapping);
    let kept: Vec<Value> = (0..32)
        .map(|index| {
            let is_zero = circuit.is_zero(&pixels[index]).unwrap();
            circuit.keep_if(&pixels[255 - index], &is_zero, 57).unwrap()
        })
        .collect();
    results(&mut circuit, "selections", &kept);

    let inputs = encrypt(&words);
    let input = |index: usize| inputs[index].clone();
    let actual = KEYS.evaluation.run(&circuit, &input, &()).unwrap();
    let noise = CircuitNoise::of(&circuit);
    let expected = dry_run(&circuit, &words);
    let mut ratios: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (index, kind) in kinds.into_iter().enumerate() {
        let error = squared_error(phase(&actual[index]), expected[index]);
        let ratio = error / noise.output_variances[index];
        ratios.entry(kind).or_default().push(ratio);
    }
    assert_eq!(ratios.len(), 6);
    for (kind, ratios) in ratios {
        check(kind, &ratios, 0.6);
    }
}

#[test]
fn what_a_bootstrap_reads_has_the_predicted_noise() {
    let words: Vec<u64> = (0..512).map(|index| (index % 16) << 59).collect();
    let small = KEYS.secrets.small.as_ref();
    let log_modulus = SET.polynomial_size.to_blind_rotation_input_modulus_log();
    let predicted = bootstrap_input_variance() + fresh_variance();
    let ratios = encrypt(&words).into_iter().zip(words).map(|(input, word)| {
        let switched = lwe_ciphertext_centered_binary_modulus_switch::<u64, usize, _>(
            KEYS.evaluation.switch_key(&input),
            log_modulus,
        );
        let mask = switched.mask().zip(small);
        let mask: u64 = mask.map(|(word, bit)| word as u64 * bit).sum();
        let phase = (switched.body() as u64).wrapping_sub(mask);
        squared_error(phase << (64 - log_modulus.0), word) / predicted
    });
    check("inputs", &ratios.collect::<Vec<_>>(), 0.8);
    // Against what is added at an input, a bootstrap's own noise is little.
    assert!(bootstrap_variance() < bootstrap_input_variance() / 500.0);
}
