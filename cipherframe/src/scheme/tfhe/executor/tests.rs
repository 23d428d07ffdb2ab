//! The executor on ciphertexts of a tiny parameter set that protects nothing and is known to these tests alone.

use super::*;
use crate::scheme::tfhe::bootstrap::BootstrapKeys;
use crate::scheme::tfhe::circuit::Value;
use crate::scheme::tfhe::parameters::MODULUS;
use crate::scheme::tfhe::plan::{decode, encode, plan};
use crate::{PoolSpec, Quantiser, SchemeId, StreamSpec};
use proptest::prelude::*;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

const NOISE: DynamicDistribution<u64> = DynamicDistribution::new_t_uniform(10);

struct Tiny {
    secret: LweSecretKeyOwned<u64>,
    keys: BootstrapKeys,
}

static TINY: LazyLock<Tiny> = LazyLock::new(|| {
    let mut seeder = new_seeder();
    let mut secret = SecretRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed());
    let mut random =
        EncryptionRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed(), seeder.as_mut());
    let (size, glwe_size) = (PolynomialSize(512), GlweDimension(1));
    let small = allocate_and_generate_new_binary_lwe_secret_key(LweDimension(32), &mut secret);
    let glwe = allocate_and_generate_new_binary_glwe_secret_key(glwe_size, size, &mut secret);
    let big = glwe.clone().into_lwe_secret_key();
    let (base_log, level) = (DecompositionBaseLog(12), DecompositionLevelCount(3));
    let keyswitch = allocate_and_generate_new_lwe_keyswitch_key(
        &big,
        &small,
        base_log,
        level,
        NOISE,
        MODULUS,
        &mut random,
    );
    let standard = allocate_and_generate_new_lwe_bootstrap_key(
        &small,
        &glwe,
        base_log,
        level,
        NOISE,
        MODULUS,
        &mut random,
    );
    let mut bootstrap = FourierLweBootstrapKeyOwned::new(
        standard.input_lwe_dimension(),
        standard.glwe_size(),
        standard.polynomial_size(),
        base_log,
        level,
    );
    convert_standard_lwe_bootstrap_key_to_fourier(&standard, &mut bootstrap);
    Tiny {
        secret: big,
        keys: BootstrapKeys {
            keyswitch,
            bootstrap,
            fft: Fft::new(size),
        },
    }
});

impl Tiny {
    fn encrypt(&self, words: &[u64]) -> Vec<Ciphertext> {
        let mut seeder = new_seeder();
        let mut random = EncryptionRandomGenerator::<DefaultRandomGenerator>::new(
            seeder.seed(),
            seeder.as_mut(),
        );
        let encrypt = |word: &u64| {
            allocate_and_encrypt_new_lwe_ciphertext(
                &self.secret,
                Plaintext(*word),
                NOISE,
                MODULUS,
                &mut random,
            )
        };
        words.iter().map(encrypt).collect()
    }

    /// The word of the torus in a ciphertext, with its noise.
    fn phase(&self, ciphertext: &Ciphertext) -> u64 {
        decrypt_lwe_ciphertext(&self.secret, ciphertext).0
    }

    /// The small integer in a ciphertext at scale `2^scale_log2`.
    fn decrypt(&self, ciphertext: &Ciphertext, scale_log2: u32) -> u8 {
        let phase = self.phase(ciphertext);
        (phase.wrapping_add(1 << (scale_log2 - 1)) >> scale_log2) as u8
    }
}

/// Pools levels under encryption.
fn pooled(spec: &StreamSpec, tile: u32, levels: &[u8]) -> Vec<u8> {
    let level_count = spec.quantiser().level_count();
    let kernel = spec.pool().kernel();
    let words = encode(kernel, level_count, levels).unwrap();
    let inputs = TINY.encrypt(&words);
    let (columns, rows) = spec.tile_plan().axes(tile).unwrap();
    let circuit = plan(kernel, level_count, &columns, &rows).unwrap();
    let input = |index: usize| inputs[index].clone();
    let results = run(&circuit, &TINY.keys, &input, &()).unwrap();
    let results: Vec<u64> = results.iter().map(|result| TINY.phase(result)).collect();
    decode(level_count, &results)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn encrypted_pooling_of_any_stream_is_the_reference(
        size in (1u32..10, 1u32..10), level_count in 1u8..=255, kernel in 1u8..=8, stride in 1u8..=9, padding in 0u8..8, seed: u64,
    ) {
        let thresholds = (1..=level_count).map(|level| level * (255 / level_count)).collect();
        let quantiser = Quantiser::from_thresholds(thresholds).unwrap();
        let Ok(pool) = PoolSpec::new(kernel, stride, padding) else { return Ok(()) };
        let Ok(spec) = StreamSpec::new(SchemeId::Tfhe, size.0, size.1, quantiser, pool) else { return Ok(()) };
        let windows = spec.tile_plan().window_pixels(0).unwrap();
        let pixels = spec.tile_plan().region(0).unwrap().pixel_count() as u64;
        let levels: Vec<u8> = (0..pixels)
            .map(|pixel| ((pixel + 1).wrapping_mul(seed | 1) >> 33) % (u64::from(level_count) + 1))
            .map(|level| level as u8)
            .collect();
        let maximum = |pixels: &Vec<usize>| pixels.iter().map(|pixel| levels[*pixel]).max().unwrap();
        let expected: Vec<u8> = windows.iter().map(maximum).collect();
        prop_assert_eq!(pooled(&spec, 0, &levels), expected, "{}", spec);
    }
}

/// Counts, and asks to stop once it has counted enough.
struct Listener {
    seen: AtomicU64,
    stop_after: u64,
    wrong_total: AtomicBool,
}

impl Progress for Listener {
    fn advance(&self, done: u64, total: u64) {
        assert!(done <= total);
        self.seen.fetch_max(done, Ordering::Relaxed);
        if total != 64 {
            self.wrong_total.store(true, Ordering::Relaxed);
        }
    }

    fn cancelled(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.stop_after
    }
}

#[test]
fn progress_counts_bootstraps_and_cancelling_stops_before_the_next_batch() {
    let mut circuit = Circuit::default();
    let mut value = Value::input(0, 15, 56);
    for _ in 0..64 {
        value = circuit.refresh(&value, 56).unwrap();
    }
    circuit.output(value);
    let inputs = TINY.encrypt(&[11 << 56]);
    let input = |_| inputs[0].clone();
    let listener = |stop_after| Listener {
        seen: AtomicU64::new(0),
        stop_after,
        wrong_total: AtomicBool::new(false),
    };

    let patient = listener(u64::MAX);
    let results = run(&circuit, &TINY.keys, &input, &patient).unwrap();
    assert_eq!(TINY.decrypt(&results[0], 56), 11);
    assert_eq!(patient.seen.into_inner(), 64);
    assert!(!patient.wrong_total.into_inner());

    let hasty = listener(5);
    let cancelled = run(&circuit, &TINY.keys, &input, &hasty);
    assert_eq!(cancelled.err(), Some(SchemeError::Cancelled));
    assert_eq!(hasty.seen.into_inner(), 5);
}

#[test]
fn batches_are_equal_and_end_together() {
    for (bootstraps, threads, size) in [
        (48, 2, 12),
        (64, 1, 16),
        (65, 1, 13),
        (3, 2, 2),
        (1, 8, 1),
        (0, 2, 1),
    ] {
        assert_eq!(
            batch_size(bootstraps, threads),
            size,
            "{bootstraps} on {threads}"
        );
    }
}
