//! The measurement: one frame through the same code as the nodes run, without the network.

use super::calibration::Calibration;
use super::clock::{ms, timed};
use super::error::Errors;
use super::report::Report;
use cipherframe::scheme::tfhe::TfheEvaluationKey;
use cipherframe::{
    EncryptionKey, EvaluationKey, FeatureMap, Frame, Quantiser, SchemeError, SchemeId, StreamSpec,
    failure_report, max_pool,
};
use client_key::{ClientKey, KeySet};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use std::sync::Arc;
use wire::failure::{Failure, FailureKind};
use wire::telemetry::peak_resident_bytes;

/// Quantises, encrypts, pools and decrypts a frame of the size of `spec`, each for all tiles before the next. Pools on
/// `threads` threads, encrypts and decrypts on one, as the nodes do.
pub(crate) fn measure(
    spec: &StreamSpec,
    frame: &Frame,
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
    let exact = exact_maxima(spec, frame)?;
    let frame = spec.quantiser().quantise(frame);
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
    let map = in_place(spec, &values);
    let wrong = wrong_values(&reference, &map);
    let (bytes_in, bytes_out) = (all(&ciphertexts), all(&maps));

    // Before keys of another scheme are made, which would count as memory of this one.
    let peak_rss_bytes = peak_resident_bytes();
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
        wrong,
        errors: Errors::of(spec.quantiser(), &exact, &map),
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
                    .evaluation()
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

/// The maximum of each window of the frame as it is before it is quantised.
fn exact_maxima(spec: &StreamSpec, frame: &Frame) -> Result<Vec<u8>, Failure> {
    let identity =
        Quantiser::from_bits(8).map_err(|error| Failure::of(FailureKind::Bug, &error))?;
    max_pool(&identity.quantise(frame), spec.pool())
        .map(|map| map.values().to_vec())
        .map_err(|error| Failure::of(FailureKind::Bug, &error))
}

/// The values of all tiles at their places in the map; `None` where a tile gave none.
fn in_place(spec: &StreamSpec, tiles: &[Vec<u8>]) -> Vec<Option<u8>> {
    let plan = spec.tile_plan();
    let mut map = vec![None; plan.map_width() as usize * plan.map_height() as usize];
    for (tile, values) in (0..).zip(tiles) {
        let windows = plan.windows(tile).unwrap_or_default();
        for (window, value) in windows.into_iter().zip(values) {
            map[window as usize] = Some(*value);
        }
    }
    map
}

/// How many values differ from the plaintext reference.
fn wrong_values(reference: &FeatureMap, map: &[Option<u8>]) -> u64 {
    let pairs = reference.values().iter().zip(map);
    pairs
        .filter(|(expected, value)| **value != Some(**expected))
        .count() as u64
}

#[cfg(test)]
mod tests;
