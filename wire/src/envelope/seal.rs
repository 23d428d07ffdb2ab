//! Signing messages.

use super::layout::{Header, signed_bytes};
use crate::codec;
use crate::identity::SigningIdentity;
use crate::message::{Message, RangeError};
use crate::name::Name;

/// Why a message cannot be sealed. Each is a fault of the program that wrote the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A field is out of range.
    #[error("cannot seal a {message}: {source}")]
    OutOfRange {
        /// What the message is called.
        message: &'static str,
        /// What is wrong with it.
        source: RangeError,
    },
    /// The message belongs to another signer.
    #[error("`{signer}` cannot seal a {message} of `{belongs_to}`")]
    WrongSigner {
        /// What the message is called.
        message: &'static str,
        /// Who was to sign.
        signer: Name,
        /// Who alone may sign it.
        belongs_to: Name,
    },
    /// The payload is longer than such messages have.
    #[error("cannot seal a {message} with a payload of {bytes} bytes, allowed are {limit}")]
    PayloadTooLong {
        /// What the message is called.
        message: &'static str,
        /// Length of the payload.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The message cannot be encoded, or only into too many bytes.
    #[error("cannot encode a {message}: {reason}")]
    Encoding {
        /// What the message is called.
        message: &'static str,
        /// What the encoder said.
        reason: String,
    },
}

/// Signs a message and its payload and puts both into an envelope.
///
/// The role of the signer is not checked here: that is the trust file's to say, and the receiver's
/// to check.
///
/// # Errors
/// When the receiver would refuse the envelope whatever its trust file says.
pub fn seal<M: Message>(
    identity: &SigningIdentity,
    message: &M,
    payload: &[u8],
) -> Result<Vec<u8>, SealError> {
    message.check().map_err(|source| SealError::OutOfRange {
        message: M::NAME,
        source,
    })?;
    if let Some(belongs_to) = message.bound_signer()
        && belongs_to != identity.name()
    {
        return Err(SealError::WrongSigner {
            message: M::NAME,
            signer: identity.name().clone(),
            belongs_to: belongs_to.clone(),
        });
    }
    if payload.len() > M::MAX_PAYLOAD_BYTES {
        return Err(SealError::PayloadTooLong {
            message: M::NAME,
            bytes: payload.len(),
            limit: M::MAX_PAYLOAD_BYTES,
        });
    }
    let encoded = codec::encode(message).map_err(|error| SealError::Encoding {
        message: M::NAME,
        reason: error.to_string(),
    })?;
    let header = Header {
        kind: M::KIND,
        signer: identity.signer_id(),
        payload_bytes: payload.len() as u64,
        payload_hash: *blake3::hash(payload).as_bytes(),
        message: &encoded,
    };
    let header = header.to_bytes();
    let signature = identity.sign(&signed_bytes(&header));
    Ok([&header, signature.as_slice(), payload].concat())
}
