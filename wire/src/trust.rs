//! The enrolled nodes: which key belongs to which name and may sign what; and the key sets that are
//! retired.

mod cameras;
mod changes;
mod file;
mod watch;

use keyfile::KeyId;

use crate::change::ChangeError;
use crate::failure::{Failure, FailureKind};
use crate::name::Name;
use crate::role::NodeRole;
use crate::verifying_key::{SignerId, VerifyingKey};

pub use cameras::Cameras;
pub(crate) use changes::OwnKey;
pub use watch::Trust;

/// The nodes whose signatures count and the key sets that do not any more, as a trust file lists
/// them.
///
/// A name may have several keys, so that a key can be changed without a gap, but only one role. A
/// key belongs to one node. A node is revoked by taking it out of the file.
///
/// ```toml
/// [[node]]
/// name = "gate"
/// role = "camera"                # camera, worker or viewer
/// verifying_key = "3d4017c3..."  # 64 hexadecimal digits
///
/// [[node]]
/// name = "worker"
/// role = "worker"
/// verifying_key = "92a009a9..."
/// cameras = ["gate"]             # whose maps it may sign; all when left out
///
/// [[retired_key_set]]
/// id = "af1349b9..."             # 32 hexadecimal digits
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustStore {
    nodes: Vec<TrustedNode>,
    retired: Vec<KeyId>,
}

/// One enrolled key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedNode {
    name: Name,
    role: NodeRole,
    key: VerifyingKey,
    signer_id: SignerId,
    cameras: Cameras,
}

/// Why a trust file cannot be changed as wanted. Messages are "what happened; what to do".
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The key is in the trust file already.
    #[error(
        "this key is enrolled already, for `{name}`; nothing is left to do, or give each node its \
         own key"
    )]
    KnownKey {
        /// The node that has the key.
        name: Name,
    },
    /// The name belongs to a node of another role.
    #[error("`{name}` is enrolled as {role}, it cannot be {wanted} too; choose another name")]
    OtherRole {
        /// The name.
        name: Name,
        /// The role that it has.
        role: NodeRole,
        /// The role that it was to get.
        wanted: NodeRole,
    },
    /// A camera with a list of cameras.
    #[error("a camera signs for itself only; leave the list of cameras out")]
    CamerasOfACamera,
    /// A list of cameras that names none.
    #[error("the list of cameras is empty; name a camera, or leave the list out for all of them")]
    NoCameras,
    /// The name is not enrolled.
    #[error("`{name}` is not enrolled; {known}")]
    UnknownName {
        /// The name.
        name: Name,
        /// What to do, with who is enrolled.
        known: String,
    },
    /// The key is not enrolled.
    #[error("this key is not enrolled; {known}")]
    UnknownKey {
        /// What to do, with who is enrolled.
        known: String,
    },
    /// The key set is retired already.
    #[error("the key set {key_set} is retired already; nothing is left to do")]
    KnownKeySet {
        /// The key set.
        key_set: KeyId,
    },
    /// The file cannot be changed.
    #[error(transparent)]
    File(#[from] ChangeError),
}

impl TrustedNode {
    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What the node may sign.
    #[must_use]
    pub fn role(&self) -> NodeRole {
        self.role
    }

    /// The key that checks the node's signatures.
    #[must_use]
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The id that envelopes name this key by.
    #[must_use]
    pub fn signer_id(&self) -> SignerId {
        self.signer_id
    }

    /// The cameras whose maps or receipts the node may sign. A camera may sign for itself only,
    /// whatever this says.
    #[must_use]
    pub fn cameras(&self) -> &Cameras {
        &self.cameras
    }
}

impl TrustStore {
    /// A store that trusts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The node that an envelope's signer id names.
    #[must_use]
    pub fn get(&self, id: &SignerId) -> Option<&TrustedNode> {
        self.nodes.iter().find(|node| node.signer_id == *id)
    }

    /// All enrolled keys, in the order of the file.
    #[must_use]
    pub fn nodes(&self) -> &[TrustedNode] {
        &self.nodes
    }

    /// The retired key sets, in the order of the file.
    #[must_use]
    pub fn retired(&self) -> &[KeyId] {
        &self.retired
    }

    /// Whether tiles of this key set are refused.
    #[must_use]
    pub fn is_retired(&self, key_set: KeyId) -> bool {
        self.retired.contains(&key_set)
    }

    /// Adds a key, for all cameras. A name that has one already keeps it too.
    ///
    /// # Errors
    /// When the key is enrolled already, or the name with another role.
    pub fn enroll(
        &mut self,
        name: &Name,
        role: NodeRole,
        key: &VerifyingKey,
    ) -> Result<(), TrustError> {
        self.enroll_for(name, role, key, Cameras::All)
    }

    /// As [`TrustStore::enroll`], for these cameras only.
    ///
    /// # Errors
    /// As [`TrustStore::enroll`]; and when a camera gets a list of cameras, or the list is empty.
    pub fn enroll_for(
        &mut self,
        name: &Name,
        role: NodeRole,
        key: &VerifyingKey,
        cameras: Cameras,
    ) -> Result<(), TrustError> {
        let signer_id = key.signer_id();
        if let Some(node) = self.get(&signer_id) {
            return Err(TrustError::KnownKey {
                name: node.name.clone(),
            });
        }
        let other = |node: &&TrustedNode| node.name == *name && node.role != role;
        if let Some(node) = self.nodes.iter().find(other) {
            return Err(TrustError::OtherRole {
                name: name.clone(),
                role: node.role,
                wanted: role,
            });
        }
        if let Cameras::Only(names) = &cameras {
            if role == NodeRole::Camera {
                return Err(TrustError::CamerasOfACamera);
            }
            if names.is_empty() {
                return Err(TrustError::NoCameras);
            }
        }
        self.nodes.push(TrustedNode {
            name: name.clone(),
            role,
            key: key.clone(),
            signer_id,
            cameras,
        });
        Ok(())
    }

    /// Takes all keys of a node out and gives them back.
    ///
    /// # Errors
    /// When no such name is enrolled.
    pub fn revoke_name(&mut self, name: &Name) -> Result<Vec<TrustedNode>, TrustError> {
        let taken: Vec<TrustedNode> = self
            .nodes
            .extract_if(.., |node| node.name == *name)
            .collect();
        if taken.is_empty() {
            return Err(TrustError::UnknownName {
                name: name.clone(),
                known: self.who_is_enrolled(),
            });
        }
        Ok(taken)
    }

    /// Takes one key out and gives it back.
    ///
    /// # Errors
    /// When the key is not enrolled.
    pub fn revoke_key(&mut self, key: &VerifyingKey) -> Result<TrustedNode, TrustError> {
        let place = self.nodes.iter().position(|node| node.key == *key);
        match place {
            Some(place) => Ok(self.nodes.remove(place)),
            None => Err(TrustError::UnknownKey {
                known: self.who_is_enrolled(),
            }),
        }
    }

    /// Retires a key set: its tiles are refused from now on.
    ///
    /// # Errors
    /// When it is retired already.
    pub fn retire(&mut self, key_set: KeyId) -> Result<(), TrustError> {
        if self.is_retired(key_set) {
            return Err(TrustError::KnownKeySet { key_set });
        }
        self.retired.push(key_set);
        Ok(())
    }

    fn who_is_enrolled(&self) -> String {
        let mut names: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
        // Keys of one name need not stand together.
        names.sort_unstable();
        names.dedup();
        match names.is_empty() {
            true => "this trust file enrols nobody, name another".to_owned(),
            false => format!("choose one of `{}`", names.join("`, `")),
        }
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::File(error) => error.into(),
            other => Self::of(FailureKind::Configuration, &other),
        }
    }
}

#[cfg(test)]
mod tests;
