//! Where the fields of an envelope stand.

use crate::codec::MAX_MESSAGE_BYTES;
use crate::verifying_key::SignerId;

/// The most bytes that an envelope has besides its payload.
pub const MAX_OVERHEAD_BYTES: usize = FIXED_HEADER_BYTES + MAX_MESSAGE_BYTES + SIGNATURE_BYTES;

pub(super) const MAGIC: [u8; 4] = *b"BSE1";
const FIXED_HEADER_BYTES: usize = MAGIC.len() + 1 + 16 + 8 + 32 + 2;
const SIGNATURE_BYTES: usize = 64;
const DOMAIN: &[u8] = b"blindsight/v1 envelope\0";

/// The fields of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) kind: u8,
    pub(super) signer: SignerId,
    pub(super) payload_bytes: u64,
    pub(super) payload_hash: [u8; 32],
    pub(super) message: &'a [u8],
}

/// An envelope cut into its parts; nothing in it has been checked.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) header: Header<'a>,
    /// The header's bytes as they came.
    pub(super) header_bytes: &'a [u8],
    pub(super) signature: &'a [u8; SIGNATURE_BYTES],
    /// Where the payload begins.
    pub(super) payload_offset: usize,
}

/// Why bytes cannot be cut into parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut {
    NotAnEnvelope,
    Truncated,
}

impl Header<'_> {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED_HEADER_BYTES + self.message.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.push(self.kind);
        bytes.extend_from_slice(self.signer.as_bytes());
        bytes.extend_from_slice(&self.payload_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.payload_hash);
        // The codec's limit is far below 2^16.
        bytes.extend_from_slice(&(self.message.len() as u16).to_le_bytes());
        bytes.extend_from_slice(self.message);
        bytes
    }
}

/// What the signature of a header is over.
pub(super) fn signed_bytes(header: &[u8]) -> Vec<u8> {
    [DOMAIN, header].concat()
}

/// Cuts an envelope into its parts, without a look at what they say.
pub(super) fn cut(bytes: &[u8]) -> Result<Parts<'_>, Cut> {
    if !bytes.iter().zip(&MAGIC).all(|(byte, magic)| byte == magic) {
        return Err(Cut::NotAnEnvelope);
    }
    cut_fields(bytes).ok_or(Cut::Truncated)
}

fn cut_fields(bytes: &[u8]) -> Option<Parts<'_>> {
    let rest = bytes.get(MAGIC.len()..)?;
    let (&kind, rest) = rest.split_first()?;
    let (&signer, rest) = rest.split_first_chunk()?;
    let (&payload_bytes, rest) = rest.split_first_chunk()?;
    let (&payload_hash, rest) = rest.split_first_chunk()?;
    let (&message_bytes, rest) = rest.split_first_chunk()?;
    let message_bytes = usize::from(u16::from_le_bytes(message_bytes));
    let (message, rest) = rest.split_at_checked(message_bytes)?;
    let (signature, payload) = rest.split_first_chunk()?;
    Some(Parts {
        header: Header {
            kind,
            signer: SignerId::from_bytes(signer),
            payload_bytes: u64::from_le_bytes(payload_bytes),
            payload_hash,
            message,
        },
        header_bytes: bytes.get(..FIXED_HEADER_BYTES + message_bytes)?,
        signature,
        payload_offset: bytes.len() - payload.len(),
    })
}
