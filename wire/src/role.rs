//! The roles that a signing node can have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an enrolled node may sign: cameras frames, workers maps, viewers receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeRole {
    /// Encrypts frames and signs frame tiles.
    Camera,
    /// Pools ciphertexts and signs map tiles.
    Worker,
    /// Decrypts maps and signs receipts.
    Viewer,
}

/// A text that names no [`NodeRole`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{role}` is no role; use `camera`, `worker` or `viewer`")]
pub struct NodeRoleError {
    /// The refused text.
    pub role: String,
}

impl NodeRole {
    /// The role's word in configuration and trust files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Worker => "worker",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for NodeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for NodeRole {
    type Err = NodeRoleError;

    fn from_str(text: &str) -> Result<Self, NodeRoleError> {
        match text {
            "camera" => Ok(Self::Camera),
            "worker" => Ok(Self::Worker),
            "viewer" => Ok(Self::Viewer),
            other => Err(NodeRoleError {
                role: other.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_read_as_they_print() {
        for role in [NodeRole::Camera, NodeRole::Worker, NodeRole::Viewer] {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert_eq!(
            "Camera".parse::<NodeRole>().unwrap_err().to_string(),
            "`Camera` is no role; use `camera`, `worker` or `viewer`"
        );
    }
}
