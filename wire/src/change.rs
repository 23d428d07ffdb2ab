//! Files that commands change while nodes read them: replaced whole, by one command at a time, and
//! still readable for the nodes afterwards.

use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, FailureKind};
use crate::whole_file::folder_of;

/// How long another command may take. It holds the lock while it reads and writes, not while it
/// asks somebody.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Why a file is not changed. Messages are "what happened; what to do".
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
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
    /// The new file cannot be given to the owner of the old one.
    #[error(
        "cannot give `{}` back to its owner (user {uid}, group {gid}): {source}; run the command as \
         root, or as that user",
        path.display()
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// The user whom it belongs to.
        uid: u32,
        /// Its group.
        gid: u32,
        /// What the operating system said.
        source: io::Error,
    },
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        let kind = match &error {
            ChangeError::Io { source, .. } => FailureKind::of_io(source),
            ChangeError::Owner { .. } => FailureKind::Permissions,
        };
        Self::of(kind, &error)
    }
}

/// The right to change a file. Nobody else has it until this is dropped.
#[derive(Debug)]
pub struct Change<'p> {
    path: &'p Path,
    /// The folder, locked: a lock on the file itself would go with it when it is replaced.
    folder: File,
}

impl<'p> Change<'p> {
    /// Waits for other commands, at most 10 s. What is read from now on stays true until the
    /// file is replaced.
    ///
    /// Who may read the folder may lock it, so this goes on after those 10 s, and where a file
    /// system has no locks: nobody shall keep a key from being revoked.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn begin(path: &'p Path) -> Result<Self, ChangeError> {
        Self::begin_within(path, PATIENCE)
    }

    fn begin_within(path: &'p Path, patience: Duration) -> Result<Self, ChangeError> {
        let folder = File::open(folder_of(path)).map_err(failed(path, "open the folder of"))?;
        let began = Instant::now();
        loop {
            match folder.try_lock() {
                Ok(()) => return Ok(Self { path, folder }),
                Err(TryLockError::WouldBlock) if began.elapsed() < patience => {
                    thread::sleep(LOOK_EVERY);
                }
                Err(error) => {
                    let file = path.display();
                    tracing::warn!(%file, %error, "another command may change this file meanwhile");
                    return Ok(Self { path, folder });
                }
            }
        }
    }

    /// Writes the file: whole and durably, or not at all. Owner, group and mode stay those of the
    /// file that it replaces; without one it is the caller's and has `mode`, less the umask.
    ///
    /// # Errors
    /// When the file system refuses it.
    pub fn replace(self, bytes: &[u8], mode: u32) -> Result<(), ChangeError> {
        let path = self.path;
        let mut new_name = path.file_name().unwrap_or_default().to_owned();
        new_name.push(format!(".{}.new", std::process::id()));
        let new = path.with_file_name(new_name);
        let old = match fs::metadata(path) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(path, "look at")(error)),
        };
        // Left behind by a command that was killed, of a process with the same number.
        let _ = fs::remove_file(&new);
        // Until it is the owner's, nobody else has any right to it that the old one does not give.
        let at_first = if old.is_some() { mode & 0o600 } else { mode };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(at_first)
            .open(&new)
            .map_err(failed(&new, "create"))?;
        let written = (|| {
            if let Some(old) = &old {
                self.keep(old, &file)?;
            }
            file.write_all(bytes)
                .and_then(|()| file.sync_all())
                .map_err(failed(&new, "write"))?;
            fs::rename(&new, path).map_err(failed(path, "replace"))
        })();
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written?;
        // What was taken out must not come back with the old file after a power cut.
        let synced = self.folder.sync_all();
        synced.map_err(failed(path, "sync the folder of"))
    }

    /// Gives `file` the owner, the group and the mode of `old`.
    fn keep(&self, old: &Metadata, file: &File) -> Result<(), ChangeError> {
        let path = self.path;
        let new = file.metadata().map_err(failed(path, "look at"))?;
        let (uid, gid) = (old.uid(), old.gid());
        if (new.uid(), new.gid()) != (uid, gid) {
            fchown(file, Some(uid), Some(gid)).map_err(|source| ChangeError::Owner {
                path: path.into(),
                uid,
                gid,
                source,
            })?;
        }
        file.set_permissions(Permissions::from_mode(old.mode() & 0o777))
            .map_err(failed(path, "keep the mode of"))
    }
}

fn failed(path: &Path, operation: &'static str) -> impl FnOnce(io::Error) -> ChangeError {
    let path = path.into();
    move |source| ChangeError::Io {
        path,
        operation,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::os::unix::fs::chown;
    use std::process::Command;

    use super::*;

    fn rights(path: &Path) -> (u32, u32, u32) {
        let metadata = fs::metadata(path).unwrap();
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
    }

    /// Runs the test `name` of this module again with a umask that takes all rights of others;
    /// `true` in that run. A umask is the whole process's.
    fn under_umask_077(name: &str) -> bool {
        const MARK: &str = "BLINDSIGHT_TEST_UMASK_077";
        if env::var_os(MARK).is_some() {
            return true;
        }
        let again = Command::new("sh")
            .args(["-c", "umask 077 && exec \"$0\" \"$@\""])
            .arg(env::current_exe().unwrap())
            .args(["--exact", &format!("change::tests::{name}")])
            .env(MARK, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(
            again.status.success() && said.contains("1 passed"),
            "{said}"
        );
        false
    }

    #[test]
    fn owner_and_mode_outlive_a_change() {
        if !under_umask_077("owner_and_mode_outlive_a_change") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let replace = |text: &str| {
            let change = Change::begin(&path).unwrap();
            change.replace(text.as_bytes(), 0o644).unwrap();
        };
        replace("first");
        assert_eq!(rights(&path).2, 0o600, "a new file obeys the umask");
        for mode in [0o640, 0o644, 0o400] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            replace("second");
            assert_eq!(rights(&path).2, mode);
        }
        // Only root may give a file away.
        if rustix::process::geteuid().is_root() && chown(&path, Some(4321), Some(1234)).is_ok() {
            replace("third");
            assert_eq!(rights(&path), (4321, 1234, 0o400));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn nobody_keeps_a_file_from_being_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let _first = Change::begin(&path).unwrap();
        let left_behind = folder
            .path()
            .join(format!("file.{}.new", std::process::id()));
        fs::write(left_behind, "half").unwrap();
        let (began, patience) = (Instant::now(), Duration::from_millis(50));
        let second = Change::begin_within(&path, patience).unwrap();
        assert!(began.elapsed() >= patience);
        second.replace(b"text", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn an_owner_that_cannot_be_kept_is_told() {
        let error = ChangeError::Owner {
            path: "trust.toml".into(),
            uid: 7,
            gid: 8,
            source: io::Error::from(io::ErrorKind::PermissionDenied),
        };
        let failure = Failure::from(error);
        assert_eq!(failure.kind, FailureKind::Permissions);
        assert_eq!(
            failure.to_string(),
            "cannot give `trust.toml` back to its owner (user 7, group 8): permission denied\n  \
             help: run the command as root, or as that user"
        );
    }
}
