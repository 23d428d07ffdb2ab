//! The trust file: its text, read with every problem at once and written whole.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use super::{Cameras, TrustError, TrustStore, TrustedNode};
use crate::change::{Change, ChangeError};
use crate::config::{self, ConfigErrors, Problems};
use crate::failure::Failure;
use crate::name::Name;

/// Nothing in it is secret.
const MODE: u32 = 0o644;
const HEADING: &str =
    "# The nodes whose signatures count. `blindsight keys enroll` writes this file.\n";
const ADD_KEY: &str =
    "add the 64 hexadecimal digits that `blindsight keys show` prints for the node";
const ADD_ID: &str = "add the key id that `blindsight keys show` prints for a key of the set";

impl TrustStore {
    /// Reads a trust file.
    ///
    /// # Errors
    /// All problems of the file, each with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        config::load(path, meaning)
    }

    /// As [`TrustStore::load`], with the text in memory. `path` serves messages only.
    ///
    /// # Errors
    /// All problems of the text, each with its line.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigErrors> {
        config::parse(path, text, meaning)
    }

    /// The store as the text of a trust file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::from(HEADING);
        for TrustedNode {
            name,
            role,
            key,
            cameras,
            signer_id: _,
        } in &self.nodes
        {
            // Writing to a String cannot fail, and no value needs escaping.
            let _ = write!(
                text,
                "\n[[node]]\nname = \"{name}\"\nrole = \"{role}\"\nverifying_key = \"{key}\"\n"
            );
            if let Cameras::Only(names) = cameras {
                let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                let _ = writeln!(text, "cameras = [{}]", names.join(", "));
            }
        }
        for key_set in &self.retired {
            let _ = write!(text, "\n[[retired_key_set]]\nid = \"{key_set}\"\n");
        }
        text
    }

    /// Writes the trust file: whole and durably, or not at all. Replaces an older one, and its
    /// comments; owner, group and mode stay as they were.
    ///
    /// # Errors
    /// When the file system refuses it.
    pub fn save(&self, path: &Path) -> Result<(), TrustError> {
        Ok(self.replace(Change::begin(path)?)?)
    }

    /// Reads the trust file, changes it and writes it, without another command in between. What
    /// `change` refuses changes nothing.
    ///
    /// # Errors
    /// Those of [`TrustStore::load`], of `change` and of [`TrustStore::save`].
    pub fn change<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, TrustError>,
    ) -> Result<T, Failure> {
        let right = Change::begin(path)?;
        Self::load(path)?.changed(right, change)
    }

    /// As [`TrustStore::change`]; a file that is missing is made.
    ///
    /// # Errors
    /// As [`TrustStore::change`].
    pub fn change_or_create<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, TrustError>,
    ) -> Result<T, Failure> {
        let right = Change::begin(path)?;
        let store = if path.exists() {
            Self::load(path)?
        } else {
            Self::new()
        };
        store.changed(right, change)
    }

    fn changed<T>(
        mut self,
        right: Change<'_>,
        change: impl FnOnce(&mut Self) -> Result<T, TrustError>,
    ) -> Result<T, Failure> {
        let result = change(&mut self)?;
        self.replace(right)?;
        Ok(result)
    }

    fn replace(&self, right: Change<'_>) -> Result<(), ChangeError> {
        right.replace(self.to_toml().as_bytes(), MODE)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustToml {
    node: Option<Vec<NodeToml>>,
    retired_key_set: Option<Vec<KeySetToml>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeToml {
    name: Option<String>,
    role: Option<String>,
    verifying_key: Option<String>,
    cameras: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeySetToml {
    id: Option<String>,
}

fn meaning(typed: TrustToml, problems: &mut Problems) -> Option<TrustStore> {
    let mut store = TrustStore::new();
    for (index, node) in typed.node.unwrap_or_default().into_iter().enumerate() {
        enroll(&mut store, &format!("node[{index}]"), node, problems);
    }
    let retired = typed.retired_key_set.unwrap_or_default();
    for (index, key_set) in retired.into_iter().enumerate() {
        let key = format!("retired_key_set[{index}].id");
        let id = problems
            .required(&key, key_set.id, ADD_ID)
            .and_then(|text| problems.parsed(&key, &text, ADD_ID));
        if let Some(id) = id
            && store.retire(id).is_err()
        {
            problems.push(&key, "this key set is retired above", "name it once");
        }
    }
    Some(store)
}

fn enroll(store: &mut TrustStore, section: &str, node: NodeToml, problems: &mut Problems) {
    let key = |name: &str| format!("{section}.{name}");
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
    let cameras = cameras(&key("cameras"), node.cameras, problems);
    let (Some(name), Some(role), Some(verifying_key), Some(cameras)) =
        (name, role, verifying_key, cameras)
    else {
        return;
    };
    let Err(error) = store.enroll_for(&name, role, &verifying_key, cameras) else {
        return;
    };
    match error {
        TrustError::KnownKey { name } => problems.push(
            &key("verifying_key"),
            format!("this key is enrolled above, for `{name}`"),
            "give each node its own key, once",
        ),
        TrustError::OtherRole { name, role, .. } => problems.push(
            &key("role"),
            format!("`{name}` is enrolled above as {role}"),
            "choose another name",
        ),
        // What else enrolling dislikes is the list.
        other => {
            let text = other.to_string();
            let (what, mend) = text.split_once("; ").unwrap_or((&text, ""));
            problems.push(&key("cameras"), what, mend);
        }
    }
}

/// `None` when a name is none.
fn cameras(key: &str, typed: Option<Vec<String>>, problems: &mut Problems) -> Option<Cameras> {
    let Some(typed) = typed else {
        return Some(Cameras::All);
    };
    let names: Vec<Option<Name>> = typed
        .iter()
        .enumerate()
        .map(|(index, text)| problems.parsed(&format!("{key}[{index}]"), text, ""))
        .collect();
    names
        .into_iter()
        .collect::<Option<Vec<Name>>>()
        .map(Cameras::Only)
}
