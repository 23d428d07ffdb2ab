//! The measurement: one frame through the same code as the nodes run, without the network.

use super::calibration::Calibration;
use super::clock::{ms, peak_rss_bytes, timed};
use super::report::Report;
use cipherframe::scheme::tfhe::TfheEvaluationKey;
use cipherframe::{
    EncryptionKey, EvaluationKey, FeatureMap, Frame, QuantisedFrame, SchemeError, SchemeId,
    StreamSpec, failure_report, max_pool,
};
use client_key::{ClientKey, KeySet};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use std::sync::Arc;
use wire::failure::{Failure, FailureKind};

/// Encrypts, pools and decrypts one frame of noise under `spec`, each for all tiles before the next. Pools on `threads`
/// threads, encrypts and decrypts on one, as the nodes do.
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
    let frame = noise(spec)?;
    let reference = max_pool(&frame, spec.pool()).map_err(|error| bug(&error))?;
    let tiles = 0..spec.tile_plan().tile_count();
    let all = |payloads: &[Vec<u8>]| payloads.iter().map(|tile| tile.len() as u64).sum::<u64>();

    let own = loaded.tfhe.clone().map(Calibration::new);
    let before = own.as_ref().map(Calibration::run).transpose()?;
    let (ciphertexts, encrypt) = timed(|| {
        let encrypted = tiles.map(|tile| loaded.public.encrypt(spec, &frame, tile));
        encrypted.collect::<Result<Vec<_>, _>>()
    });
    let ciphertexts = ciphertexts.map_err(|error| bug(&error))?;
    let (maps, pooling) =
        timed(|| pool.install(|| pool_all(&*loaded.evaluation, spec, &ciphertexts)));
    let maps = maps.map_err(|error| bug(&error))?;
    let (values, decrypt) = timed(|| {
        let decrypted = (0..).zip(&maps);
        let decrypted = decrypted.map(|(tile, map)| loaded.client.decrypt(spec, tile, map));
        decrypted.collect::<Result<Vec<_>, _>>()
    });
    let values = values.map_err(|error| bug(&error))?;
    let wrong = (0..).zip(&values);
    let wrong = wrong.map(|(tile, values)| wrong_values(spec, &reference, tile, values));
    let (bytes_in, bytes_out) = (all(&ciphertexts), all(&maps));

    // Before keys of another scheme are made, which would count as memory of this one.
    let peak_rss_bytes = peak_rss_bytes();
    drop((ciphertexts, maps));
    let bootstrap = match (&own, before) {
        (Some(own), Some(before)) => Some((before + own.run()?) / 2),
        _ if calibrate => Some(Calibration::with_own_keys()?.run()?),
        _ => None,
    };

    Ok(Report {
        spec: spec.clone(),
        threads,
        windows: reference.values().len() as u64,
        wrong: wrong.sum(),
        keygen_ms: ms(keygen.wall),
        encrypt_ms: ms(encrypt.wall),
        pool_ms: ms(pooling.wall),
        pool_cpu_ms: ms(pooling.cpu),
        decrypt_ms: ms(decrypt.wall),
        bytes_in,
        bytes_out,
        eval_key_bytes: keys.evaluation.payload().len() as u64,
        peak_rss_bytes,
        pbs_ms: bootstrap.map(ms),
        failure: failure_report(spec),
    })
}

/// Pools tiles as a worker does: one after the other where each takes all threads, else several at once. Runs on the
/// current rayon pool.
fn pool_all(
    key: &dyn EvaluationKey,
    spec: &StreamSpec,
    ciphertexts: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>, SchemeError> {
    let pool = |(tile, ciphertext): (usize, &Vec<u8>)| {
        // A plan has at most 65536 tiles.
        let tile = u32::try_from(tile).unwrap_or(u32::MAX);
        key.pool(spec, tile, ciphertext, &())
    };
    if spec.scheme().get().tile_uses_all_threads() {
        ciphertexts.iter().enumerate().map(pool).collect()
    } else {
        ciphertexts.par_iter().enumerate().map(pool).collect()
    }
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

#[cfg(test)]
mod tests;
