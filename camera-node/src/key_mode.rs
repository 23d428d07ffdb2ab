//! Which kind of key a camera encrypts with.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Which kind of key a camera encrypts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyMode {
    /// A public key, which cannot decrypt.
    #[default]
    Public,
    /// The secret key: tiles have half the bytes, and the camera holds the key that decrypts.
    Secret,
}

/// A word that names no [`KeyMode`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown key mode `{0}`; known are: public, secret")]
pub struct UnknownKeyMode(String);

impl KeyMode {
    /// The name, as in configuration files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            KeyMode::Public => "public",
            KeyMode::Secret => "secret",
        }
    }

    pub(crate) fn other(self) -> KeyMode {
        match self {
            KeyMode::Public => KeyMode::Secret,
            KeyMode::Secret => KeyMode::Public,
        }
    }
}

impl fmt::Display for KeyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyMode {
    type Err = UnknownKeyMode;

    fn from_str(name: &str) -> Result<KeyMode, UnknownKeyMode> {
        let found = [KeyMode::Public, KeyMode::Secret]
            .into_iter()
            .find(|mode| mode.as_str() == name);
        found.ok_or_else(|| UnknownKeyMode(name.to_owned()))
    }
}
