//! The enrolled nodes: which key belongs to which name and may sign what.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::{self, ConfigErrors, Problems};
use crate::failure::{Failure, FailureKind};
use crate::name::Name;
use crate::role::NodeRole;
use crate::verifying_key::{SignerId, VerifyingKey};

/// The nodes whose signatures count, as a trust file lists them.
///
/// A name may have several keys, so that a key can be changed without a gap, but only one role. A
/// key belongs to one node. A node is revoked by taking it out of the file.
///
/// ```toml
/// [[node]]
/// name = "gate"
/// role = "camera"                # camera, worker or viewer
/// verifying_key = "3d4017c3..."  # 64 hexadecimal digits
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustStore {
    nodes: Vec<TrustedNode>,
}

/// One enrolled key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedNode {
    name: Name,
    role: NodeRole,
    key: VerifyingKey,
    signer_id: SignerId,
}

/// Why a node cannot be enrolled or the trust file not be written.
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
    /// The file system refused an operation.
    #[error(
        "cannot {operation} `{}`: {source}; check the folder and who may write there",
        path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// The operation, such as "create".
        operation: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
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
}

impl TrustStore {
    /// A store that trusts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a trust file.
    ///
    /// # Errors
    /// All problems of the file, each with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        config::load(path, Self::meaning)
    }

    /// As [`TrustStore::load`], with the text in memory. `path` serves messages only.
    ///
    /// # Errors
    /// All problems of the text, each with its line.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigErrors> {
        config::parse(path, text, Self::meaning)
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

    /// Adds a key. A name that has one already keeps it too.
    ///
    /// # Errors
    /// When the key is enrolled already, or the name with another role.
    pub fn enroll(
        &mut self,
        name: &Name,
        role: NodeRole,
        key: &VerifyingKey,
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
        self.nodes.push(TrustedNode {
            name: name.clone(),
            role,
            key: key.clone(),
            signer_id,
        });
        Ok(())
    }

    /// The store as the text of a trust file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::from(HEADING);
        for TrustedNode {
            name, role, key, ..
        } in &self.nodes
        {
            // Writing to a String cannot fail, and no value needs escaping.
            let _ = write!(
                text,
                "\n[[node]]\nname = \"{name}\"\nrole = \"{role}\"\nverifying_key = \"{key}\"\n"
            );
        }
        text
    }

    /// Writes the trust file: whole and durably, or not at all. Replaces an older one, and its
    /// comments.
    ///
    /// # Errors
    /// When the file system refuses it.
    pub fn save(&self, path: &Path) -> Result<(), TrustError> {
        let mut new_name = path.file_name().unwrap_or_default().to_owned();
        new_name.push(format!(".{}.new", std::process::id()));
        let new = path.with_file_name(new_name);
        write_new(&new, &self.to_toml()).and_then(|()| {
            fs::rename(&new, path).map_err(|source| {
                let _ = fs::remove_file(&new);
                TrustError::Io {
                    path: path.into(),
                    operation: "replace",
                    source,
                }
            })
        })
    }

    fn meaning(typed: TrustToml, problems: &mut Problems) -> Option<Self> {
        let mut store = Self::new();
        for (index, node) in typed.node.unwrap_or_default().into_iter().enumerate() {
            let key = |name: &str| format!("node[{index}].{name}");
            let name = problems
                .required(&key("name"), node.name, "add the node's name")
                .and_then(|text| problems.parsed(&key("name"), &text, ""));
            let role = problems
                .required(
                    &key("role"),
                    node.role,
                    "add `camera`, `worker` or `viewer`",
                )
                .and_then(|text| problems.parsed(&key("role"), &text, ""));
            let verifying_key = problems
                .required(&key("verifying_key"), node.verifying_key, ADD_KEY)
                .and_then(|text| problems.parsed(&key("verifying_key"), &text, ADD_KEY));
            let (Some(name), Some(role), Some(verifying_key)) = (name, role, verifying_key) else {
                continue;
            };
            match store.enroll(&name, role, &verifying_key) {
                Ok(()) | Err(TrustError::Io { .. }) => {}
                Err(TrustError::KnownKey { name }) => problems.push(
                    &key("verifying_key"),
                    format!("this key is enrolled above, for `{name}`"),
                    "give each node its own key, once",
                ),
                Err(TrustError::OtherRole { name, role, .. }) => problems.push(
                    &key("role"),
                    format!("`{name}` is enrolled above as {role}"),
                    "choose another name",
                ),
            }
        }
        Some(store)
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        let kind = match &error {
            TrustError::Io { source, .. } => FailureKind::of_io(source),
            _ => FailureKind::Configuration,
        };
        Self::of(kind, &error)
    }
}

const HEADING: &str =
    "# The nodes whose signatures count. `blindsight keys enroll` writes this file.\n";
const ADD_KEY: &str =
    "add the 64 hexadecimal digits that `blindsight keys show` prints for the node";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustToml {
    node: Option<Vec<NodeToml>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeToml {
    name: Option<String>,
    role: Option<String>,
    verifying_key: Option<String>,
}

fn write_new(path: &Path, text: &str) -> Result<(), TrustError> {
    let error = |operation: &'static str| {
        move |source| TrustError::Io {
            path: path.into(),
            operation,
            source,
        }
    };
    let create = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path);
    let mut file: File = create.map_err(error("create"))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|source| {
            let _ = fs::remove_file(path);
            error("write")(source)
        })
}

#[cfg(test)]
mod tests;
