//! Checking envelopes, and the evidence that it was done.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use super::layout::{Cut, Header, cut, signed_bytes};
use super::refusal::Refusal;
use crate::codec;
use crate::message::Message;
use crate::name::Name;
use crate::trust::{TrustStore, TrustedNode};

/// What a receiver allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest envelope, payload and all.
    pub max_envelope_bytes: usize,
}

impl Default for Limits {
    /// 4 MiB and the overhead of an envelope.
    fn default() -> Self {
        Self {
            max_envelope_bytes: 4 * 1024 * 1024 + super::MAX_OVERHEAD_BYTES,
        }
    }
}

/// A message whose origin and integrity were checked. Only [`open`] makes one.
#[derive(Debug, Clone)]
pub struct Verified<M> {
    message: VerifiedMessage<M>,
    payload: VerifiedPayload,
}

/// The message of a [`Verified`], when its payload is no longer needed beside it.
#[derive(Debug, Clone)]
pub struct VerifiedMessage<M> {
    message: M,
    signer: Name,
}

/// The payload of a [`Verified`], when its message is no longer needed beside it. Clones share the
/// bytes.
#[derive(Clone)]
pub struct VerifiedPayload {
    bytes: Bytes,
    hash: [u8; 32],
}

impl<M> Verified<M> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> &M {
        self.message.message()
    }

    /// Who signed it.
    #[must_use]
    pub fn signer(&self) -> &Name {
        self.message.signer()
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// BLAKE3 of the payload.
    #[must_use]
    pub fn payload_hash(&self) -> [u8; 32] {
        self.payload.hash()
    }

    /// Takes it apart; each part is still evidence of the check.
    #[must_use]
    pub fn into_parts(self) -> (VerifiedMessage<M>, VerifiedPayload) {
        (self.message, self.payload)
    }
}

impl<M> VerifiedMessage<M> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> &M {
        &self.message
    }

    /// Who signed it.
    #[must_use]
    pub fn signer(&self) -> &Name {
        &self.signer
    }
}

impl VerifiedPayload {
    /// BLAKE3 of the bytes.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

impl Deref for VerifiedPayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for VerifiedPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.bytes.len())
    }
}

/// Checks an envelope that came on `topic` and takes the message out.
///
/// In this order: length, magic, kind, signer, signature, payload length, payload hash, payload
/// limit, role, then the message is decoded and its ranges, its topic, the signer that it names, the
/// cameras that the signer is enrolled for and the key set are checked.
///
/// # Errors
/// The first check that fails.
pub fn open<M: Message>(
    topic: &str,
    bytes: Bytes,
    trust: &TrustStore,
    limits: &Limits,
) -> Result<Verified<M>, Refusal> {
    let limit = limits.max_envelope_bytes;
    if bytes.len() > limit {
        return Err(Refusal::TooLong {
            bytes: bytes.len(),
            limit,
        });
    }
    let parts = cut(&bytes).map_err(|cut| match cut {
        Cut::NotAnEnvelope => Refusal::NotAnEnvelope,
        Cut::Truncated => Refusal::Truncated { bytes: bytes.len() },
    })?;
    let header = parts.header;
    if header.kind != M::KIND {
        return Err(Refusal::WrongKind {
            needed: M::NAME,
            kind: M::KIND,
            found: header.kind,
        });
    }
    let node = trust.get(&header.signer).ok_or(Refusal::UnknownSigner {
        signer: header.signer,
    })?;
    if !node
        .key()
        .accepts(&signed_bytes(parts.header_bytes), parts.signature)
    {
        return Err(Refusal::BadSignature {
            claimed: node.name().clone(),
        });
    }
    let payload = bytes.slice(parts.payload_offset..);
    check_payload::<M>(&header, &payload, node)?;
    let message = read_message::<M>(topic, &header, node)?;
    check_rights(&message, node, trust)?;
    Ok(Verified {
        message: VerifiedMessage {
            message,
            signer: node.name().clone(),
        },
        payload: VerifiedPayload {
            bytes: payload,
            hash: header.payload_hash,
        },
    })
}

fn check_payload<M: Message>(
    header: &Header<'_>,
    payload: &[u8],
    node: &TrustedNode,
) -> Result<(), Refusal> {
    let signer = || node.name().clone();
    let (signed, found) = (header.payload_bytes, payload.len());
    if signed != found as u64 {
        return Err(Refusal::PayloadLength {
            signer: signer(),
            signed,
            found,
        });
    }
    if blake3::hash(payload) != header.payload_hash {
        return Err(Refusal::PayloadHash { signer: signer() });
    }
    let limit = M::MAX_PAYLOAD_BYTES;
    if found > limit {
        let (message, signer) = (M::NAME, signer());
        return Err(Refusal::PayloadTooLong {
            signer,
            message,
            bytes: found,
            limit,
        });
    }
    Ok(())
}

/// Called only after the signature was checked.
fn read_message<M: Message>(
    topic: &str,
    header: &Header<'_>,
    node: &TrustedNode,
) -> Result<M, Refusal> {
    let signer = || node.name().clone();
    if node.role() != M::SIGNER {
        return Err(Refusal::WrongRole {
            signer: signer(),
            message: M::NAME,
            role: node.role(),
            needed: M::SIGNER,
        });
    }
    let message: M = codec::decode(header.message).map_err(|error| Refusal::BadMessage {
        signer: signer(),
        message: M::NAME,
        reason: error.to_string(),
    })?;
    let frame = || Box::new(message.frame().clone());
    message.check().map_err(|source| Refusal::OutOfRange {
        signer: signer(),
        frame: frame(),
        source,
    })?;
    let belongs_on = message.topic();
    if belongs_on.to_string() != topic {
        return Err(Refusal::WrongTopic {
            signer: signer(),
            frame: frame(),
            belongs_on: Box::new(belongs_on),
            arrived_on: topic.to_owned(),
        });
    }
    Ok(message)
}

/// Whether this node may speak about this camera, and the key set still counts.
fn check_rights<M: Message>(
    message: &M,
    node: &TrustedNode,
    trust: &TrustStore,
) -> Result<(), Refusal> {
    let signer = || node.name().clone();
    let frame = || Box::new(message.frame().clone());
    if message
        .bound_signer()
        .is_some_and(|name| name != node.name())
    {
        return Err(Refusal::WrongSigner {
            signer: signer(),
            frame: frame(),
        });
    }
    if !node.cameras().allow(&message.frame().camera) {
        return Err(Refusal::WrongCamera {
            signer: signer(),
            frame: frame(),
            allowed: node.cameras().clone(),
        });
    }
    match message.key_set() {
        Some(key_set) if trust.is_retired(key_set) => Err(Refusal::RetiredKeySet {
            signer: signer(),
            frame: frame(),
            key_set,
        }),
        _ => Ok(()),
    }
}
