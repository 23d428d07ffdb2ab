//! Names of key sets.

use std::fmt;
use std::str::FromStr;

/// Names a key set: the client key, camera public key and evaluation key made together share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 16]);

/// A text that is no [`KeyId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 32 hexadecimal digits")]
pub struct KeyIdError;

impl KeyId {
    /// An id from its 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The first 16 bytes of the BLAKE3 hash of `payload`. Take something public, for ids are shown
    /// and logged.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        let mut id = [0; 16];
        let mut hash = blake3::Hasher::new().update(payload).finalize_xof();
        hash.fill(&mut id);
        Self(id)
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    /// Reads what [`fmt::Display`] writes, in either case.
    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        // Digits alone: the parser of integers takes a sign too.
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(KeyIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| KeyIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_start_of_the_hash_in_hex() {
        // The BLAKE3 hash of nothing, from its published test vectors.
        assert_eq!(
            KeyId::of(b"").to_string(),
            "af1349b9f5f9a1a6a0404dea36dcc949"
        );
        assert_eq!(
            KeyId::of(b"x").as_bytes(),
            &blake3::hash(b"x").as_bytes()[..16]
        );
    }

    #[test]
    fn an_id_reads_as_it_prints() {
        let id = KeyId::of(b"");
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_uppercase().parse(), Ok(id));
        assert_eq!("00".repeat(16).parse(), Ok(KeyId::from_bytes([0; 16])));
        let signed = format!("+{}", &text[1..]);
        for other in [
            "",
            &text[1..],
            &format!("{text}0"),
            &signed,
            &"g".repeat(32),
            &"é".repeat(16),
        ] {
            assert_eq!(other.parse::<KeyId>(), Err(KeyIdError), "{other}");
        }
    }
}
