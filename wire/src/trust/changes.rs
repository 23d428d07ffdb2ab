//! What one trust store changes about another, for the log.

use keyfile::KeyId;

use super::{TrustStore, TrustedNode};
use crate::name::Name;
use crate::role::NodeRole;
use crate::verifying_key::SignerId;

/// The keys that differ between two stores.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    /// Enrolled in the new one only.
    pub(super) enrolled: Vec<&'a TrustedNode>,
    /// Enrolled in the old one only.
    pub(super) revoked: Vec<&'a TrustedNode>,
    /// In both, but for another name, role or cameras; as in the new one.
    pub(super) changed: Vec<&'a TrustedNode>,
    /// Key sets retired in the new one only.
    pub(super) retired: Vec<KeyId>,
    /// Key sets retired in the old one only.
    pub(super) reinstated: Vec<KeyId>,
}

impl<'a> Changes<'a> {
    pub(super) fn between(old: &'a TrustStore, new: &'a TrustStore) -> Self {
        let changed = |node: &&TrustedNode| old.get(&node.signer_id).is_some_and(|o| o != *node);
        Self {
            enrolled: missing(new, old),
            revoked: missing(old, new),
            changed: new.nodes.iter().filter(changed).collect(),
            retired: newly_retired(old, new),
            reinstated: newly_retired(new, old),
        }
    }
}

/// The keys of `of` that `from` lacks.
fn missing<'a>(of: &'a TrustStore, from: &TrustStore) -> Vec<&'a TrustedNode> {
    let lacks = |node: &&TrustedNode| from.get(&node.signer_id).is_none();
    of.nodes.iter().filter(lacks).collect()
}

fn newly_retired(old: &TrustStore, new: &TrustStore) -> Vec<KeyId> {
    let retired = new.retired.iter().copied();
    retired.filter(|id| !old.is_retired(*id)).collect()
}

/// The node that a store belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnKey {
    pub(crate) name: Name,
    pub(crate) role: NodeRole,
    pub(crate) id: SignerId,
}

/// What the new store takes from the node that it belongs to. A trust file need not list its own
/// node, so what was not there before is no loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum OwnLoss {
    #[error("this node's own key was revoked")]
    Revoked,
    #[error("this node's own key was replaced by another one of the same name")]
    Replaced,
    #[error("this node's own key was enrolled for another name or role")]
    Changed,
}

impl OwnLoss {
    pub(super) fn between(own: &OwnKey, old: &TrustStore, new: &TrustStore) -> Option<Self> {
        let is_own = |node: &TrustedNode| node.name == own.name && node.role == own.role;
        old.get(&own.id).filter(|node| is_own(node))?;
        match new.get(&own.id) {
            Some(node) if is_own(node) => None,
            Some(_) => Some(Self::Changed),
            None if new.nodes.iter().any(is_own) => Some(Self::Replaced),
            None => Some(Self::Revoked),
        }
    }
}
