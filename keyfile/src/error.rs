//! What can be wrong with a key file, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::layout::VERSION;
use crate::role::Role;

/// Why a key file cannot be written or used. Displays as "what happened; what to do".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The operating system refused an operation.
    Io {
        /// The key file.
        path: PathBuf,
        /// The operation, such as "open".
        operation: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is there already; keys are never overwritten.
    Exists {
        /// The existing file.
        path: PathBuf,
    },
    /// The path is a folder, a pipe or a device.
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file does not begin as key files do.
    BadMagic {
        /// The file.
        path: PathBuf,
    },
    /// A newer release wrote the file.
    NewerVersion {
        /// The key file.
        path: PathBuf,
        /// The version written in it.
        version: u16,
    },
    /// A header field holds what no release writes.
    BadHeader {
        /// The key file.
        path: PathBuf,
        /// The field.
        field: &'static str,
    },
    /// The key is for something else.
    WrongRole {
        /// The key file.
        path: PathBuf,
        /// The role that was needed.
        expected: Role,
        /// The role in the file.
        found: Role,
    },
    /// A secret that others than its owner may read or write.
    LaxMode {
        /// The key file.
        path: PathBuf,
        /// Its role.
        role: Role,
        /// Its permission bits.
        mode: u32,
    },
    /// The payload is longer than the reader allows.
    TooLarge {
        /// The key file.
        path: PathBuf,
        /// Payload length written in the file, in bytes.
        bytes: u64,
        /// The reader's limit, in bytes.
        limit: u64,
    },
    /// The file ends early.
    Truncated {
        /// The key file.
        path: PathBuf,
    },
    /// The file goes on after the payload.
    TrailingBytes {
        /// The key file.
        path: PathBuf,
        /// How many bytes are too many.
        bytes: u64,
    },
    /// The content does not fit its checksum.
    Checksum {
        /// The key file.
        path: PathBuf,
    },
    /// A key was to be made with an unfit algorithm name.
    Algorithm {
        /// The refused name.
        algorithm: String,
    },
}

impl KeyFileError {
    /// What happened: a fragment without a final stop.
    #[must_use]
    pub fn what(&self) -> String {
        self.halves().0
    }

    /// What the user can do: an imperative without a final stop.
    #[must_use]
    pub fn mend(&self) -> String {
        self.halves().1
    }

    fn halves(&self) -> (String, String) {
        const COPY_AGAIN: &str = "copy it again from where it was made, or make new keys";
        match self {
            Self::Io {
                path,
                operation,
                source,
            } => (
                format!(
                    "cannot {operation} the key file `{}`: {source}",
                    path.display()
                ),
                match source.kind() {
                    io::ErrorKind::NotFound if *operation == "open" => {
                        "check the path; keys are made by `blindsight keys new`".into()
                    }
                    io::ErrorKind::NotFound => "check the path".into(),
                    io::ErrorKind::PermissionDenied => "run as the user who owns the key".into(),
                    _ => "check the disk and the path".into(),
                },
            ),
            Self::Exists { path } => (
                format!(
                    "the key file `{}` exists and is never overwritten",
                    path.display()
                ),
                "name another path, or move the old key away first".into(),
            ),
            Self::NotAFile { path } => (
                format!("`{}` is not a regular file", path.display()),
                "name the key file itself".into(),
            ),
            Self::BadMagic { path } => (
                format!("`{}` is not a key file", path.display()),
                "check the path; key files are made by `blindsight keys new`".into(),
            ),
            Self::NewerVersion { path, version } => (
                format!(
                    "the key file `{}` has version {version}, this release reads version {VERSION}",
                    path.display()
                ),
                "use a newer release".into(),
            ),
            Self::BadHeader { path, field } => (
                format!("the key file `{}` has a bad {field}", path.display()),
                COPY_AGAIN.into(),
            ),
            Self::WrongRole {
                path,
                expected,
                found,
            } => (
                format!(
                    "`{}` holds the {found}, needed is the {expected}",
                    path.display()
                ),
                format!("name the file of the {expected}"),
            ),
            Self::LaxMode { path, role, mode } => (
                format!(
                    "the {role} `{}` is open to others (mode {mode:04o})",
                    path.display()
                ),
                format!("run `chmod 600 {}`", path.display()),
            ),
            Self::TooLarge { path, bytes, limit } => (
                format!(
                    "the key file `{}` holds {bytes} bytes, at most {limit} are allowed here",
                    path.display()
                ),
                "check that this is the right key; such keys are never so large".into(),
            ),
            Self::Truncated { path } => (
                format!("the key file `{}` ends early", path.display()),
                COPY_AGAIN.into(),
            ),
            Self::TrailingBytes { path, bytes } => (
                format!(
                    "the key file `{}` has {bytes} bytes after its end",
                    path.display()
                ),
                COPY_AGAIN.into(),
            ),
            Self::Checksum { path } => (
                format!(
                    "the key file `{}` is damaged: its checksum does not fit",
                    path.display()
                ),
                COPY_AGAIN.into(),
            ),
            Self::Algorithm { algorithm } => (
                format!("{algorithm:?} cannot be the name of a key's algorithm"),
                "use 1 to 16 characters of a-z, 0-9 and `-`".into(),
            ),
        }
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, mend) = self.halves();
        write!(f, "{what}; {mend}")
    }
}
