//! The client keys that a viewer decrypts with, by key set.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use cipherframe::SchemeId;
use cipherframe::keys::KeyError;
use client_key::ClientKey;
use wire::failure::{Failure, FailureKind};

/// The client keys of a viewer. A tile's header names its key set; the viewer decrypts with that set's key.
#[derive(Default)]
pub(crate) struct Keyring {
    keys: HashMap<[u8; 16], Arc<dyn ClientKey>>,
}

impl Keyring {
    /// Loads the keys in the files `paths`. Blocks. Keys of the scheme `plain` are only taken with `insecure_plain`.
    pub(crate) fn load(paths: &[PathBuf], insecure_plain: bool) -> Result<Self, Failure> {
        let mut keyring = Self::default();
        for path in paths {
            let key = client_key::load(path).map_err(failure)?;
            if key.scheme() == SchemeId::Plain && !insecure_plain {
                return Err(Failure::new(
                    FailureKind::Configuration,
                    format!(
                        "{} is a key of the scheme `plain`, which hides nothing",
                        path.display()
                    ),
                    "give a key of another scheme, or pass `--insecure-plain` for a dry run",
                ));
            }
            if let Some(twice) = keyring.insert(key) {
                return Err(Failure::new(
                    FailureKind::Configuration,
                    format!(
                        "{} is a second client key of key set {}",
                        path.display(),
                        twice.key_id()
                    ),
                    "name each key set once in `decrypt.client_keys`",
                ));
            }
        }
        Ok(keyring)
    }

    /// Adds a key and returns the one of the same key set that it replaces.
    pub(crate) fn insert(&mut self, key: Arc<dyn ClientKey>) -> Option<Arc<dyn ClientKey>> {
        self.keys.insert(*key.key_id().as_bytes(), key)
    }

    /// The key of the key set that a tile names.
    pub(crate) fn get(&self, key_id: &[u8; 16]) -> Option<&Arc<dyn ClientKey>> {
        self.keys.get(key_id)
    }
}

fn failure(error: KeyError) -> Failure {
    let mend = "use the client.key that `blindsight keys new` made with the camera's public key";
    match error {
        KeyError::File(error) => error.into(),
        other => Failure::new(FailureKind::BadData, other.to_string(), mend),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_keys_are_refused_unless_allowed_and_each_key_set_counts_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = client_key::generate(SchemeId::Plain, &()).expect("keys");
        let path = folder.path().join("client.key");
        keys.client.create(&path).expect("written");
        let shown = path.display();
        let load = |paths: &[PathBuf], plain| Keyring::load(paths, plain).map(|_| ());
        let once = [path.clone()];
        let failure = load(&once, false).expect_err("a refusal");
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert_eq!(
            failure.to_string(),
            format!(
                "{shown} is a key of the scheme `plain`, which hides nothing\n  \
                 help: give a key of another scheme, or pass `--insecure-plain` for a dry run"
            )
        );
        assert_eq!(load(&once, true), Ok(()));
        let failure = load(&[path.clone(), path.clone()], true).expect_err("a refusal");
        let id = keys.client.key_id();
        assert_eq!(
            failure.to_string(),
            format!(
                "{shown} is a second client key of key set {id}\n  \
                 help: name each key set once in `decrypt.client_keys`"
            )
        );
    }
}
