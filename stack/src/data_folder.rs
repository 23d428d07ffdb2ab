//! The data folder: every key and identity of a site, made on one machine.
//!
//! ```text
//! blindsight-data/
//!   bfv/client.key   bfv/camera-public.key   bfv/evaluation.key
//!   tfhe/client.key  tfhe/camera-public.key  tfhe/evaluation.key
//!   live/signing.key  compact/signing.key  worker/signing.key  viewer/signing.key
//!   trust.toml
//! ```
//!
//! A key set appears whole or not at all: it is made under another name and renamed.

use crate::progress::Step;
use cipherframe::SchemeId;
use client_key::{CLIENT_KEY_FILE, EVALUATION_KEY_FILE, PUBLIC_KEY_FILE};
use keyfile::KeyFile;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use wire::failure::{Failure, FailureKind};
use wire::identity::SigningIdentity;
use wire::name::Name;
use wire::role::NodeRole;
use wire::trust::TrustStore;

/// A node to make an identity for.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Its name.
    pub(crate) name: Name,
    /// What it does.
    pub(crate) role: NodeRole,
}

/// A data folder by its path; it need not exist yet.
#[derive(Clone, Debug)]
pub(crate) struct DataFolder {
    root: PathBuf,
}

impl DataFolder {
    /// The data folder at `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The client key of a scheme.
    pub(crate) fn client_key(&self, scheme: SchemeId) -> PathBuf {
        self.key_set(scheme).join(CLIENT_KEY_FILE)
    }

    /// The camera public key of a scheme.
    pub(crate) fn public_key(&self, scheme: SchemeId) -> PathBuf {
        self.key_set(scheme).join(PUBLIC_KEY_FILE)
    }

    /// The evaluation key of a scheme.
    pub(crate) fn evaluation_key(&self, scheme: SchemeId) -> PathBuf {
        self.key_set(scheme).join(EVALUATION_KEY_FILE)
    }

    /// The signing key of a node.
    pub(crate) fn signing_key(&self, node: &Name) -> PathBuf {
        self.root.join(node.to_string()).join("signing.key")
    }

    /// The trust store.
    pub(crate) fn trust(&self) -> PathBuf {
        self.root.join("trust.toml")
    }

    /// Makes what is missing: the key sets of `schemes`, a signing key for each node and its enrolment. What is there
    /// stays. Gives the paths of what was made.
    pub(crate) fn complete(
        &self,
        schemes: &[SchemeId],
        nodes: &[Node],
    ) -> Result<Vec<PathBuf>, Failure> {
        private_folder(&self.root)?;
        let mut made = Vec::new();
        for scheme in schemes.iter().copied() {
            if self.key_set(scheme).exists() {
                self.check_key_set(scheme)?;
                continue;
            }
            self.make_key_set(scheme)?;
            made.extend([
                self.client_key(scheme),
                self.public_key(scheme),
                self.evaluation_key(scheme),
            ]);
        }
        let mut trust = match self.trust().exists() {
            true => TrustStore::load(&self.trust())?,
            false => TrustStore::new(),
        };
        for node in nodes {
            let path = self.signing_key(&node.name);
            if !path.exists() {
                private_folder(&self.root.join(node.name.to_string()))?;
                SigningIdentity::generate(&node.name)?.create(&path)?;
                made.push(path.clone());
            }
            let key = SigningIdentity::load(&path)?.verifying_key();
            if trust.get(&key.signer_id()).is_none() {
                trust.enroll(&node.name, node.role, &key)?;
                trust.save(&self.trust())?;
            }
        }
        Ok(made)
    }

    fn key_set(&self, scheme: SchemeId) -> PathBuf {
        self.root.join(scheme.as_str())
    }

    /// Refuses a key set of which a file is missing or belongs to another one.
    fn check_key_set(&self, scheme: SchemeId) -> Result<(), Failure> {
        let mend = || {
            let folder = self.key_set(scheme);
            format!(
                "put the old file back, or move {} away and make new keys",
                folder.display()
            )
        };
        let broken = |what: String| Failure::new(FailureKind::BadData, what, mend());
        let mut key_ids = Vec::new();
        for path in [
            self.client_key(scheme),
            self.public_key(scheme),
            self.evaluation_key(scheme),
        ] {
            if !path.exists() {
                return Err(broken(format!(
                    "the key set is not whole: {} is missing",
                    path.display()
                )));
            }
            key_ids.push(KeyFile::inspect(&path)?.key_id);
        }
        if key_ids.windows(2).any(|pair| pair[0] != pair[1]) {
            let folder = self.key_set(scheme);
            return Err(broken(format!(
                "the keys in {} belong to different key sets",
                folder.display()
            )));
        }
        Ok(())
    }

    fn make_key_set(&self, scheme: SchemeId) -> Result<(), Failure> {
        let step = Step::start(&format!("making the {scheme} keys"));
        let keys = client_key::generate(scheme, &step)
            .map_err(|error| Failure::of(FailureKind::Io, &error))?;
        let unfinished = self
            .root
            .join(format!("{scheme}.{}.new", std::process::id()));
        private_folder(&unfinished)?;
        keys.create_in(&unfinished)
            .map_err(crate::failure::of_key)?;
        fs::rename(&unfinished, self.key_set(scheme)).map_err(|error| {
            let what = format!("renaming {}", unfinished.display());
            Failure::io(what, &error, "remove it and start again")
        })?;
        step.finish();
        Ok(())
    }
}

/// A folder only its owner can enter, made if missing.
pub(crate) fn private_folder(path: &Path) -> Result<(), Failure> {
    let made = fs::DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(path);
    made.map_err(|error| {
        let mend = match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => "name a folder, not a file",
            _ => "choose a folder that you may write to",
        };
        Failure::io(
            format!("making the folder {}", path.display()),
            &error,
            mend,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, role: NodeRole) -> Node {
        Node {
            name: name.parse().unwrap(),
            role,
        }
    }

    #[test]
    fn completing_twice_makes_nothing_new_and_a_new_node_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(&folder.path().join("data"));
        let nodes = [
            node("gate", NodeRole::Camera),
            node("viewer", NodeRole::Viewer),
        ];
        assert_eq!(data.complete(&[SchemeId::Plain], &nodes).unwrap().len(), 5);
        assert_eq!(
            data.complete(&[SchemeId::Plain], &nodes).unwrap(),
            Vec::<PathBuf>::new()
        );
        let more = [
            nodes[0].clone(),
            nodes[1].clone(),
            node("yard", NodeRole::Camera),
        ];
        let made = data.complete(&[SchemeId::Plain], &more).unwrap();
        assert_eq!(made, [data.signing_key(&more[2].name)]);
        let trust = TrustStore::load(&data.trust()).unwrap();
        let names: Vec<String> = trust
            .nodes()
            .iter()
            .map(|node| node.name().to_string())
            .collect();
        assert_eq!(names, ["gate", "viewer", "yard"]);
    }

    #[test]
    fn a_key_set_that_is_not_whole_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path());
        data.complete(&[SchemeId::Plain], &[]).unwrap();
        let (client, other) = (
            data.client_key(SchemeId::Plain),
            folder.path().join("other.key"),
        );
        fs::rename(&client, &other).unwrap();
        let failure = data.complete(&[SchemeId::Plain], &[]).unwrap_err();
        assert_eq!(
            failure.what,
            format!("the key set is not whole: {} is missing", client.display())
        );
        client_key::generate(SchemeId::Plain, &())
            .unwrap()
            .client
            .create(&client)
            .unwrap();
        let failure = data.complete(&[SchemeId::Plain], &[]).unwrap_err();
        assert!(
            failure.what.ends_with("belong to different key sets"),
            "{failure}"
        );
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        fs::write(&path, "x").unwrap();
        let failure = DataFolder::new(&path)
            .complete(&[SchemeId::Plain], &[])
            .unwrap_err();
        assert!(
            failure.what.contains(&path.display().to_string()),
            "{failure}"
        );
        assert_eq!(failure.mend, "name a folder, not a file");
    }
}
