//! Scheme `plain`: no encryption. The oracle for tests and dry runs; nodes refuse it unless told `--insecure-plain`.
//!
//! A tile is its pixel levels, a map tile its maxima, one byte each.

use super::{
    EncryptionKey, Evaluation, EvaluationKey, FailureReport, Fingerprint, Key, Scheme, SchemeError,
    SchemeId, check_length, check_scheme, region, tile_levels,
};
use crate::progress::Progress;
use crate::quantiser::QuantisedFrame;
use crate::spec::StreamSpec;
use crate::tile::TileCut;
use keyfile::KeyId;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The scheme without encryption.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

/// A key of the plain scheme: it only carries its key set's name.
struct PlainKey {
    key_id: KeyId,
}

impl Scheme for Plain {
    fn id(&self) -> SchemeId {
        SchemeId::Plain
    }

    fn kernels(&self) -> RangeInclusive<u8> {
        1..=8
    }

    fn tile_cut(&self, _kernel: u8, _levels: u8) -> TileCut {
        TileCut::Rectangles { max_pixels: 2048 }
    }

    fn tile_uses_all_threads(&self) -> bool {
        false
    }

    fn parameter_set(&self, _kernel: u8) -> &'static str {
        "plain"
    }

    fn fingerprint(&self, _kernel: u8) -> Fingerprint {
        self.key_fingerprint()
    }

    fn key_fingerprint(&self) -> Fingerprint {
        Fingerprint::of("plain")
    }

    fn failure_report(&self, _spec: &StreamSpec) -> FailureReport {
        FailureReport::EXACT
    }

    fn tile_bytes(
        &self,
        spec: &StreamSpec,
        tile: u32,
        _secret_key: bool,
    ) -> Result<usize, SchemeError> {
        check_scheme(SchemeId::Plain, spec)?;
        Ok(region(spec, tile)?.pixel_count())
    }

    fn public_key_bytes(&self) -> usize {
        0
    }

    fn evaluation_key_bytes(&self) -> usize {
        0
    }

    fn read_public_key(
        &self,
        key_id: KeyId,
        payload: &[u8],
    ) -> Result<Arc<dyn EncryptionKey>, SchemeError> {
        check_length("plain public key", 0, payload.len())?;
        Ok(Arc::new(PlainKey { key_id }))
    }
}

impl Evaluation for Plain {
    fn read_evaluation_key(
        &self,
        key_id: KeyId,
        payload: &[u8],
        progress: &dyn Progress,
    ) -> Result<Arc<dyn EvaluationKey>, SchemeError> {
        check_length("plain evaluation key", 0, payload.len())?;
        progress.advance(1, 1);
        Ok(Arc::new(PlainKey { key_id }))
    }
}

impl Key for PlainKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Plain
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl EncryptionKey for PlainKey {
    fn encrypt(
        &self,
        spec: &StreamSpec,
        frame: &QuantisedFrame,
        tile: u32,
    ) -> Result<Vec<u8>, SchemeError> {
        check_scheme(SchemeId::Plain, spec)?;
        tile_levels(spec, frame, tile)
    }

    fn tile_bytes(&self, spec: &StreamSpec, tile: u32) -> Result<usize, SchemeError> {
        Plain.tile_bytes(spec, tile, false)
    }
}

impl EvaluationKey for PlainKey {
    fn pool(
        &self,
        spec: &StreamSpec,
        tile: u32,
        levels: &[u8],
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, SchemeError> {
        check_scheme(SchemeId::Plain, spec)?;
        let region = region(spec, tile)?;
        check_length("plain tile", region.pixel_count(), levels.len())?;
        if progress.cancelled() {
            return Err(SchemeError::Cancelled);
        }
        let windows = spec.tile_plan().window_pixels(tile).unwrap_or_default();
        let level = |position: &usize| levels.get(*position).copied();
        let highest = |pixels: &Vec<usize>| pixels.iter().filter_map(level).max();
        let values = windows
            .iter()
            .map(|pixels| highest(pixels).unwrap_or(0))
            .collect();
        progress.advance(1, 1);
        Ok(values)
    }
}
