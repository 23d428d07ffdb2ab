//! The client key: it makes all the keys and alone decrypts.
//!
//! Only the viewer (and the command that makes keys for it) depends on this crate. Camera, broker and worker do not, so
//! their code cannot even name a client key; a test walks their dependency trees.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod bfv;
mod camera_secret;
mod key_set;
mod plain;
mod tfhe;

pub use camera_secret::{CAMERA_SECRET_KEY_FILE, camera_secret_key};
pub use key_set::{
    CLIENT_KEY_FILE, EVALUATION_KEY_FILE, GenerateError, KeySet, PUBLIC_KEY_FILE, generate,
};

use cipherframe::keys::KeyError;
use cipherframe::{Key, KeyId, SchemeError, SchemeId, StreamSpec};
use keyfile::Role;
use std::path::Path;
use std::sync::Arc;

/// The key that decrypts maps. Whoever holds it sees what the cameras see.
pub trait ClientKey: Key {
    /// Decrypts map tile `tile`: one level per window, in the order of `TilePlan::windows`.
    fn decrypt(
        &self,
        spec: &StreamSpec,
        tile: u32,
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, SchemeError>;
}

/// Loads a client key. Its file must be readable by its owner alone.
pub fn load(path: &Path) -> Result<Arc<dyn ClientKey>, KeyError> {
    let (file, scheme) = cipherframe::keys::read(path, Role::ClientKey, |scheme| {
        client_key_bytes(scheme.id())
    })?;
    read_client_key(scheme.id(), file.key_id(), file.payload()).map_err(|source| KeyError::Key {
        path: path.to_owned(),
        source,
    })
}

/// The client key of a scheme from its payload; `key_id` names the key set it belongs to.
pub fn read_client_key(
    scheme: SchemeId,
    key_id: KeyId,
    payload: &[u8],
) -> Result<Arc<dyn ClientKey>, SchemeError> {
    Ok(match scheme {
        SchemeId::Plain => Arc::new(plain::PlainClientKey::read(key_id, payload)?),
        SchemeId::Tfhe => Arc::new(tfhe::TfheClientKey::read(key_id, payload)?),
        SchemeId::Bfv => Arc::new(bfv::BfvClientKey::read(key_id, payload)?),
    })
}

/// The exact payload length of a scheme's client key, in bytes.
fn client_key_bytes(scheme: SchemeId) -> usize {
    match scheme {
        SchemeId::Plain => 0,
        SchemeId::Tfhe => tfhe::CLIENT_KEY_BYTES,
        SchemeId::Bfv => bfv::CLIENT_KEY_BYTES,
    }
}
