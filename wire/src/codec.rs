//! Messages as bytes: bincode 2 with fixed integers, little endian, a byte limit and no trailing
//! bytes. The only place that names bincode.

use bincode::config::{self, Config};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest encoded message. The largest of today's has 732 bytes.
pub(crate) const MAX_MESSAGE_BYTES: usize = 1024;

/// Why bytes are not the wanted message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("{reason}")]
    Malformed { reason: String },
    #[error("{bytes} bytes too many")]
    TrailingBytes { bytes: usize },
}

/// Why a message cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodeError {
    #[error("{reason}")]
    Unsupported { reason: String },
    #[error("{bytes} bytes, allowed are {MAX_MESSAGE_BYTES}")]
    TooLong { bytes: usize },
}

fn format() -> impl Config {
    config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<MAX_MESSAGE_BYTES>()
}

pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, EncodeError> {
    let bytes = bincode::serde::encode_to_vec(message, format()).map_err(|error| {
        EncodeError::Unsupported {
            reason: error.to_string(),
        }
    })?;
    // bincode holds its limit against decoding only.
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(EncodeError::TooLong { bytes: bytes.len() });
    }
    Ok(bytes)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (message, used) = bincode::serde::decode_from_slice(bytes, format()).map_err(|error| {
        DecodeError::Malformed {
            reason: error.to_string(),
        }
    })?;
    match bytes.len() - used {
        0 => Ok(message),
        extra => Err(DecodeError::TrailingBytes { bytes: extra }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{FrameId, Receipt, SessionId};
    use crate::name::Name;
    use proptest::prelude::*;

    fn receipt() -> Receipt {
        let session = SessionId::from_bytes([0xab; 16]);
        let (site, camera) = ("demo".parse().unwrap(), "gate".parse().unwrap());
        Receipt {
            frame: FrameId {
                site,
                camera,
                session,
                seq: 0x0102,
            },
            logged: true,
        }
    }

    #[test]
    fn integers_are_fixed_and_little_endian() {
        let mut expected = b"\x04\0\0\0\0\0\0\0demo\x04\0\0\0\0\0\0\0gate".to_vec();
        expected.extend_from_slice(&[0xab; 16]);
        expected.extend_from_slice(&[2, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(encode(&receipt()).unwrap(), expected);
        assert_eq!(decode::<Receipt>(&expected).unwrap(), receipt());
    }

    #[test]
    fn cuts_and_trailing_bytes_are_refused() {
        let mut bytes = encode(&receipt()).unwrap();
        for length in 0..bytes.len() {
            assert!(matches!(
                decode::<Receipt>(&bytes[..length]),
                Err(DecodeError::Malformed { .. })
            ));
        }
        bytes.extend_from_slice(&[0, 0]);
        assert_eq!(
            decode::<Receipt>(&bytes),
            Err(DecodeError::TrailingBytes { bytes: 2 })
        );
    }

    #[test]
    fn a_bad_name_inside_is_refused() {
        let error = decode::<Name>(b"\x02\0\0\0\0\0\0\0a/").unwrap_err();
        assert!(error.to_string().contains("the name holds '/'"), "{error}");
    }

    #[test]
    fn the_limit_holds_both_ways() {
        assert_eq!(encode(&vec![0u8; 1016]).unwrap().len(), 1024);
        assert_eq!(
            encode(&vec![0u8; 1017]),
            Err(EncodeError::TooLong { bytes: 1025 })
        );
        let mut bytes = 1017u64.to_le_bytes().to_vec();
        bytes.resize(1025, 0);
        assert!(matches!(
            decode::<Vec<u8>>(&bytes),
            Err(DecodeError::Malformed { .. })
        ));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = decode::<Receipt>(&bytes) {
                prop_assert_eq!(encode(&message).unwrap(), bytes);
            }
        }
    }
}
