//! Scheme `tfhe`: one programmable bootstrap per maximum, small uplinks, results that can be computed on further.
//!
//! - [`parameters`]: the pinned parameter set and all sizes
//! - [`circuit`]: which maxima, at which scale, in which round (pure)
//! - [`noise`]: the failure probability of the circuit (pure)
//! - `encryption`: the camera's side
//! - `evaluation_key`, `bootstrap`, `pooling`: the worker's side
//! - [`packing`]: how results travel
//! - [`words`]: byte formats of words

mod bootstrap;
pub mod circuit;
mod encryption;
mod evaluation_key;
pub mod noise;
pub mod packing;
pub mod parameters;
mod pooling;
pub mod words;

pub use evaluation_key::TfheEvaluationKey;

use super::{
    EncryptionKey, EvaluationKey, FINGERPRINT_BYTES, FailureReport, Fingerprint, Limits, Scheme,
    SchemeError, SchemeId, check_fingerprint, check_length,
};
use crate::progress::Progress;
use crate::spec::StreamSpec;
use crate::tile::TileCut;
use encryption::TfhePublicKey;
use keyfile::KeyId;
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

    fn limits(&self) -> Limits {
        Limits {
            levels: parameters::MAX_LEVELS,
            kernels: 2..=3,
        }
    }

    fn tile_cut(&self, _kernel: u8, _levels: u8) -> TileCut {
        TileCut::Rectangles {
            max_pixels: parameters::MESSAGES_PER_LIST as u32,
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
        noise::failure_report(spec.pool().kernel())
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
