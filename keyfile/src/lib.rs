//! Key files: one file, one key, with its role, algorithm and key set written inside.
//!
//! A file says what it is, so that an evaluation key cannot be taken for a client key. Secrets are
//! created with mode 0600 and refused when others can read them. Nothing is ever overwritten, and
//! no file is read into memory before its size was checked.
//!
//! # Layout
//! Integers are little endian.
//!
//! | bytes | field |
//! | --- | --- |
//! | 8 | magic `BLINDKEY` |
//! | 2 | version, 1 |
//! | 1 | role: 1 client, 2 camera public, 3 evaluation, 4 signing, 5 verifying key |
//! | 1 | length of the algorithm's name, 1 to 16 |
//! | n | the algorithm's name, of `a-z`, `0-9` and `-` |
//! | 16 | key id, shared by the keys of one key set |
//! | 8 | payload length |
//! | 32 | BLAKE3 of all bytes before this field and the payload |
//! | m | payload |
//!
//! The checksum finds damage, not malice: whoever can write the file can write a fitting checksum.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod error;
mod file;
mod info;
mod key_id;
mod layout;
mod open;
mod role;

pub use error::KeyFileError;
pub use file::KeyFile;
pub use info::KeyInfo;
pub use key_id::{KeyId, KeyIdError};
pub use role::Role;
