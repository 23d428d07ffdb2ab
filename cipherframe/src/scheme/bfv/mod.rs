//! Scheme `bfv`: exact maxima of thousands of windows at a time in one shallow circuit, fast enough for live video.
//!
//! A pixel travels as a thermometer, one bit per threshold. The maximum of a window reaches a threshold if any of its
//! pixels does, which a low-degree polynomial in the number of those pixels tells.
//!
//! - [`parameters`]: the parameter sets and all sizes
//! - [`thermometer`]: which slot holds what
//! - [`circuit`]: the polynomial of each kernel (pure)
//! - [`noise`]: the failure probability of the circuit (pure)
//! - [`lean`]: the arithmetic on ciphertexts; [`library`]: the crate `fhe`, for keys, encryption and decryption
//! - `encryption`, `tile`: the camera's side
//! - `evaluation_key`, [`evaluator`]: the worker's side
//! - [`packing`], [`ternary`]: residues and secret coefficients as bytes

pub mod circuit;
mod encryption;
mod evaluation_key;
pub mod evaluator;
pub mod lean;
pub mod library;
pub mod noise;
pub mod packing;
pub mod parameters;
pub mod ternary;
pub mod thermometer;
mod tile;

use super::{
    EncryptionKey, Evaluation, EvaluationKey, FINGERPRINT_BYTES, FailureReport, Fingerprint,
    Scheme, SchemeError, SchemeId, check_scheme, window_count,
};
use crate::progress::Progress;
use crate::spec::StreamSpec;
use crate::tile::TileCut;
use encryption::BfvEncryptionKey;
use evaluation_key::BfvEvaluationKey;
pub use evaluation_key::read_relinearisation_key;
use keyfile::KeyId;
use parameters::{DEPTH_2, DEPTH_4, ParameterSet, for_kernel};
use std::ops::RangeInclusive;
use std::sync::Arc;
use tile::Form;

/// Bytes of the library's serialised public key of a set: a seeded ciphertext in protobuf.
const fn public_key_bytes(set: &ParameterSet) -> usize {
    set.polynomial_bytes(set.primes) + PUBLIC_KEY_OVERHEAD_BYTES
}

/// What protobuf and the seed add to the polynomial of a public key.
const PUBLIC_KEY_OVERHEAD_BYTES: usize = 51;

/// The exact payload length of a camera public key.
const PUBLIC_KEY_BYTES: usize =
    FINGERPRINT_BYTES + public_key_bytes(&DEPTH_2) + public_key_bytes(&DEPTH_4);

/// The exact payload length of an evaluation key.
const EVALUATION_KEY_BYTES: usize =
    FINGERPRINT_BYTES + DEPTH_2.relinearisation_key_bytes() + DEPTH_4.relinearisation_key_bytes();

/// The exact payload length of a secret key: the client's, and that of a camera in key mode `secret`.
pub const SECRET_KEY_BYTES: usize = FINGERPRINT_BYTES
    + ternary::ternary_bytes(DEPTH_2.degree)
    + ternary::ternary_bytes(DEPTH_4.degree);

/// The BFV scheme.
#[derive(Clone, Copy, Debug)]
pub struct Bfv;

impl Scheme for Bfv {
    fn id(&self) -> SchemeId {
        SchemeId::Bfv
    }

    fn kernels(&self) -> RangeInclusive<u8> {
        2..=4
    }

    fn tile_cut(&self, kernel: u8, levels: u8) -> TileCut {
        let slots = for_kernel(kernel).degree as u32;
        TileCut::Runs {
            max_windows: slots / u32::from(levels.max(1)),
        }
    }

    fn tile_uses_all_threads(&self) -> bool {
        false
    }

    fn parameter_set(&self, kernel: u8) -> &'static str {
        for_kernel(kernel).name
    }

    fn fingerprint(&self, kernel: u8) -> Fingerprint {
        for_kernel(kernel).fingerprint()
    }

    fn key_fingerprint(&self) -> Fingerprint {
        parameters::key_fingerprint()
    }

    fn failure_report(&self, spec: &StreamSpec) -> FailureReport {
        noise::failure_report(spec.pool().kernel())
    }

    fn tile_bytes(
        &self,
        spec: &StreamSpec,
        tile: u32,
        secret_key: bool,
    ) -> Result<usize, SchemeError> {
        check_scheme(SchemeId::Bfv, spec)?;
        window_count(spec, tile)?;
        let form = if secret_key {
            Form::Seeded
        } else {
            Form::Public
        };
        Ok(tile::tile_bytes(form, spec.pool().kernel()))
    }

    fn public_key_bytes(&self) -> usize {
        PUBLIC_KEY_BYTES
    }

    fn camera_secret_key_bytes(&self) -> Option<usize> {
        Some(SECRET_KEY_BYTES)
    }

    fn evaluation_key_bytes(&self) -> usize {
        EVALUATION_KEY_BYTES
    }

    fn read_public_key(
        &self,
        key_id: KeyId,
        payload: &[u8],
    ) -> Result<Arc<dyn EncryptionKey>, SchemeError> {
        Ok(Arc::new(BfvEncryptionKey::read_public(key_id, payload)?))
    }

    fn read_camera_secret_key(
        &self,
        key_id: KeyId,
        payload: &[u8],
    ) -> Result<Arc<dyn EncryptionKey>, SchemeError> {
        Ok(Arc::new(BfvEncryptionKey::read_secret(key_id, payload)?))
    }
}

impl Evaluation for Bfv {
    fn read_evaluation_key(
        &self,
        key_id: KeyId,
        payload: &[u8],
        progress: &dyn Progress,
    ) -> Result<Arc<dyn EvaluationKey>, SchemeError> {
        Ok(Arc::new(BfvEvaluationKey::read(key_id, payload, progress)?))
    }
}
