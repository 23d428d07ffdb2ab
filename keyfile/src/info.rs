//! What a key file says about itself, without the key.

use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::KeyFileError;
use crate::file::KeyFile;
use crate::key_id::KeyId;
use crate::layout::Header;
use crate::open::Opened;
use crate::role::Role;

/// What a key file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// What the key is for.
    pub role: Role,
    /// The algorithm that the key belongs to.
    pub algorithm: String,
    /// The key set that the key belongs to.
    pub key_id: KeyId,
    /// Length of the key itself.
    pub payload_bytes: u64,
    /// The file's permission bits, such as `0o600`.
    pub mode: u32,
}

impl KeyInfo {
    /// Whether [`KeyFile::read`] would refuse the file because others can open it.
    #[must_use]
    pub fn is_lax(&self) -> bool {
        self.role.is_secret() && self.mode & 0o077 != 0
    }
}

impl KeyFile {
    /// Reads what a key file of any role says about itself and checks its checksum, in constant
    /// memory.
    ///
    /// A lax mode is told ([`KeyInfo::is_lax`]), not refused.
    ///
    /// # Errors
    /// As [`KeyFile::read`], except for the role, the mode and the size limit.
    pub fn inspect(path: &Path) -> Result<KeyInfo, KeyFileError> {
        const BLOCK_BYTES: usize = 64 * 1024;
        let mut opened = Opened::open(path)?;
        opened.check_length()?;
        let mut hasher = opened.header.hasher();
        let mut block = Zeroizing::new(vec![0; BLOCK_BYTES]);
        let mut rest = opened.header.payload_bytes;
        while rest > 0 {
            let wanted = BLOCK_BYTES.min(usize::try_from(rest).unwrap_or(BLOCK_BYTES));
            let Some(part) = block.get_mut(..wanted) else {
                break;
            };
            opened
                .file
                .read_exact(part)
                .map_err(|error: io::Error| opened.read_error(error))?;
            hasher.update(part);
            rest -= wanted as u64;
        }
        opened.check_sum(hasher.finalize())?;
        let mode = opened.mode();
        let Header {
            role,
            algorithm,
            key_id,
            payload_bytes,
        } = opened.header;
        Ok(KeyInfo {
            role,
            algorithm,
            key_id,
            payload_bytes,
            mode,
        })
    }
}
