//! Why an envelope is refused.

use keyfile::KeyId;

use crate::message::{FrameId, RangeError};
use crate::name::Name;
use crate::role::NodeRole;
use crate::topic::{Topic, printable};
use crate::trust::Cameras;
use crate::verifying_key::SignerId;

/// Why an envelope is refused: "what happened; what to do", one line.
///
/// The variants stand in the order of the checks. From [`Refusal::PayloadLength`] on the signature
/// was good, so the signer is certain; from [`Refusal::OutOfRange`] on so is the frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The envelope is longer than the receiver allows.
    #[error(
        "an envelope of {bytes} bytes, allowed are {limit}; make the tiles smaller or raise \
         `max_packet_bytes` everywhere"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The receiver's limit.
        limit: usize,
    },
    /// The bytes do not begin as envelopes do.
    #[error("not an envelope of this version; find out what else publishes here")]
    NotAnEnvelope,
    /// The bytes end before the payload begins.
    #[error("an envelope cut off after {bytes} bytes; find out what else publishes here")]
    Truncated {
        /// How many there are.
        bytes: usize,
    },
    /// The envelope holds another kind of message.
    #[error(
        "an envelope of kind {found}, needed is a {needed} (kind {kind}); find out what else \
         publishes here"
    )]
    WrongKind {
        /// What the needed message is called.
        needed: &'static str,
        /// Its kind byte.
        kind: u8,
        /// The envelope's kind byte.
        found: u8,
    },
    /// The signer's key is not in the trust file.
    #[error(
        "an envelope of the unknown signer {signer}; if the node is yours, enrol it with \
         `blindsight keys enroll`"
    )]
    UnknownSigner {
        /// Its id.
        signer: SignerId,
    },
    /// The signature does not fit; the name is a claim.
    #[error(
        "an envelope that claims to be of `{claimed}` has a bad signature; find out who else can \
         publish here"
    )]
    BadSignature {
        /// The node whose key the envelope names.
        claimed: Name,
    },
    /// The payload is shorter or longer than the signed header says.
    #[error(
        "a payload of {found} bytes where `{signer}` signed {signed}; find out who cuts messages \
         between the two nodes"
    )]
    PayloadLength {
        /// Who signed.
        signer: Name,
        /// The length in the header.
        signed: u64,
        /// The length of what came.
        found: usize,
    },
    /// The payload is not the one that was signed.
    #[error(
        "a payload that `{signer}` did not sign; find out who changes messages between the two \
         nodes"
    )]
    PayloadHash {
        /// Who signed the header.
        signer: Name,
    },
    /// Such messages have no such payload.
    #[error(
        "a {message} of `{signer}` with a payload of {bytes} bytes, allowed are {limit}; update \
         that node"
    )]
    PayloadTooLong {
        /// Who signed.
        signer: Name,
        /// What the message is called.
        message: &'static str,
        /// Length of the payload.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The signer may sign, but nothing like this.
    #[error(
        "a {message} signed by `{signer}`, a {role}, not a {needed}; check its role in the trust \
         file"
    )]
    WrongRole {
        /// Who signed.
        signer: Name,
        /// What the message is called.
        message: &'static str,
        /// The signer's role.
        role: NodeRole,
        /// The role that may sign such messages.
        needed: NodeRole,
    },
    /// The signed message cannot be read.
    #[error(
        "`{signer}` signed a {message} that cannot be read ({reason}); run the same release on all \
         nodes"
    )]
    BadMessage {
        /// Who signed.
        signer: Name,
        /// What the message is called.
        message: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The signed message holds a number out of range.
    #[error("`{signer}` signed, for {frame}, {source}; run the same release on all nodes")]
    OutOfRange {
        /// Who signed.
        signer: Name,
        /// The frame that the message is about.
        frame: Box<FrameId>,
        /// What is out of range.
        source: RangeError,
    },
    /// The message came on a topic that it does not belong on.
    #[error(
        "a message about {frame} came on `{}`, it belongs on `{belongs_on}`; find out who \
         publishes messages again",
        printable(arrived_on)
    )]
    WrongTopic {
        /// Who signed.
        signer: Name,
        /// The frame that the message is about.
        frame: Box<FrameId>,
        /// The topic that follows from the message.
        belongs_on: Box<Topic>,
        /// The topic that it came on.
        arrived_on: String,
    },
    /// A camera's message signed by another camera.
    #[error(
        "a message about {frame} is signed by `{signer}`; check which node has which name and \
         signing key"
    )]
    WrongSigner {
        /// Who signed.
        signer: Name,
        /// The frame that the message is about.
        frame: Box<FrameId>,
    },
    /// The signer is enrolled for other cameras.
    #[error(
        "a message about {frame} is signed by `{signer}`, enrolled for {allowed} only; add the \
         camera to its `cameras` in the trust file if it may"
    )]
    WrongCamera {
        /// Who signed.
        signer: Name,
        /// The frame that the message is about.
        frame: Box<FrameId>,
        /// The cameras that the signer is enrolled for.
        allowed: Cameras,
    },
    /// The payload is encrypted under a key set that is retired.
    #[error(
        "a message about {frame} names key set {key_set}, which is retired; give that camera the \
         public key of the new key set"
    )]
    RetiredKeySet {
        /// Who signed.
        signer: Name,
        /// The frame that the message is about.
        frame: Box<FrameId>,
        /// The key set.
        key_set: KeyId,
    },
}

impl Refusal {
    /// A word for metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::NotAnEnvelope => "not_an_envelope",
            Self::Truncated { .. } => "truncated",
            Self::WrongKind { .. } => "wrong_kind",
            Self::UnknownSigner { .. } => "unknown_signer",
            Self::BadSignature { .. } => "bad_signature",
            Self::PayloadLength { .. } => "payload_length",
            Self::PayloadHash { .. } => "payload_hash",
            Self::PayloadTooLong { .. } => "payload_too_long",
            Self::WrongRole { .. } => "wrong_role",
            Self::BadMessage { .. } => "bad_message",
            Self::OutOfRange { .. } => "out_of_range",
            Self::WrongTopic { .. } => "wrong_topic",
            Self::WrongSigner { .. } => "wrong_signer",
            Self::WrongCamera { .. } => "wrong_camera",
            Self::RetiredKeySet { .. } => "retired_key_set",
        }
    }

    /// Who signed, once that is certain.
    #[must_use]
    pub fn signer(&self) -> Option<&Name> {
        match self {
            Self::PayloadLength { signer, .. }
            | Self::PayloadHash { signer }
            | Self::PayloadTooLong { signer, .. }
            | Self::WrongRole { signer, .. }
            | Self::BadMessage { signer, .. }
            | Self::OutOfRange { signer, .. }
            | Self::WrongTopic { signer, .. }
            | Self::WrongSigner { signer, .. }
            | Self::WrongCamera { signer, .. }
            | Self::RetiredKeySet { signer, .. } => Some(signer),
            _ => None,
        }
    }

    /// The stream and sequence number that the refused message is about, once that is certain.
    #[must_use]
    pub fn frame(&self) -> Option<&FrameId> {
        match self {
            Self::OutOfRange { frame, .. }
            | Self::WrongTopic { frame, .. }
            | Self::WrongSigner { frame, .. }
            | Self::WrongCamera { frame, .. }
            | Self::RetiredKeySet { frame, .. } => Some(frame),
            _ => None,
        }
    }
}
