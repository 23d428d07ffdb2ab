//! Opening a key file up to its payload: the checks that reading and inspecting share.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::error::KeyFileError;
use crate::layout::{Header, HeaderFault};
use crate::role::Role;

/// A key file whose next byte is the first of its payload.
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) header: Header,
    pub(crate) checksum: blake3::Hash,
    path: PathBuf,
    metadata: Metadata,
}

impl Opened {
    pub(crate) fn open(path: &Path) -> Result<Self, KeyFileError> {
        // Without NONBLOCK a pipe would hang the open.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        let io = |operation, source| KeyFileError::Io {
            path: path.into(),
            operation,
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.cast_signed())
            .open(path)
            .map_err(|error| io("open", error))?;
        let metadata = file.metadata().map_err(|error| io("examine", error))?;
        if !metadata.is_file() {
            return Err(KeyFileError::NotAFile { path: path.into() });
        }
        let (header, checksum) = Header::read(&mut file).map_err(|fault| fault.at(path))?;
        Ok(Self {
            file,
            header,
            checksum,
            path: path.into(),
            metadata,
        })
    }

    /// The permission bits.
    pub(crate) fn mode(&self) -> u32 {
        self.metadata.mode() & 0o7777
    }

    pub(crate) fn check_role(&self, expected: Role) -> Result<(), KeyFileError> {
        let found = self.header.role;
        if found == expected {
            return Ok(());
        }
        Err(KeyFileError::WrongRole {
            path: self.path.clone(),
            expected,
            found,
        })
    }

    /// Refuses a secret that its group or others have any right to.
    pub(crate) fn check_mode(&self) -> Result<(), KeyFileError> {
        let (role, mode) = (self.header.role, self.mode());
        if role.is_secret() && mode & 0o077 != 0 {
            return Err(KeyFileError::LaxMode {
                path: self.path.clone(),
                role,
                mode,
            });
        }
        Ok(())
    }

    /// Checks that the file is as long as its header says.
    pub(crate) fn check_length(&self) -> Result<(), KeyFileError> {
        let (expected, found) = (self.header.file_bytes(), self.metadata.len());
        if found < expected {
            return Err(KeyFileError::Truncated {
                path: self.path.clone(),
            });
        }
        if found > expected {
            return Err(KeyFileError::TrailingBytes {
                path: self.path.clone(),
                bytes: found - expected,
            });
        }
        Ok(())
    }

    /// Compares the checksum in the file with that of the bytes read.
    pub(crate) fn check_sum(&self, computed: blake3::Hash) -> Result<(), KeyFileError> {
        if computed == self.checksum {
            return Ok(());
        }
        Err(KeyFileError::Checksum {
            path: self.path.clone(),
        })
    }

    /// The error for a failed read of the payload.
    pub(crate) fn read_error(&self, error: io::Error) -> KeyFileError {
        HeaderFault::from(error).at(&self.path)
    }
}

impl HeaderFault {
    fn at(self, path: &Path) -> KeyFileError {
        let path = path.to_owned();
        match self {
            Self::Io(source) => KeyFileError::Io {
                path,
                operation: "read",
                source,
            },
            Self::Truncated => KeyFileError::Truncated { path },
            Self::BadMagic => KeyFileError::BadMagic { path },
            Self::NewerVersion(version) => KeyFileError::NewerVersion { path, version },
            Self::BadField(field) => KeyFileError::BadHeader { path, field },
        }
    }
}
