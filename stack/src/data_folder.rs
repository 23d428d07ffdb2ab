//! The data folder: every key and identity of a site, made on one machine.
//!
//! ```text
//! blindsight-data/
//!   bfv/client.key   bfv/camera-public.key   bfv/evaluation.key
//!   bfv-2/...        a key set made by rotation; the newest is the one that is used
//!   tfhe/client.key  tfhe/camera-public.key  tfhe/evaluation.key
//!   live/signing.key  compact/signing.key  worker/signing.key  viewer/signing.key
//!   trust.toml
//! ```
//!
//! A key set appears whole or not at all: it is made under another name and renamed.

mod key_set;

use crate::progress::Step;
use cipherframe::SchemeId;
pub(crate) use key_set::KeySetFolder;
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

    /// The newest key set of a scheme; the first, which is to be made, when there is none.
    pub(crate) fn key_set(&self, scheme: SchemeId) -> KeySetFolder {
        let newest = key_set::numbers(&self.root, scheme).last().copied();
        KeySetFolder::numbered(&self.root, scheme, newest.unwrap_or(1))
    }

    /// The key set of a scheme with this number, counted from 1.
    pub(crate) fn key_set_numbered(&self, scheme: SchemeId, number: u32) -> KeySetFolder {
        KeySetFolder::numbered(&self.root, scheme, number)
    }

    /// The signing key of a node.
    pub(crate) fn signing_key(&self, node: &Name) -> PathBuf {
        self.root.join(node.to_string()).join("signing.key")
    }

    /// The trust store.
    pub(crate) fn trust(&self) -> PathBuf {
        self.root.join("trust.toml")
    }

    /// Makes what is missing: the key sets of `schemes`, a signing key for each node with its enrolment. What is there
    /// stays, and who was revoked stays revoked. Gives the paths of what was made.
    pub(crate) fn complete(
        &self,
        schemes: &[SchemeId],
        nodes: &[Node],
    ) -> Result<Vec<PathBuf>, Failure> {
        private_folder(&self.root)?;
        let mut made = Vec::new();
        for scheme in schemes.iter().copied() {
            let key_set = self.key_set(scheme);
            if key_set.path().exists() {
                key_set.check()?;
                continue;
            }
            self.make_key_set(scheme, &key_set)?;
            made.extend(key_set.files());
        }
        let first = !self.trust().exists();
        let mut trust = match first {
            true => TrustStore::new(),
            false => TrustStore::load(&self.trust())?,
        };
        for node in nodes {
            let path = self.signing_key(&node.name);
            let new = !path.exists();
            if new {
                private_folder(&self.root.join(node.name.to_string()))?;
                SigningIdentity::generate(&node.name)?.create(&path)?;
                made.push(path.clone());
            }
            let key = SigningIdentity::load(&path)?.verifying_key();
            if trust.get(&key.signer_id()).is_some() {
                continue;
            }
            // An old key that a trust file does not list was revoked, and stays so.
            if new || first {
                trust = TrustStore::change_or_create(&self.trust(), |trust| {
                    trust.enroll(&node.name, node.role, &key)?;
                    Ok(trust.clone())
                })?;
            } else if !trust.nodes().iter().any(|other| *other.name() == node.name) {
                eprintln!(
                    "{} is not enrolled in {}; if it was not revoked, enrol it with `blindsight keys enroll`",
                    path.display(),
                    self.trust().display()
                );
            }
        }
        Ok(made)
    }

    /// Makes a new key set beside those of `scheme` that are there. Gives the newest of these and the new one.
    pub(crate) fn rotate(&self, scheme: SchemeId) -> Result<(KeySetFolder, KeySetFolder), Failure> {
        let Some(newest) = key_set::numbers(&self.root, scheme).last().copied() else {
            return Err(Failure::new(
                FailureKind::Configuration,
                format!(
                    "there is no key set of scheme {scheme} in {}",
                    self.root.display()
                ),
                format!(
                    "make the first with `blindsight keys new --scheme {scheme}`, or mend --dir"
                ),
            ));
        };
        // Whatever else has such a name stays.
        let free = (newest.saturating_add(1)..)
            .map(|number| self.key_set_numbered(scheme, number))
            .find(|set| !set.path().exists());
        let new = free.ok_or_else(|| {
            Failure::new(
                FailureKind::Configuration,
                format!("there is no name left for a key set of scheme {scheme}"),
                "name another data folder",
            )
        })?;
        let old = self.key_set_numbered(scheme, newest);
        old.check()?;
        self.make_key_set(scheme, &new)?;
        Ok((old, new))
    }

    fn make_key_set(&self, scheme: SchemeId, to: &KeySetFolder) -> Result<(), Failure> {
        let step = Step::start(&format!("making the {scheme} keys"));
        let keys = client_key::generate(scheme, &step)
            .map_err(|error| Failure::of(FailureKind::Io, &error))?;
        let unfinished = self
            .root
            .join(format!("{scheme}.{}.new", std::process::id()));
        private_folder(&unfinished)?;
        keys.create_in(&unfinished)
            .map_err(crate::failure::of_key)?;
        fs::rename(&unfinished, to.path()).map_err(|error| {
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
    fn who_was_revoked_is_not_enrolled_again() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path());
        let nodes = [
            node("gate", NodeRole::Camera),
            node("viewer", NodeRole::Viewer),
        ];
        data.complete(&[], &nodes).unwrap();
        let mut trust = TrustStore::load(&data.trust()).unwrap();
        trust.revoke_name(&nodes[0].name).unwrap();
        trust.save(&data.trust()).unwrap();
        data.complete(&[], &nodes).unwrap();
        assert_eq!(TrustStore::load(&data.trust()).unwrap(), trust);
        // Without a trust file there is nobody to have revoked it.
        fs::remove_file(data.trust()).unwrap();
        data.complete(&[], &nodes).unwrap();
        let trust = TrustStore::load(&data.trust()).unwrap();
        assert_eq!(trust.nodes().len(), 2);
    }

    #[test]
    fn a_key_set_that_is_not_whole_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path());
        data.complete(&[SchemeId::Plain], &[]).unwrap();
        let (client, other) = (
            data.key_set(SchemeId::Plain).client_key(),
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
    fn a_rotated_key_set_stands_beside_the_old_one_and_is_the_one_to_use() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path());
        let plain = SchemeId::Plain;
        let failure = data.rotate(plain).unwrap_err();
        assert_eq!(
            failure.to_string(),
            format!(
                "there is no key set of scheme plain in {}\n  \
                 help: make the first with `blindsight keys new --scheme plain`, or mend --dir",
                folder.path().display()
            )
        );
        data.complete(&[plain], &[]).unwrap();
        let first = data.key_set(plain);
        assert_eq!(first.path(), folder.path().join("plain"));
        // A node of that name, and a folder that only looks like a key set.
        fs::create_dir(folder.path().join("plain-2")).unwrap();
        fs::create_dir(folder.path().join("plain-04")).unwrap();
        let (old, new) = data.rotate(plain).unwrap();
        assert_eq!(
            (&old, new.path()),
            (&first, &*folder.path().join("plain-3"))
        );
        assert_ne!(old.check().unwrap(), new.check().unwrap());
        assert_eq!(data.key_set(plain), new);
        assert_eq!(data.key_set_numbered(plain, 1), first);
        assert_eq!(data.complete(&[plain], &[]).unwrap(), Vec::<PathBuf>::new());
        let (old, third) = data.rotate(plain).unwrap();
        assert_eq!((old, third.path()), (new, &*folder.path().join("plain-4")));
        // The old ones may go.
        fs::remove_dir_all(first.path()).unwrap();
        assert_eq!(data.key_set(plain), third);
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
