//! Ed25519 verifying keys and the short ids that envelopes name them by.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::Signature;

use crate::hex;

/// Names a verifying key in an envelope: the first 16 bytes of its BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignerId([u8; 16]);

/// Checks the signatures of one node.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

/// Why bytes or a text are no verifying key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyingKeyError {
    /// The text is not 64 hexadecimal digits.
    #[error("a verifying key has 64 hexadecimal digits")]
    Digits,
    /// No Ed25519 key has these bytes.
    #[error("these 32 bytes are no Ed25519 key")]
    Point,
    /// A key of small order, for which anybody can make signatures.
    #[error("this is a weak Ed25519 key, which proves nothing")]
    Weak,
}

impl SignerId {
    /// An id as it stands in an envelope.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SignerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for SignerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl VerifyingKey {
    /// Length of a key in bytes.
    pub const BYTES: usize = 32;

    /// A key from its 32 bytes.
    ///
    /// # Errors
    /// When they are no point of the curve, or one of small order.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, VerifyingKeyError> {
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| VerifyingKeyError::Point)?;
        if key.is_weak() {
            return Err(VerifyingKeyError::Weak);
        }
        Ok(Self(key))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        self.0.as_bytes()
    }

    /// The id that envelopes name this key by.
    #[must_use]
    pub fn signer_id(&self) -> SignerId {
        SignerId(*keyfile::KeyId::of(self.as_bytes()).as_bytes())
    }

    /// Whether `signature` is this key's over `signed`, by the strict rules (no malleable or weak
    /// signatures).
    pub(crate) fn accepts(&self, signed: &[u8], signature: &[u8; 64]) -> bool {
        self.0
            .verify_strict(signed, &Signature::from_bytes(signature))
            .is_ok()
    }
}

impl From<ed25519_dalek::VerifyingKey> for VerifyingKey {
    /// For keys that follow from a signing key, which are never weak.
    fn from(key: ed25519_dalek::VerifyingKey) -> Self {
        Self(key)
    }
}

impl FromStr for VerifyingKey {
    type Err = VerifyingKeyError;

    fn from_str(text: &str) -> Result<Self, VerifyingKeyError> {
        Self::from_bytes(&hex::read(text).ok_or(VerifyingKeyError::Digits)?)
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, self.as_bytes())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8032, section 7.1, test 2.
    const KEY: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

    #[test]
    fn a_key_reads_as_it_prints_and_checks_signatures() {
        let key: VerifyingKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        assert_eq!(KEY.to_uppercase().parse::<VerifyingKey>().unwrap(), key);
        let signature: [u8; 64] = hex::read(SIGNATURE).unwrap();
        assert!(key.accepts(&[0x72], &signature));
        assert!(!key.accepts(&[0x73], &signature));
        assert_eq!(
            &key.signer_id().as_bytes()[..],
            &blake3::hash(key.as_bytes()).as_bytes()[..16]
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let refusal = |text: &str| text.parse::<VerifyingKey>().unwrap_err();
        assert_eq!(refusal(""), VerifyingKeyError::Digits);
        assert_eq!(refusal(&KEY[1..]), VerifyingKeyError::Digits);
        assert_eq!(refusal(&KEY.replace('3', "g")), VerifyingKeyError::Digits);
        // y = 2 has no x on the curve; y = 1 is the neutral element.
        assert_eq!(
            refusal(&format!("02{}", "00".repeat(31))),
            VerifyingKeyError::Point
        );
        assert_eq!(
            refusal(&format!("01{}", "00".repeat(31))),
            VerifyingKeyError::Weak
        );
    }
}
