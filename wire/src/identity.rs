//! Who a node is: its name and its signing key, and the public half that others enrol.

use std::fmt;
use std::path::Path;

use ed25519_dalek::{Signer, SigningKey};
use keyfile::{KeyFile, KeyFileError, KeyId, Role};
use zeroize::Zeroizing;

use crate::name::{Name, NameError};
use crate::random::{self, RandomError};
use crate::verifying_key::{SignerId, VerifyingKey, VerifyingKeyError};

const ALGORITHM: &str = "ed25519";
const KEY_BYTES: usize = 32;
const MAX_PAYLOAD_BYTES: usize = Name::MAX_BYTES + KEY_BYTES;

/// A node's name and Ed25519 signing key. The key is wiped from memory when this is dropped.
#[derive(Clone)]
pub struct SigningIdentity {
    name: Name,
    key: SigningKey,
}

/// The public half of a [`SigningIdentity`]: what a node hands over to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicIdentity {
    /// The node's name.
    pub name: Name,
    /// Checks the node's signatures.
    pub key: VerifyingKey,
}

/// Why an identity cannot be made or loaded. Messages are "what happened; what to do".
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key in the file belongs to another algorithm.
    #[error("the {role} is for `{algorithm}`, nodes sign with `{ALGORITHM}`; name another file")]
    Algorithm {
        /// The file's role.
        role: Role,
        /// The algorithm in the file.
        algorithm: String,
    },
    /// The file is too short to hold a name and a key.
    #[error("the {role} has {bytes} bytes, too few for a name and a key; make a new key")]
    Length {
        /// The file's role.
        role: Role,
        /// Length of the file's payload.
        bytes: usize,
    },
    /// The name in the file is none.
    #[error("the {role} holds a bad name: {source}")]
    Name {
        /// The file's role.
        role: Role,
        /// What is wrong with it.
        source: NameError,
    },
    /// The verifying key in the file is none.
    #[error("the verifying key of `{name}` is bad: {source}; export it again")]
    Key {
        /// The node.
        name: Name,
        /// What is wrong with it.
        source: VerifyingKeyError,
    },
    /// No randomness to make a key from.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl SigningIdentity {
    /// Makes a fresh signing key for a node, to be written with [`KeyFile::create`].
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate(name: &Name) -> Result<KeyFile, IdentityError> {
        let seed = Zeroizing::new(random::bytes::<KEY_BYTES>()?);
        Self::from_seed(name.clone(), &seed).to_key_file()
    }

    /// An identity from a known seed, for tests and golden files.
    #[must_use]
    pub fn from_seed(name: Name, seed: &[u8; KEY_BYTES]) -> Self {
        Self {
            name,
            key: SigningKey::from_bytes(seed),
        }
    }

    /// Loads a node's signing key file.
    ///
    /// # Errors
    /// When the file is refused by [`KeyFile::read`] or holds no name and seed.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        Self::from_key_file(&KeyFile::read(path, Role::SigningKey, MAX_PAYLOAD_BYTES)?)
    }

    /// Takes the identity out of a key file in memory.
    ///
    /// # Errors
    /// When the file is of another algorithm or holds no name and seed.
    pub fn from_key_file(file: &KeyFile) -> Result<Self, IdentityError> {
        let (name, seed) = name_and_key(file)?;
        Ok(Self::from_seed(name, seed))
    }

    /// The identity as a key file of role [`Role::SigningKey`]: payload name, then seed; its key id
    /// is the signer id.
    ///
    /// # Errors
    /// Never with today's constants; the key file checks its algorithm's name.
    pub fn to_key_file(&self) -> Result<KeyFile, IdentityError> {
        key_file(
            Role::SigningKey,
            &self.name,
            self.key.as_bytes(),
            self.signer_id(),
        )
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The key that checks this node's signatures.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key().into()
    }

    /// The id that this node's envelopes name its key by.
    #[must_use]
    pub fn signer_id(&self) -> SignerId {
        self.verifying_key().signer_id()
    }

    /// The half of this identity that others may know.
    #[must_use]
    pub fn public(&self) -> PublicIdentity {
        PublicIdentity {
            name: self.name.clone(),
            key: self.verifying_key(),
        }
    }

    /// Signs bytes that already begin with a domain string.
    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

impl fmt::Debug for SigningIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningIdentity")
            .field("name", &self.name)
            .field("signer_id", &self.signer_id())
            .finish_non_exhaustive()
    }
}

impl PublicIdentity {
    /// Loads an exported verifying key file.
    ///
    /// # Errors
    /// When the file is refused by [`KeyFile::read`] or holds no name and verifying key.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        Self::from_key_file(&KeyFile::read(path, Role::VerifyingKey, MAX_PAYLOAD_BYTES)?)
    }

    /// Takes the identity out of a key file in memory.
    ///
    /// # Errors
    /// When the file is of another algorithm or holds no name and verifying key.
    pub fn from_key_file(file: &KeyFile) -> Result<Self, IdentityError> {
        let (name, key) = name_and_key(file)?;
        match VerifyingKey::from_bytes(key) {
            Ok(key) => Ok(Self { name, key }),
            Err(source) => Err(IdentityError::Key { name, source }),
        }
    }

    /// The identity as a key file of role [`Role::VerifyingKey`]: payload name, then key; its key
    /// id is the signer id.
    ///
    /// # Errors
    /// Never with today's constants; the key file checks its algorithm's name.
    pub fn to_key_file(&self) -> Result<KeyFile, IdentityError> {
        key_file(
            Role::VerifyingKey,
            &self.name,
            self.key.as_bytes(),
            self.key.signer_id(),
        )
    }
}

fn key_file(
    role: Role,
    name: &Name,
    key: &[u8; KEY_BYTES],
    id: SignerId,
) -> Result<KeyFile, IdentityError> {
    let mut payload = Zeroizing::new(Vec::with_capacity(MAX_PAYLOAD_BYTES));
    payload.extend_from_slice(name.as_str().as_bytes());
    payload.extend_from_slice(key);
    Ok(KeyFile::new(
        role,
        ALGORITHM,
        KeyId::from_bytes(*id.as_bytes()),
        payload,
    )?)
}

/// Splits a payload: the last 32 bytes are the key, the name is before them.
fn name_and_key(file: &KeyFile) -> Result<(Name, &[u8; KEY_BYTES]), IdentityError> {
    let role = file.role();
    if file.algorithm() != ALGORITHM {
        return Err(IdentityError::Algorithm {
            role,
            algorithm: file.algorithm().into(),
        });
    }
    let (name, key) = file
        .payload()
        .split_last_chunk()
        .ok_or(IdentityError::Length {
            role,
            bytes: file.payload().len(),
        })?;
    // Bytes that are no text become a character that no name may hold.
    let name = String::from_utf8_lossy(name)
        .parse()
        .map_err(|source| IdentityError::Name { role, source })?;
    Ok((name, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn gate() -> Name {
        "gate".parse().unwrap()
    }

    #[test]
    fn an_identity_survives_its_file() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("signing.key");
        let file = SigningIdentity::generate(&gate()).unwrap();
        file.create(&path).unwrap();
        let loaded = SigningIdentity::load(&path).unwrap();
        assert_eq!(loaded.name(), &gate());
        assert_eq!(file.key_id().as_bytes(), loaded.signer_id().as_bytes());
        let signature = loaded.sign(b"bytes");
        assert!(loaded.verifying_key().accepts(b"bytes", &signature));
        assert!(!loaded.verifying_key().accepts(b"byteS", &signature));
        let other = SigningIdentity::from_key_file(&SigningIdentity::generate(&gate()).unwrap());
        assert!(!other.unwrap().verifying_key().accepts(b"bytes", &signature));
    }

    #[test]
    fn the_public_half_survives_its_file_and_holds_no_seed() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("verifying.key");
        let identity = SigningIdentity::from_seed(gate(), &[7; 32]);
        identity
            .public()
            .to_key_file()
            .unwrap()
            .create(&path)
            .unwrap();
        assert_eq!(PublicIdentity::load(&path).unwrap(), identity.public());
        assert!(
            !std::fs::read(&path)
                .unwrap()
                .windows(32)
                .any(|part| part == [7; 32])
        );
        let refused = SigningIdentity::load(&path).unwrap_err();
        assert!(matches!(
            refused,
            IdentityError::KeyFile(KeyFileError::WrongRole { .. })
        ));
    }

    #[test]
    fn the_seed_never_shows() {
        let shown = format!("{:?}", SigningIdentity::from_seed(gate(), &[7; 32]));
        let id = SigningIdentity::from_seed(gate(), &[7; 32]).signer_id();
        assert_eq!(
            shown,
            format!("SigningIdentity {{ name: \"gate\", signer_id: {id}, .. }}")
        );
    }

    #[test]
    fn bad_payloads_are_refused() {
        let load = |role, algorithm: &str, payload: &[u8]| {
            let payload = Zeroizing::new(payload.to_vec());
            let file = KeyFile::new(role, algorithm, KeyId::of(b""), payload).unwrap();
            match role {
                Role::VerifyingKey => PublicIdentity::from_key_file(&file)
                    .unwrap_err()
                    .to_string(),
                _ => SigningIdentity::from_key_file(&file)
                    .unwrap_err()
                    .to_string(),
            }
        };
        assert_eq!(
            load(Role::SigningKey, "tfhe", &[b'a'; 40]),
            "the signing key is for `tfhe`, nodes sign with `ed25519`; name another file"
        );
        assert_eq!(
            load(Role::SigningKey, "ed25519", &[b'a'; 31]),
            "the signing key has 31 bytes, too few for a name and a key; make a new key"
        );
        assert_eq!(
            load(Role::SigningKey, "ed25519", &[b'a'; 32]),
            "the signing key holds a bad name: a name is empty; write 1 to 32 characters of a-z, \
             0-9, `_` and `-`"
        );
        let mut weak = b"gate\x01".to_vec();
        weak.resize(36, 0);
        assert_eq!(
            load(Role::VerifyingKey, "ed25519", &weak),
            "the verifying key of `gate` is bad: this is a weak Ed25519 key, which proves nothing; \
             export it again"
        );
        assert!(load(Role::SigningKey, "ed25519", &[0xff; 40]).contains("bad name"));
    }
}
