//! The measurement: one frame through the same code as the nodes run, without the network.

use super::clock::{Spent, ms, peak_rss_bytes, timed};
use super::report::Report;
use cipherframe::scheme::tfhe::TfheEvaluationKey;
use cipherframe::{
    EncryptionKey, EvaluationKey, FeatureMap, Frame, QuantisedFrame, SchemeError, SchemeId,
    StreamSpec, failure_report, max_pool,
};
use client_key::{ClientKey, KeySet};
use rayon::ThreadPoolBuilder;
use std::sync::Arc;
use std::time::Duration;
use wire::failure::{Failure, FailureKind};

/// Bootstraps timed before pooling, and again after it: the speed of shared machines drifts, so both ends count.
const CALIBRATION_BOOTSTRAPS: u32 = 12;

/// Encrypts, pools and decrypts one frame of noise under `spec` on `threads` threads.
pub(crate) fn measure(
    spec: &StreamSpec,
    threads: usize,
    calibrate: bool,
) -> Result<Report, Failure> {
    let bug = |error: &dyn std::error::Error| Failure::of(FailureKind::Bug, error);
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| bug(&error))?;
    let scheme = spec.scheme();

    let (keys, keygen) = timed(|| pool.install(|| client_key::generate(scheme, &())));
    let keys = keys.map_err(|error| bug(&error))?;
    let loaded = Keys::load(scheme, &keys).map_err(|error| bug(&error))?;
    let calibration = match (&loaded.tfhe, calibrate) {
        (Some(key), _) => Some(Calibration { key: key.clone() }),
        (None, true) => Some(Calibration::with_own_keys()?),
        (None, false) => None,
    };
    let frame = noise(spec)?;
    let reference = max_pool(&frame, spec.pool()).map_err(|error| bug(&error))?;

    let before = calibration.as_ref().map(Calibration::run);
    let tiles = 0..spec.tile_plan().tile_count();
    let (mut encrypt, mut pooling, mut decrypt) = <(Spent, Spent, Spent)>::default();
    let (mut bytes_in, mut bytes_out, mut wrong) = (0, 0, 0);
    for tile in tiles {
        let (ciphertext, spent) = timed(|| loaded.public.encrypt(spec, &frame, tile));
        let ciphertext = ciphertext.map_err(|error| bug(&error))?;
        add(&mut encrypt, spent);
        let (map, spent) =
            timed(|| pool.install(|| loaded.evaluation.pool(spec, tile, &ciphertext, &())));
        let map = map.map_err(|error| bug(&error))?;
        add(&mut pooling, spent);
        let (values, spent) = timed(|| loaded.client.decrypt(spec, tile, &map));
        let values = values.map_err(|error| bug(&error))?;
        add(&mut decrypt, spent);
        bytes_in += ciphertext.len() as u64;
        bytes_out += map.len() as u64;
        wrong += wrong_values(spec, &reference, tile, &values);
    }
    let after = calibration.as_ref().map(Calibration::run);
    let bootstrap = before.zip(after).map(|(a, b)| (a + b) / 2);

    Ok(Report {
        spec: spec.clone(),
        threads,
        windows: reference.values().len() as u64,
        wrong,
        keygen_ms: ms(keygen.wall),
        encrypt_ms: ms(encrypt.wall),
        pool_ms: ms(pooling.wall),
        pool_cpu_ms: ms(pooling.cpu),
        decrypt_ms: ms(decrypt.wall),
        bytes_in,
        bytes_out,
        eval_key_bytes: keys.evaluation.payload().len() as u64,
        peak_rss_bytes: peak_rss_bytes(),
        pbs_ms: bootstrap.map(ms),
        failure: failure_report(spec),
    })
}

/// A key set ready for use.
struct Keys {
    public: Arc<dyn EncryptionKey>,
    evaluation: Arc<dyn EvaluationKey>,
    client: Arc<dyn ClientKey>,
    /// The evaluation key again, if it can bootstrap.
    tfhe: Option<Arc<TfheEvaluationKey>>,
}

impl Keys {
    fn load(scheme: SchemeId, keys: &KeySet) -> Result<Self, SchemeError> {
        let id = keys.client.key_id();
        let (evaluation, tfhe): (Arc<dyn EvaluationKey>, _) = match scheme {
            SchemeId::Tfhe => {
                let key = Arc::new(TfheEvaluationKey::read(id, keys.evaluation.payload(), &())?);
                (key.clone(), Some(key))
            }
            other => (
                other
                    .get()
                    .read_evaluation_key(id, keys.evaluation.payload(), &())?,
                None,
            ),
        };
        Ok(Self {
            public: scheme.get().read_public_key(id, keys.public.payload())?,
            evaluation,
            client: client_key::read_client_key(scheme, id, keys.client.payload())?,
            tfhe,
        })
    }
}

/// One keyswitch + bootstrap of the tfhe scheme as the unit of work.
struct Calibration {
    key: Arc<TfheEvaluationKey>,
}

impl Calibration {
    /// For schemes that cannot bootstrap.
    fn with_own_keys() -> Result<Self, Failure> {
        let bug = |error: &dyn std::error::Error| Failure::of(FailureKind::Bug, error);
        let keys = client_key::generate(SchemeId::Tfhe, &()).map_err(|error| bug(&error))?;
        TfheEvaluationKey::read(keys.evaluation.key_id(), keys.evaluation.payload(), &())
            .map(|key| Self { key: Arc::new(key) })
            .map_err(|error| bug(&error))
    }

    /// Processor time of one keyswitch + bootstrap.
    fn run(&self) -> Duration {
        let ((), spent) =
            timed(|| (0..CALIBRATION_BOOTSTRAPS).for_each(|_| self.key.bootstrap_once()));
        spent.cpu / CALIBRATION_BOOTSTRAPS
    }
}

/// How many of a tile's values differ from the plaintext reference.
fn wrong_values(spec: &StreamSpec, reference: &FeatureMap, tile: u32, values: &[u8]) -> u64 {
    let windows = spec.tile_plan().windows(tile).unwrap_or_default();
    let missing = windows.len().abs_diff(values.len());
    let expected = windows
        .iter()
        .map(|window| reference.values()[*window as usize]);
    let different = expected
        .zip(values)
        .filter(|(expected, value)| expected != *value)
        .count();
    (different + missing) as u64
}

fn add(sum: &mut Spent, spent: Spent) {
    sum.wall += spent.wall;
    sum.cpu += spent.cpu;
}

/// A frame of pseudo-random pixels, the same at every run, that uses the whole range of levels.
fn noise(spec: &StreamSpec) -> Result<QuantisedFrame, Failure> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut pixel = || {
        // xorshift64 (Marsaglia, 2003): speed and repeatability matter here, secrecy does not.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 56) as u8
    };
    let luma = (0..spec.width() * spec.height()).map(|_| pixel()).collect();
    Frame::new(spec.width(), spec.height(), luma)
        .map(|frame| spec.quantiser().quantise(&frame))
        .map_err(|error| Failure::of(FailureKind::Usage, &error))
}
