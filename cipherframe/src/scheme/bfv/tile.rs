//! A tile on the wire: how its ciphertexts were encrypted, then one fresh ciphertext for each position of the kernel.

use super::lean::{Ciphertext, Residues, Ring};
use super::library::{context, library, parameters, residues};
use super::packing::{push_residues, read_residues};
use super::parameters::{ParameterSet, for_kernel};
use crate::scheme::{SchemeError, check_length};
use fhe_math::rq::{Context, Poly, Representation};
use std::sync::Arc;

/// Bytes of the seed that stands for the second part of a ciphertext made with the secret key.
pub(super) const SEED_BYTES: usize = 32;

/// How fresh ciphertexts were encrypted, the first byte of a tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// With the public key: both parts in full.
    Public,
    /// With the secret key: the first part, and the seed of the second, which is random.
    Seeded,
}

impl Form {
    const ALL: [Self; 2] = [Self::Public, Self::Seeded];

    fn code(self) -> u8 {
        match self {
            Self::Public => 0,
            Self::Seeded => 1,
        }
    }

    /// Bytes of a fresh ciphertext.
    fn ciphertext_bytes(self, set: &ParameterSet) -> usize {
        let part = set.polynomial_bytes(set.primes);
        match self {
            Self::Public => 2 * part,
            Self::Seeded => part + SEED_BYTES,
        }
    }
}

/// Bytes of a tile, whatever it shows.
pub(super) fn tile_bytes(form: Form, kernel: u8) -> usize {
    let ciphertexts = usize::from(kernel) * usize::from(kernel);
    1 + ciphertexts * form.ciphertext_bytes(&for_kernel(kernel))
}

/// A tile without ciphertexts.
pub(super) fn start(form: Form, kernel: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(tile_bytes(form, kernel));
    bytes.push(form.code());
    bytes
}

/// Appends a ciphertext made with the public key.
pub(super) fn push_public(tile: &mut Vec<u8>, parts: &[Poly]) {
    for part in parts {
        push_residues(tile, &residues(part));
    }
}

/// Appends a ciphertext made with the secret key.
pub(super) fn push_seeded(tile: &mut Vec<u8>, part: &Poly, seed: [u8; SEED_BYTES]) {
    push_residues(tile, &residues(part));
    tile.extend(seed);
}

/// Reads the fresh ciphertexts of tiles.
pub(super) struct TileReader {
    set: ParameterSet,
    /// In which seeds are expanded.
    context: Arc<Context>,
}

impl TileReader {
    pub(super) fn new(set: ParameterSet) -> Result<Self, SchemeError> {
        let parameters = parameters(&set)?;
        let context = context(&parameters, set.primes)?.clone();
        Ok(Self { set, context })
    }

    /// The sum of a tile's ciphertexts, one for each position of the kernel.
    pub(super) fn sum(
        &self,
        tile: &[u8],
        kernel: u8,
        ring: &Ring,
    ) -> Result<Ciphertext, SchemeError> {
        let form = self.form(tile, kernel)?;
        let bytes = tile.get(1..).unwrap_or_default();
        let bytes = bytes.chunks(form.ciphertext_bytes(&self.set));
        let mut ciphertexts = bytes.map(|bytes| self.ciphertext(form, bytes, ring));
        let mut sum = ciphertexts.next().unwrap_or(Err(SchemeError::Malformed {
            what: "bfv tile",
            why: "it holds no ciphertext",
        }))?;
        for ciphertext in ciphertexts {
            ring.top().add_assign(&mut sum, &ciphertext?);
        }
        Ok(sum)
    }

    fn form(&self, tile: &[u8], kernel: u8) -> Result<Form, SchemeError> {
        let code = tile.first().copied();
        let form = Form::ALL.into_iter().find(|form| Some(form.code()) == code);
        let form = form.ok_or(SchemeError::Malformed {
            what: "bfv tile",
            why: "its first byte names no way to encrypt",
        })?;
        check_length("bfv tile", tile_bytes(form, kernel), tile.len())?;
        Ok(form)
    }

    fn ciphertext(&self, form: Form, bytes: &[u8], ring: &Ring) -> Result<Ciphertext, SchemeError> {
        let read = |bytes| read_residues("bfv tile", bytes, self.set.degree, ring.primes());
        let (first, second) =
            bytes.split_at(self.set.polynomial_bytes(self.set.primes).min(bytes.len()));
        let second = match form {
            Form::Public => read(second)?,
            Form::Seeded => self.expand(second)?,
        };
        Ok(Ciphertext {
            parts: [read(first)?, second],
        })
    }

    /// The random polynomial that the library makes of a seed.
    fn expand(&self, seed: &[u8]) -> Result<Residues, SchemeError> {
        let seed = seed.try_into().map_err(library("reading a seed"))?;
        Ok(residues(&Poly::random_from_seed(
            &self.context,
            Representation::Ntt,
            seed,
        )))
    }
}
