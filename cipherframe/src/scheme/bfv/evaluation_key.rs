//! The worker's key: a relinearisation key for each parameter set.

use super::EVALUATION_KEY_BYTES;
use super::circuit::none_reached;
use super::evaluator::{Evaluator, Value};
use super::lean::{Ciphertext, RelinearisationKey, Residues, Ring};
use super::library::library;
use super::packing::{push_residues, read_residues};
use super::parameters::{ParameterSet, SETS, for_kernel, key_fingerprint};
use super::tile::TileReader;
use crate::progress::Progress;
use crate::scheme::{
    EvaluationKey, Key, SchemeError, SchemeId, check_fingerprint, check_length, check_scheme,
    window_count,
};
use crate::spec::StreamSpec;
use keyfile::KeyId;

/// The evaluation key of scheme `bfv`.
pub(super) struct BfvEvaluationKey {
    key_id: KeyId,
    keys: Vec<SetKey>,
}

struct SetKey {
    set: ParameterSet,
    ring: Ring,
    relinearisation: RelinearisationKey,
    reader: TileReader,
}

impl BfvEvaluationKey {
    /// Reads the key: for each set the two polynomials of each digit, behind the fingerprint.
    pub(super) fn read(
        key_id: KeyId,
        payload: &[u8],
        progress: &dyn Progress,
    ) -> Result<Self, SchemeError> {
        check_length("bfv evaluation key", EVALUATION_KEY_BYTES, payload.len())?;
        let mut rest = check_fingerprint("the evaluation key", payload, key_fingerprint())?;
        let mut keys = Vec::with_capacity(SETS.len());
        for set in SETS {
            if progress.cancelled() {
                return Err(SchemeError::Cancelled);
            }
            let (key, after) = rest.split_at(set.relinearisation_key_bytes().min(rest.len()));
            rest = after;
            keys.push(SetKey::read(set, key)?);
            progress.advance(keys.len() as u64, SETS.len() as u64);
        }
        Ok(Self { key_id, keys })
    }
}

/// The relinearisation key of a set: the two polynomials of each digit.
pub fn read_relinearisation_key(
    set: &ParameterSet,
    ring: &Ring,
    bytes: &[u8],
) -> Result<RelinearisationKey, SchemeError> {
    let what = "bfv relinearisation key";
    check_length(what, set.relinearisation_key_bytes(), bytes.len())?;
    let polynomials = bytes
        .chunks(set.polynomial_bytes(set.primes))
        .map(|bytes| read_residues(what, bytes, set.degree, ring.primes()))
        .collect::<Result<Vec<Residues>, _>>()?;
    Ok(ring.relinearisation_key(polynomials.as_chunks::<2>().0))
}

impl SetKey {
    fn read(set: ParameterSet, key: &[u8]) -> Result<Self, SchemeError> {
        let ring = set.ring().map_err(library("building the ring"))?;
        Ok(Self {
            set,
            relinearisation: read_relinearisation_key(&set, &ring, key)?,
            ring,
            reader: TileReader::new(set)?,
        })
    }

    /// Sums the positions of the windows, runs the circuit and switches down to one prime.
    fn pool(&self, kernel: u8, tile: &[u8]) -> Result<Ciphertext, SchemeError> {
        let evaluator = Evaluator {
            ring: &self.ring,
            key: &self.relinearisation,
        };
        let sum = self.reader.sum(tile, kernel, &self.ring)?;
        let result = none_reached(&evaluator, kernel, &Value::fresh(sum));
        let result = result.ok_or(SchemeError::Malformed {
            what: "bfv tile",
            why: "there is no circuit for its kernel",
        })?;
        let mut result = result.ciphertext;
        evaluator.switch_to(&mut result, 1);
        Ok(result)
    }
}

impl Key for BfvEvaluationKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Bfv
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl EvaluationKey for BfvEvaluationKey {
    fn pool(
        &self,
        spec: &StreamSpec,
        tile: u32,
        ciphertext: &[u8],
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, SchemeError> {
        check_scheme(SchemeId::Bfv, spec)?;
        window_count(spec, tile)?;
        if progress.cancelled() {
            return Err(SchemeError::Cancelled);
        }
        let kernel = spec.pool().kernel();
        let set = for_kernel(kernel);
        let key = self.keys.iter().find(|key| key.set == set);
        let key = key.ok_or(SchemeError::Malformed {
            what: "bfv key",
            why: "it does not serve the kernel's parameter set",
        })?;
        let result = key.pool(kernel, ciphertext)?;
        let mut map = Vec::with_capacity(2 * set.polynomial_bytes(1));
        for part in &result.parts {
            push_residues(&mut map, part);
        }
        progress.advance(1, 1);
        Ok(map)
    }
}
