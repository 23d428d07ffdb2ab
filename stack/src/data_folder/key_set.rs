//! One key set in the data folder: three files that belong together.

use std::fs;
use std::path::{Path, PathBuf};

use cipherframe::{KeyId, SchemeId};
use client_key::{CLIENT_KEY_FILE, EVALUATION_KEY_FILE, PUBLIC_KEY_FILE};
use keyfile::KeyFile;
use wire::failure::{Failure, FailureKind};

/// The folder of a key set; it need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeySetFolder {
    folder: PathBuf,
}

impl KeySetFolder {
    /// The key set of a scheme with this number in the data folder `root`: `bfv`, then `bfv-2`, `bfv-3` and so on.
    pub(super) fn numbered(root: &Path, scheme: SchemeId, number: u32) -> Self {
        let folder = match number {
            ..=1 => root.join(scheme.as_str()),
            more => root.join(format!("{scheme}-{more}")),
        };
        Self { folder }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// The client key.
    pub(crate) fn client_key(&self) -> PathBuf {
        self.folder.join(CLIENT_KEY_FILE)
    }

    /// The camera public key.
    pub(crate) fn public_key(&self) -> PathBuf {
        self.folder.join(PUBLIC_KEY_FILE)
    }

    /// The evaluation key.
    pub(crate) fn evaluation_key(&self) -> PathBuf {
        self.folder.join(EVALUATION_KEY_FILE)
    }

    /// All three.
    pub(crate) fn files(&self) -> [PathBuf; 3] {
        [self.client_key(), self.public_key(), self.evaluation_key()]
    }

    /// The id that its three keys share.
    ///
    /// # Errors
    /// When one of them is missing, cannot be read or belongs to another key set.
    pub(crate) fn check(&self) -> Result<KeyId, Failure> {
        let broken = |what: String| {
            let mend = format!(
                "put the old file back, or move {} away and make new keys",
                self.folder.display()
            );
            Failure::new(FailureKind::BadData, what, mend)
        };
        for path in self.files() {
            if !path.exists() {
                return Err(broken(format!(
                    "the key set is not whole: {} is missing",
                    path.display()
                )));
            }
        }
        let [client, public, evaluation] = self.files();
        let id = KeyFile::inspect(&client)?.key_id;
        for path in [public, evaluation] {
            if KeyFile::inspect(&path)?.key_id != id {
                return Err(broken(format!(
                    "the keys in {} belong to different key sets",
                    self.folder.display()
                )));
            }
        }
        Ok(id)
    }
}

/// The numbers of the key sets of a scheme in the data folder `root`, rising.
///
/// A folder without any key of a key set is something else, such as a node that is called `bfv-2`.
pub(super) fn numbers(root: &Path, scheme: SchemeId) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let number = |name: &str| -> Option<u32> {
        let rest = name.strip_prefix(scheme.as_str())?;
        let number = match rest {
            "" => 1,
            _ => rest.strip_prefix('-')?.parse().ok()?,
        };
        let set = KeySetFolder::numbered(root, scheme, number);
        // `bfv-02` is another folder than that of number 2.
        let is_it = set.folder.file_name()? == name && set.files().iter().any(|file| file.exists());
        is_it.then_some(number)
    };
    let mut numbers: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| number(entry.file_name().to_str()?))
        .collect();
    numbers.sort_unstable();
    numbers
}
