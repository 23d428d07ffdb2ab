//! The camera secret key: what a camera in key mode `secret` encrypts with.
//!
//! It is the client key under another role, so a file of it is made only when somebody asks for one, and a camera that
//! holds it could decrypt every frame and map of its key set.

use crate::{client_key_bytes, read_client_key};
use cipherframe::SchemeError;
use cipherframe::keys::KeyError;
use keyfile::{KeyFile, Role};
use std::path::Path;

/// File name of a camera secret key.
pub const CAMERA_SECRET_KEY_FILE: &str = "camera-secret.key";

/// The camera secret key of the key set whose client key is at `path`, with the same key id.
///
/// # Errors
/// When the client key cannot be used, or is of a scheme that cameras use with their public key only.
pub fn camera_secret_key(path: &Path) -> Result<KeyFile, KeyError> {
    let (file, scheme) = cipherframe::keys::read(path, Role::ClientKey, |scheme| {
        client_key_bytes(scheme.id())
    })?;
    let scheme = scheme.id();
    let unusable = |source| KeyError::Key {
        path: path.to_owned(),
        source,
    };
    if scheme.get().camera_secret_key_bytes().is_none() {
        return Err(unusable(SchemeError::NoSecretKeyMode { scheme }));
    }
    let key_id = file.key_id();
    // A key that nobody could encrypt with is not handed out.
    read_client_key(scheme, key_id, file.payload()).map_err(unusable)?;
    let payload = file.into_payload();
    Ok(KeyFile::new(
        Role::CameraSecretKey,
        scheme.as_str(),
        key_id,
        payload,
    )?)
}
