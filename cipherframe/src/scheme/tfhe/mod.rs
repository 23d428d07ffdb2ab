//! Scheme `tfhe`: one programmable bootstrap per maximum, small uplinks, results that can be computed on further.
//!
//! - [`parameters`]: the pinned parameter set and all sizes
//! - [`digits`]: levels of more than 4 bits in two ciphertexts (pure)
//! - [`circuit`]: bootstraps in rounds, and the blocks they are built from (pure)
//! - [`plan`]: the circuit that pools a tile (pure); [`line`]: what neighbouring windows share (pure)
//! - [`noise`]: the failure probability of a circuit (pure); [`report`]: what pooling a frame takes
//! - [`dry_run`]: a circuit on plaintext (pure)
//! - `encryption`: the camera's side
//! - `evaluation_key`, `pooling`, [`executor`], `bootstrap`: the worker's side
//! - [`packing`]: how results travel
//! - [`words`]: byte formats of words

mod bootstrap;
pub mod circuit;
pub mod digits;
pub mod dry_run;
mod encryption;
mod evaluation_key;
pub mod executor;
pub mod line;
pub mod noise;
pub mod packing;
pub mod parameters;
pub mod plan;
mod pooling;
pub mod report;
pub mod words;

pub use evaluation_key::TfheEvaluationKey;

use super::{
    EncryptionKey, Evaluation, EvaluationKey, FINGERPRINT_BYTES, FailureReport, Fingerprint,
    Scheme, SchemeError, SchemeId, check_fingerprint, check_length, check_scheme, region,
};
use crate::progress::Progress;
use crate::spec::StreamSpec;
use crate::tile::TileCut;
use digits::digits;
use encryption::TfhePublicKey;
use keyfile::KeyId;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Bytes of the seed in front of each seeded key.
pub const SEED_BYTES: usize = 16;

/// The TFHE scheme.
#[derive(Clone, Copy, Debug)]
pub struct Tfhe;

impl Scheme for Tfhe {
    fn id(&self) -> SchemeId {
        SchemeId::Tfhe
    }

    fn kernels(&self) -> RangeInclusive<u8> {
        1..=8
    }

    fn tile_cut(&self, _kernel: u8, levels: u8) -> TileCut {
        let messages = parameters::MESSAGES_PER_LIST / digits::digits(levels).len().max(1);
        TileCut::Rectangles {
            max_pixels: messages as u32,
        }
    }

    fn tile_uses_all_threads(&self) -> bool {
        true
    }

    fn parameter_set(&self, _kernel: u8) -> &'static str {
        parameters::SET_NAME
    }

    fn fingerprint(&self, _kernel: u8) -> Fingerprint {
        parameters::fingerprint()
    }

    fn key_fingerprint(&self) -> Fingerprint {
        parameters::fingerprint()
    }

    fn failure_report(&self, spec: &StreamSpec) -> FailureReport {
        report::plan_report(spec).failure()
    }

    fn tile_bytes(
        &self,
        spec: &StreamSpec,
        tile: u32,
        _secret_key: bool,
    ) -> Result<usize, SchemeError> {
        check_scheme(SchemeId::Tfhe, spec)?;
        let digits = digits(spec.quantiser().level_count()).len();
        Ok(encryption::tile_bytes(
            region(spec, tile)?.pixel_count() * digits,
        ))
    }

    fn public_key_bytes(&self) -> usize {
        FINGERPRINT_BYTES + 8 * parameters::public_key_words()
    }

    fn evaluation_key_bytes(&self) -> usize {
        let words = parameters::keyswitch_key_words()
            + parameters::bootstrap_key_words()
            + parameters::packing_key_words();
        FINGERPRINT_BYTES + 3 * SEED_BYTES + 8 * words
    }

    fn read_public_key(
        &self,
        key_id: KeyId,
        payload: &[u8],
    ) -> Result<Arc<dyn EncryptionKey>, SchemeError> {
        check_length("tfhe public key", self.public_key_bytes(), payload.len())?;
        Ok(Arc::new(TfhePublicKey::new(
            key_id,
            check_fingerprint("the public key", payload, self.key_fingerprint())?,
        )))
    }
}

impl Evaluation for Tfhe {
    fn read_evaluation_key(
        &self,
        key_id: KeyId,
        payload: &[u8],
        progress: &dyn Progress,
    ) -> Result<Arc<dyn EvaluationKey>, SchemeError> {
        Ok(Arc::new(TfheEvaluationKey::read(
            key_id, payload, progress,
        )?))
    }
}
