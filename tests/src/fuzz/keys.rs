//! The keys of each scheme, without the files around them.
//!
//! Keys are long and mostly numbers that may have any value, so an input is mostly a script of edits to a valid key.

use std::sync::OnceLock;

use cipherframe::scheme::FINGERPRINT_BYTES;
use cipherframe::{KeyId, Progress, SchemeError, SchemeId};
use client_key::{CLIENT_KEY_FILE, EVALUATION_KEY_FILE, PUBLIC_KEY_FILE};
use keyfile::{KeyFile, Role};

use super::edits::edited;
use super::envelopes::refused;
use crate::key_cache::key_set;

/// Set in the first byte of an input whose other bytes are the key itself, behind the right fingerprint.
const WHOLE: u8 = 0x80;

/// The kinds of keys, by the lowest bits of the first byte of an input.
const KINDS: [&str; 4] = ["public", "evaluation", "client", "camera-secret"];

/// Keys of scheme `plain`.
pub fn plain_keys(data: &[u8]) -> bool {
    keys(SchemeId::Plain, data)
}

/// Keys of scheme `bfv`.
pub fn bfv_keys(data: &[u8]) -> bool {
    keys(SchemeId::Bfv, data)
}

/// Keys of scheme `tfhe`. Evaluation keys are read, and not expanded, which takes seconds.
pub fn tfhe_keys(data: &[u8]) -> bool {
    keys(SchemeId::Tfhe, data)
}

/// The payloads of the valid keys of a scheme.
pub(super) struct Payloads {
    pub(super) public: Vec<u8>,
    pub(super) evaluation: Vec<u8>,
    pub(super) client: Vec<u8>,
}

/// The valid keys of a scheme.
pub(super) fn payloads(scheme: SchemeId) -> &'static Payloads {
    static PAYLOADS: [OnceLock<Payloads>; 3] = [const { OnceLock::new() }; 3];
    let place = SchemeId::ALL.iter().position(|known| *known == scheme);
    PAYLOADS[place.unwrap()].get_or_init(|| {
        let folder = key_set(scheme);
        let payload = |file, role| {
            let file = KeyFile::read(&folder.join(file), role, usize::MAX).unwrap();
            file.payload().to_vec()
        };
        Payloads {
            public: payload(PUBLIC_KEY_FILE, Role::CameraPublicKey),
            evaluation: payload(EVALUATION_KEY_FILE, Role::EvaluationKey),
            client: payload(CLIENT_KEY_FILE, Role::ClientKey),
        }
    })
}

pub(super) fn key_id() -> KeyId {
    KeyId::from_bytes([7; 16])
}

/// Somebody who has no time: what takes long ends when the bytes have been read.
pub(super) struct InNoTime;

impl Progress for InNoTime {
    fn advance(&self, _done: u64, _total: u64) {}

    fn cancelled(&self) -> bool {
        true
    }
}

/// Whether bytes were accepted. Work that was cancelled has read them.
pub(super) fn accepted<T>(result: Result<T, SchemeError>) -> bool {
    match result {
        Ok(_) | Err(SchemeError::Cancelled) => true,
        Err(error) => refused(&error),
    }
}

fn keys(scheme: SchemeId, data: &[u8]) -> bool {
    let Some((selector, rest)) = data.split_first() else {
        return false;
    };
    let kind = KINDS[usize::from(*selector) % KINDS.len()];
    let valid = payloads(scheme);
    let valid = match kind {
        "public" => &valid.public,
        "evaluation" => &valid.evaluation,
        // A camera secret key has the bytes of the client key.
        _ => &valid.client,
    };
    let key = if selector & WHOLE != 0 {
        let fingerprint = &valid[..FINGERPRINT_BYTES.min(valid.len())];
        [fingerprint, rest].concat()
    } else {
        edited(valid.clone(), rest)
    };
    let (id, reader) = (key_id(), scheme.get());
    match kind {
        "public" => accepted(reader.read_public_key(id, &key)),
        "evaluation" if scheme == SchemeId::Tfhe => {
            accepted(scheme.evaluation().read_evaluation_key(id, &key, &InNoTime))
        }
        "evaluation" => accepted(scheme.evaluation().read_evaluation_key(id, &key, &())),
        "client" => accepted(client_key::read_client_key(scheme, id, &key)),
        _ => accepted(reader.read_camera_secret_key(id, &key)),
    }
}

pub(super) fn valid_inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let kinds = match target {
        // The one scheme that cameras may use with the secret key.
        "bfv_keys" => 4,
        _ => 3,
    };
    let input = |kind: usize| (KINDS[kind].to_owned(), vec![kind as u8]);
    (0..kinds).map(input).collect()
}
