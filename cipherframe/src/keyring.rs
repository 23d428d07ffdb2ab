//! Several keys of one kind, found by the key set that a tile names.

use crate::keys::KeyError;
use crate::scheme::{Key, SchemeId};
use keyfile::KeyId;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The evaluation keys of a worker (`Keyring<dyn EvaluationKey>`) or the client keys of a viewer.
pub struct Keyring<K: ?Sized> {
    keys: HashMap<KeyId, Arc<K>>,
}

impl<K: ?Sized> Default for Keyring<K> {
    fn default() -> Self {
        Self {
            keys: HashMap::new(),
        }
    }
}

impl<K: Key + ?Sized> Keyring<K> {
    /// Loads the keys in the files `paths` with `load`. Keys of the scheme `plain`, which hides nothing, are only taken
    /// with `insecure_plain`, and each key set only once.
    pub fn load(
        paths: &[PathBuf],
        insecure_plain: bool,
        mut load: impl FnMut(&Path) -> Result<Arc<K>, KeyError>,
    ) -> Result<Self, KeyError> {
        let mut keyring = Self::default();
        for path in paths {
            let key = load(path)?;
            if key.scheme() == SchemeId::Plain && !insecure_plain {
                return Err(KeyError::Plain { path: path.clone() });
            }
            if let Some(twice) = keyring.insert(key) {
                return Err(KeyError::Twice {
                    path: path.clone(),
                    key_id: twice.key_id(),
                });
            }
        }
        Ok(keyring)
    }

    /// Adds a key and returns the one of the same key set that it replaces.
    pub fn insert(&mut self, key: Arc<K>) -> Option<Arc<K>> {
        self.keys.insert(key.key_id(), key)
    }

    /// The key of a key set.
    pub fn get(&self, key_id: KeyId) -> Option<&Arc<K>> {
        self.keys.get(&key_id)
    }

    /// The schemes that there are keys of.
    pub fn schemes(&self) -> BTreeSet<SchemeId> {
        self.keys.values().map(|key| key.scheme()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EvaluationKey;

    #[test]
    fn plain_keys_are_refused_unless_allowed_and_each_key_set_counts_once() {
        let key_id = KeyId::from_bytes([4; 16]);
        let load = |paths: &[PathBuf], insecure_plain| {
            let key = |_: &Path| {
                let plain = SchemeId::Plain.evaluation();
                Ok(plain.read_evaluation_key(key_id, &[], &()).unwrap())
            };
            Keyring::<dyn EvaluationKey>::load(paths, insecure_plain, key)
        };
        let path = PathBuf::from("a.key");
        let refusal = load(std::slice::from_ref(&path), false).err().unwrap();
        assert_eq!(
            refusal.to_string(),
            "a.key is a key of the scheme plain, which hides nothing; \
             give a key of another scheme, or pass `--insecure-plain` for a dry run"
        );
        let keyring = load(std::slice::from_ref(&path), true).ok().unwrap();
        assert!(keyring.get(key_id).is_some());
        assert_eq!(keyring.schemes(), BTreeSet::from([SchemeId::Plain]));
        assert!(keyring.get(KeyId::from_bytes([5; 16])).is_none());
        let refusal = load(&[path.clone(), path], true).err().unwrap();
        assert_eq!(
            refusal.to_string(),
            "a.key is a second key of key set 04040404040404040404040404040404; \
             name each key set once in the configuration"
        );
    }
}
