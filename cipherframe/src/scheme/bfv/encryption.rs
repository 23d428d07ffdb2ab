//! The camera's side: encryption with the public key, or with the secret key where the configuration says so.

use super::library::{library, parameters, plaintext};
use super::parameters::{ParameterSet, SETS, for_kernel, key_fingerprint};
use super::ternary::{read_ternary, ternary_bytes};
use super::thermometer;
use super::tile::{Form, SEED_BYTES, push_public, push_seeded, start};
use super::{Bfv, PUBLIC_KEY_BYTES, SECRET_KEY_BYTES, public_key_bytes};
use crate::quantiser::QuantisedFrame;
use crate::scheme::{
    EncryptionKey, Key, Scheme, SchemeError, SchemeId, check_fingerprint, check_length,
    check_scheme,
};
use crate::spec::StreamSpec;
use fhe::bfv::{BfvParameters, PublicKey, SecretKey};
use fhe::proto::bfv::{Ciphertext as CiphertextProto, SecretKey as SecretKeyProto};
use fhe_traits::{DeserializeParametrized, FheEncrypter};
use keyfile::KeyId;
use prost::Message;
use rayon::prelude::*;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// What a camera encrypts with, for every parameter set.
pub(super) struct BfvEncryptionKey {
    key_id: KeyId,
    keys: Vec<SetKey>,
}

struct SetKey {
    set: ParameterSet,
    parameters: Arc<BfvParameters>,
    key: AnyKey,
}

enum AnyKey {
    Public(Box<PublicKey>),
    Secret(SecretKey),
}

impl BfvEncryptionKey {
    /// The public key: the library's serialisation for each set, behind the fingerprint.
    pub(super) fn read_public(key_id: KeyId, payload: &[u8]) -> Result<Self, SchemeError> {
        check_length("bfv public key", PUBLIC_KEY_BYTES, payload.len())?;
        let mut rest = check_fingerprint("the public key", payload, key_fingerprint())?;
        Self::read(key_id, |set, parameters| {
            let (key, after) = rest.split_at(public_key_bytes(set).min(rest.len()));
            rest = after;
            PublicKey::from_bytes(key, parameters)
                .map(|key| AnyKey::Public(Box::new(key)))
                .map_err(library("reading the public key"))
        })
    }

    /// The secret key: two bits for each coefficient of each set, behind the fingerprint.
    pub(super) fn read_secret(key_id: KeyId, payload: &[u8]) -> Result<Self, SchemeError> {
        check_length("bfv secret key", SECRET_KEY_BYTES, payload.len())?;
        let mut rest = check_fingerprint("the secret key", payload, key_fingerprint())?;
        Self::read(key_id, |set, parameters| {
            let (key, after) = rest.split_at(ternary_bytes(set.degree).min(rest.len()));
            rest = after;
            let coefficients = read_ternary("bfv secret key", key)?;
            let mut proto = SecretKeyProto {
                coeffs: coefficients.to_vec(),
            };
            let serialised = Zeroizing::new(proto.encode_to_vec());
            proto.coeffs.zeroize();
            SecretKey::from_bytes(&serialised, parameters)
                .map(AnyKey::Secret)
                .map_err(library("reading the secret key"))
        })
    }

    fn read(
        key_id: KeyId,
        mut key: impl FnMut(&ParameterSet, &Arc<BfvParameters>) -> Result<AnyKey, SchemeError>,
    ) -> Result<Self, SchemeError> {
        let keys = SETS.iter().map(|set| {
            let parameters = parameters(set)?;
            Ok(SetKey {
                set: *set,
                key: key(set, &parameters)?,
                parameters,
            })
        });
        Ok(Self {
            key_id,
            keys: keys.collect::<Result<_, SchemeError>>()?,
        })
    }

    /// The key of the set that pools a `kernel`.
    fn for_kernel(&self, kernel: u8) -> Result<&SetKey, SchemeError> {
        let set = for_kernel(kernel);
        let key = self.keys.iter().find(|key| key.set == set);
        key.ok_or(SchemeError::Malformed {
            what: "bfv key",
            why: "it does not serve the kernel's parameter set",
        })
    }
}

impl SetKey {
    fn form(&self) -> Form {
        match &self.key {
            AnyKey::Public(_) => Form::Public,
            AnyKey::Secret(_) => Form::Seeded,
        }
    }

    /// Encrypts one plaintext per position of the kernel into a tile, side by side.
    fn tile(&self, kernel: u8, positions: &[Vec<u64>]) -> Result<Vec<u8>, SchemeError> {
        let ciphertexts = positions.par_iter().map(|slots| self.ciphertext(slots));
        let ciphertexts: Vec<Vec<u8>> = ciphertexts.collect::<Result<_, _>>()?;
        let mut tile = start(self.form(), kernel);
        ciphertexts.iter().for_each(|bytes| tile.extend(bytes));
        Ok(tile)
    }

    /// A fresh ciphertext as it stands in a tile.
    fn ciphertext(&self, slots: &[u64]) -> Result<Vec<u8>, SchemeError> {
        let mut rng = rand::rng();
        let plaintext = plaintext(slots, &self.parameters)?;
        let mut bytes = Vec::new();
        match &self.key {
            AnyKey::Public(key) => {
                let ciphertext = key.try_encrypt(&plaintext, &mut rng);
                push_public(&mut bytes, &ciphertext.map_err(library("encrypting"))?);
            }
            AnyKey::Secret(key) => {
                let ciphertext = key.try_encrypt(&plaintext, &mut rng);
                let ciphertext = ciphertext.map_err(library("encrypting"))?;
                // The library hands the seed out in its serialised form only.
                let seed = CiphertextProto::from(&ciphertext).seed;
                let seed = <[u8; SEED_BYTES]>::try_from(seed.as_slice());
                let seed = seed.map_err(library("reading the seed"))?;
                if let Some(part) = ciphertext.first() {
                    push_seeded(&mut bytes, part, seed);
                }
            }
        }
        Ok(bytes)
    }
}

impl Key for BfvEncryptionKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Bfv
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl EncryptionKey for BfvEncryptionKey {
    fn encrypt(
        &self,
        spec: &StreamSpec,
        frame: &QuantisedFrame,
        tile: u32,
    ) -> Result<Vec<u8>, SchemeError> {
        check_scheme(SchemeId::Bfv, spec)?;
        let positions = thermometer::encode(spec, frame, tile)?;
        let kernel = spec.pool().kernel();
        self.for_kernel(kernel)?.tile(kernel, &positions)
    }

    fn tile_bytes(&self, spec: &StreamSpec, tile: u32) -> Result<usize, SchemeError> {
        check_scheme(SchemeId::Bfv, spec)?;
        let form = self.for_kernel(spec.pool().kernel())?.form();
        Bfv.tile_bytes(spec, tile, form == Form::Seeded)
    }
}
