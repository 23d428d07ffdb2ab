//! What a key is for.

use std::fmt;

/// What a key is for. Written into its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Decrypts. The viewer's alone.
    ClientKey = 1,
    /// Encrypts frames. For cameras.
    CameraPublicKey = 2,
    /// Computes on ciphertexts. For workers.
    EvaluationKey = 3,
    /// Signs a node's messages. That node's alone.
    SigningKey = 4,
    /// Checks a node's signatures. For whoever enrols the node.
    VerifyingKey = 5,
    /// Encrypts frames into half the bytes, and could decrypt them. For a camera that is trusted with that.
    CameraSecretKey = 6,
}

impl Role {
    /// All roles, in the order of their tags.
    pub const ALL: [Self; 6] = [
        Self::ClientKey,
        Self::CameraPublicKey,
        Self::EvaluationKey,
        Self::SigningKey,
        Self::VerifyingKey,
        Self::CameraSecretKey,
    ];

    /// Whether a file of this role must be readable by its owner only.
    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(
            self,
            Self::ClientKey | Self::SigningKey | Self::CameraSecretKey
        )
    }

    /// The role's name in messages, such as "client key".
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientKey => "client key",
            Self::CameraPublicKey => "camera public key",
            Self::EvaluationKey => "evaluation key",
            Self::SigningKey => "signing key",
            Self::VerifyingKey => "verifying key",
            Self::CameraSecretKey => "camera secret key",
        }
    }

    /// The mode that files of this role are created with.
    pub(crate) fn mode(self) -> u32 {
        if self.is_secret() { 0o600 } else { 0o644 }
    }

    pub(crate) fn tag(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.tag() == tag)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
