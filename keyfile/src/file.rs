//! A key in memory, and its way to and from a file.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::KeyFileError;
use crate::key_id::KeyId;
use crate::layout::{Header, is_algorithm};
use crate::open::Opened;
use crate::role::Role;

/// A key and what its file says about it. The payload is wiped from memory when this is dropped.
#[derive(Clone)]
pub struct KeyFile {
    role: Role,
    algorithm: String,
    key_id: KeyId,
    payload: Zeroizing<Vec<u8>>,
}

impl KeyFile {
    /// A key that is not in a file yet. `algorithm` is 1 to 16 characters of `a-z`, `0-9` and `-`,
    /// such as "tfhe".
    ///
    /// # Errors
    /// [`KeyFileError::Algorithm`] for any other algorithm name.
    pub fn new(
        role: Role,
        algorithm: &str,
        key_id: KeyId,
        payload: Zeroizing<Vec<u8>>,
    ) -> Result<Self, KeyFileError> {
        if !is_algorithm(algorithm) {
            return Err(KeyFileError::Algorithm {
                algorithm: algorithm.into(),
            });
        }
        Ok(Self {
            role,
            algorithm: algorithm.into(),
            key_id,
            payload,
        })
    }

    /// What the key is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The algorithm that the key belongs to, such as "tfhe", "plain" or "ed25519".
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The key set that the key belongs to.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The key itself.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Gives the key itself away, still wiped when dropped.
    #[must_use]
    pub fn into_payload(self) -> Zeroizing<Vec<u8>> {
        self.payload
    }

    /// Writes a new file, durably: mode 0600 for a secret, else 0644 (both less the umask).
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] when anything, even a dangling link, has that path;
    /// [`KeyFileError::Io`] when writing fails, in which case no file is left behind.
    pub fn create(&self, path: &Path) -> Result<(), KeyFileError> {
        let error = |operation: &'static str| {
            move |source| KeyFileError::Io {
                path: path.into(),
                operation,
                source,
            }
        };
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(self.role.mode())
            .open(path);
        let mut file = match file {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return Err(KeyFileError::Exists { path: path.into() });
            }
            other => other.map_err(error("create"))?,
        };
        self.write_to(&mut file)
            .and_then(|()| file.sync_all())
            .map_err(|source| {
                // Half a key is worse than none; the write error is the one to report.
                let _ = fs::remove_file(path);
                error("write")(source)
            })?;
        sync_folder_of(path).map_err(error("sync the folder of"))
    }

    /// Reads a file that must hold a key of the role `expected`.
    ///
    /// Checked in this order: header, role, mode (for secrets), payload at most `max_payload`
    /// bytes, file length, checksum. Memory for the payload is taken only after the length was
    /// checked.
    ///
    /// # Errors
    /// One variant of [`KeyFileError`] for each thing that can be wrong.
    pub fn read(path: &Path, expected: Role, max_payload: usize) -> Result<Self, KeyFileError> {
        let mut opened = Opened::open(path)?;
        opened.check_role(expected)?;
        opened.check_mode()?;
        let bytes = opened.header.payload_bytes;
        let payload_bytes = usize::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes <= max_payload)
            .ok_or_else(|| KeyFileError::TooLarge {
                path: path.into(),
                bytes,
                limit: max_payload as u64,
            })?;
        opened.check_length()?;
        let mut payload = Zeroizing::new(vec![0; payload_bytes]);
        opened
            .file
            .read_exact(&mut payload)
            .map_err(|error| opened.read_error(error))?;
        let mut hasher = opened.header.hasher();
        hasher.update(&payload);
        opened.check_sum(hasher.finalize())?;
        let Header {
            role,
            algorithm,
            key_id,
            ..
        } = opened.header;
        Ok(Self {
            role,
            algorithm,
            key_id,
            payload,
        })
    }

    fn write_to(&self, file: &mut File) -> io::Result<()> {
        let header = Header {
            role: self.role,
            algorithm: self.algorithm.clone(),
            key_id: self.key_id,
            payload_bytes: self.payload.len() as u64,
        };
        let mut hasher = header.hasher();
        hasher.update(&self.payload);
        file.write_all(&header.to_bytes())?;
        file.write_all(hasher.finalize().as_bytes())?;
        file.write_all(&self.payload)
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile")
            .field("role", &self.role)
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .field("payload", &format_args!("[{} bytes]", self.payload.len()))
            .finish()
    }
}

/// Makes the new name itself durable.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
