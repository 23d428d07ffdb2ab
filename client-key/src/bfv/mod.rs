//! Key generation and decryption of scheme `bfv`.
//!
//! A secret key with coefficients in {-1, 0, 1} for each parameter set; keys and decryption are the crate `fhe`'s.

use crate::ClientKey;
use crate::key_set::Payloads;
use cipherframe::scheme::bfv::circuit::{Integers, none_reached};
use cipherframe::scheme::bfv::library::{context, library, parameters, polynomial, residues};
use cipherframe::scheme::bfv::packing::{push_residues, read_residues};
use cipherframe::scheme::bfv::parameters::{
    PLAINTEXT_MODULUS, ParameterSet, SETS, for_kernel, key_fingerprint,
};
use cipherframe::scheme::bfv::ternary::{push_ternary, read_ternary, ternary_bytes};
use cipherframe::scheme::bfv::{SECRET_KEY_BYTES, lean, thermometer};
use cipherframe::scheme::{check_fingerprint, check_length, check_scheme, window_count};
use cipherframe::{Key, KeyId, Progress, SchemeError, SchemeId, StreamSpec};
use fhe::bfv::{BfvParameters, Ciphertext, Encoding, PublicKey, RelinearizationKey, SecretKey};
use fhe::proto::bfv::{
    KeySwitchingKey as KeySwitchingKeyProto, RelinearizationKey as RelinearizationKeyProto,
    SecretKey as SecretKeyProto,
};
use fhe_math::rq::{Context, Poly, Representation};
use fhe_traits::{
    DeserializeParametrized, DeserializeWithContext, FheDecoder, FheDecrypter, Serialize,
};
use prost::Message;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// The exact payload length of a client key.
pub(crate) const CLIENT_KEY_BYTES: usize = SECRET_KEY_BYTES;

/// Makes a key set.
pub(crate) fn generate(progress: &dyn Progress) -> Result<Payloads, SchemeError> {
    let fingerprint = key_fingerprint().0;
    let mut payloads = Payloads {
        // Never reallocated, so that no copy of the secrets stays in memory.
        client: Vec::with_capacity(CLIENT_KEY_BYTES),
        public: fingerprint.to_vec(),
        evaluation: fingerprint.to_vec(),
    };
    payloads.client.extend(fingerprint);
    let mut rng = rand::rng();
    for (done, set) in (1..).zip(SETS) {
        let parameters = parameters(&set)?;
        let coefficients: Zeroizing<Vec<i64>> =
            Zeroizing::new((0..set.degree).map(|_| rng.random_range(-1..=1)).collect());
        let secret = secret_key(&coefficients, &parameters)?;
        push_ternary(&mut payloads.client, &coefficients);
        payloads
            .public
            .extend(PublicKey::new(&secret, &mut rng).to_bytes());
        let relinearisation = RelinearizationKey::new(&secret, &mut rng)
            .map_err(library("making the relinearisation key"))?;
        push_relinearisation_key(
            &mut payloads.evaluation,
            &relinearisation,
            context(&parameters, set.primes)?,
        )?;
        progress.advance(done, SETS.len() as u64);
    }
    Ok(payloads)
}

/// The library's secret key from its coefficients, for which it offers its serialised form only.
fn secret_key(
    coefficients: &[i64],
    parameters: &Arc<BfvParameters>,
) -> Result<SecretKey, SchemeError> {
    let mut proto = SecretKeyProto {
        coeffs: coefficients.to_vec(),
    };
    let serialised = Zeroizing::new(proto.encode_to_vec());
    proto.coeffs.zeroize();
    SecretKey::from_bytes(&serialised, parameters).map_err(library("reading the secret key"))
}

/// Both polynomials of each digit, the second one regrown from the seed as the library does.
fn push_relinearisation_key(
    payload: &mut Vec<u8>,
    key: &RelinearizationKey,
    context: &Arc<Context>,
) -> Result<(), SchemeError> {
    let proto = RelinearizationKeyProto::from(key).ksk;
    let KeySwitchingKeyProto { c0, seed, .. } = proto.unwrap_or_default();
    let seed = seed.as_slice().try_into();
    let mut seeds = ChaCha8Rng::from_seed(seed.map_err(library("reading the seed"))?);
    for first in c0 {
        let first = Poly::from_bytes(&first, context).map_err(library("reading a digit"))?;
        let mut seed = [0; 32];
        seeds.fill(&mut seed);
        let second = Poly::random_from_seed(context, Representation::NttShoup, seed);
        for part in [first, second] {
            push_residues(payload, &residues(&part));
        }
    }
    Ok(())
}

/// The client key of scheme `bfv`.
pub(crate) struct BfvClientKey {
    key_id: KeyId,
    keys: Vec<SetKey>,
}

struct SetKey {
    set: ParameterSet,
    parameters: Arc<BfvParameters>,
    /// The prime that results are under.
    prime: Vec<lean::prime::Prime>,
    secret: SecretKey,
}

impl BfvClientKey {
    pub(crate) fn read(key_id: KeyId, payload: &[u8]) -> Result<Self, SchemeError> {
        check_length("bfv client key", CLIENT_KEY_BYTES, payload.len())?;
        let mut rest = check_fingerprint("the client key", payload, key_fingerprint())?;
        let mut keys = Vec::with_capacity(SETS.len());
        for set in SETS {
            let (key, after) = rest.split_at(ternary_bytes(set.degree).min(rest.len()));
            rest = after;
            let parameters = parameters(&set)?;
            let coefficients = read_ternary("bfv client key", key)?;
            keys.push(SetKey {
                set,
                prime: set
                    .moduli()
                    .into_iter()
                    .take(1)
                    .filter_map(lean::prime::Prime::new)
                    .collect(),
                secret: secret_key(&coefficients, &parameters)?,
                parameters,
            });
        }
        Ok(Self { key_id, keys })
    }
}

impl SetKey {
    /// The slots of a result.
    fn slots(&self, map: &[u8]) -> Result<Vec<u64>, SchemeError> {
        let bytes = self.set.polynomial_bytes(1);
        check_length("bfv map tile", 2 * bytes, map.len())?;
        let context = context(&self.parameters, 1)?;
        let parts = map
            .chunks(bytes)
            .map(|part| {
                let part = read_residues("bfv map tile", part, self.set.degree, &self.prime)?;
                polynomial(&part, context)
            })
            .collect::<Result<Vec<Poly>, _>>()?;
        let ciphertext =
            Ciphertext::new(parts, &self.parameters).map_err(library("reading the map tile"))?;
        let plaintext = self.secret.try_decrypt(&ciphertext);
        let plaintext = plaintext.map_err(library("decrypting"))?;
        let encoding = Encoding::simd_at_level(self.set.primes - 1);
        Vec::try_decode(&plaintext, encoding).map_err(library("decoding"))
    }
}

impl Key for BfvClientKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Bfv
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl ClientKey for BfvClientKey {
    fn decrypt(&self, spec: &StreamSpec, tile: u32, map: &[u8]) -> Result<Vec<u8>, SchemeError> {
        check_scheme(SchemeId::Bfv, spec)?;
        let windows = window_count(spec, tile)?;
        let kernel = spec.pool().kernel();
        let set = for_kernel(kernel);
        let malformed = |why| SchemeError::Malformed {
            what: "bfv map tile",
            why,
        };
        let key = self.keys.iter().find(|key| key.set == set);
        let key = key.ok_or(malformed(
            "the key does not serve the kernel's parameter set",
        ))?;
        let on = Integers {
            modulus: PLAINTEXT_MODULUS.into(),
        };
        let none = none_reached(&on, kernel, &0);
        let none = none.ok_or(malformed("there is no circuit for its kernel"))?;
        let slots = key.slots(map)?;
        thermometer::decode(&slots, windows, spec.quantiser().level_count(), none as u64)
    }
}

#[cfg(test)]
mod measured_noise;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;
    use cipherframe::{PoolSpec, Quantiser};

    #[test]
    fn what_no_worker_made_is_refused_and_never_read_as_levels() {
        let keys = generate(SchemeId::Bfv, &()).unwrap();
        let client = BfvClientKey::read(keys.client.key_id(), keys.client.payload()).unwrap();
        let pool = PoolSpec::new(2, 2, 0).unwrap();
        let spec =
            StreamSpec::new(SchemeId::Bfv, 8, 8, Quantiser::from_bits(4).unwrap(), pool).unwrap();
        let bytes = 2 * SETS[0].polynomial_bytes(1);
        // Residues that are in range and belong to no ciphertext: random slots.
        let noise: Vec<u8> = (0..bytes)
            .map(|at| (at * at * 31 + at * 7) as u8 & 0x77)
            .collect();
        let refusal = client.decrypt(&spec, 0, &noise).unwrap_err();
        assert!(matches!(refusal, SchemeError::Corrupt { .. }), "{refusal}");
        let refusal = client.decrypt(&spec, 0, &vec![0xff; bytes]).unwrap_err();
        assert!(
            matches!(refusal, SchemeError::Malformed { .. }),
            "{refusal}"
        );
        let refusal = client.decrypt(&spec, 0, &noise[1..]).unwrap_err();
        assert!(matches!(refusal, SchemeError::Length { .. }), "{refusal}");
        let refusal = client.decrypt(&spec, 1, &noise).unwrap_err();
        assert!(matches!(refusal, SchemeError::Tile { .. }), "{refusal}");
    }

    #[test]
    fn keys_have_the_lengths_that_the_scheme_states() {
        let keys = generate(SchemeId::Bfv, &()).unwrap();
        let scheme = SchemeId::Bfv.get();
        assert_eq!(keys.client.payload().len(), CLIENT_KEY_BYTES);
        assert_eq!(keys.public.payload().len(), scheme.public_key_bytes());
        assert_eq!(
            keys.evaluation.payload().len(),
            scheme.evaluation_key_bytes()
        );
    }
}
