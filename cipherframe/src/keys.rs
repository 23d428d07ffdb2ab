//! Reading the keys of cameras and workers from their files.
//!
//! The file says for which scheme the key is; role, permissions and size are checked before the key is read.

use crate::progress::Progress;
use crate::scheme::{EncryptionKey, EvaluationKey, Scheme, SchemeError, SchemeId, UnknownScheme};
use keyfile::{KeyFile, KeyFileError, KeyId, Role};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Why a key could not be loaded.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file could not be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The file names a scheme that this version does not know.
    #[error("key file {}: {source}", path.display())]
    Scheme {
        /// The file.
        path: PathBuf,
        /// The scheme it names.
        source: UnknownScheme,
    },
    /// A key of the scheme `plain` where that is not allowed.
    #[error("{} is a key of the scheme plain, which hides nothing; give a key of another scheme, or pass `--insecure-plain` for a dry run", path.display())]
    Plain {
        /// The file.
        path: PathBuf,
    },
    /// A second key of one key set.
    #[error("{} is a second key of key set {key_id}; name each key set once in the configuration", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The key set.
        key_id: KeyId,
    },
    /// The key inside is not usable.
    #[error("key file {}: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SchemeError,
    },
}

/// Loads a camera public key.
pub fn load_public_key(path: &Path) -> Result<Arc<dyn EncryptionKey>, KeyError> {
    let (file, scheme) = read(path, Role::CameraPublicKey, |scheme| {
        scheme.public_key_bytes()
    })?;
    scheme
        .read_public_key(file.key_id(), file.payload())
        .map_err(|source| KeyError::Key {
            path: path.to_owned(),
            source,
        })
}

/// Loads a camera secret key: for a camera that is trusted with the key that decrypts. Its file must be readable by its
/// owner alone.
pub fn load_camera_secret_key(path: &Path) -> Result<Arc<dyn EncryptionKey>, KeyError> {
    let (file, scheme) = read(path, Role::CameraSecretKey, |scheme| {
        scheme.camera_secret_key_bytes().unwrap_or(0)
    })?;
    scheme
        .read_camera_secret_key(file.key_id(), file.payload())
        .map_err(|source| KeyError::Key {
            path: path.to_owned(),
            source,
        })
}

/// Loads and expands an evaluation key, reporting progress.
pub fn load_evaluation_key(
    path: &Path,
    progress: &dyn Progress,
) -> Result<Arc<dyn EvaluationKey>, KeyError> {
    let (file, scheme) = read(path, Role::EvaluationKey, |scheme| {
        scheme.evaluation_key_bytes()
    })?;
    scheme
        .id()
        .evaluation()
        .read_evaluation_key(file.key_id(), file.payload(), progress)
        .map_err(|source| KeyError::Key {
            path: path.to_owned(),
            source,
        })
}

/// Reads the file of a key in `role`, at most as large as the largest key of that role in any scheme.
pub fn read(
    path: &Path,
    role: Role,
    bytes: impl Fn(&dyn Scheme) -> usize,
) -> Result<(KeyFile, &'static dyn Scheme), KeyError> {
    let limit = SchemeId::ALL
        .iter()
        .map(|scheme| bytes(scheme.get()))
        .max()
        .unwrap_or(0);
    let file = KeyFile::read(path, role, limit)?;
    let scheme: SchemeId = file
        .algorithm()
        .parse()
        .map_err(|source| KeyError::Scheme {
            path: path.to_owned(),
            source,
        })?;
    Ok((file, scheme.get()))
}
