//! The client keys that a viewer decrypts with, by key set.

use std::path::PathBuf;

use cipherframe::keys::KeyError;
use client_key::ClientKey;
use wire::failure::{Failure, FailureKind};

/// The client keys of a viewer. A tile's header names its key set; the viewer decrypts with that set's key.
pub(crate) type Keyring = cipherframe::Keyring<dyn ClientKey>;

/// Loads the keys in the files `paths`. Blocks. Keys of the scheme `plain` are only taken with `insecure_plain`.
pub(crate) fn load(paths: &[PathBuf], insecure_plain: bool) -> Result<Keyring, Failure> {
    Keyring::load(paths, insecure_plain, client_key::load).map_err(failure)
}

fn failure(error: KeyError) -> Failure {
    match error {
        KeyError::File(error) => error.into(),
        KeyError::Plain { .. } | KeyError::Twice { .. } => {
            Failure::of(FailureKind::Configuration, &error)
        }
        other => Failure::of(FailureKind::BadData, &other),
    }
}
