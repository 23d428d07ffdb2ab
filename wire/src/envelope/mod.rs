//! Signed envelopes: the only form in which messages travel between nodes.
//!
//! A message from the network is bytes until [`open`] has checked it, and [`Verified`] ever after.
//! Nothing is deserialised before its signature was checked, and no other module can make a
//! [`Verified`].
//!
//! # Layout
//! Integers are little endian.
//!
//! | bytes | field |
//! | --- | --- |
//! | 4 | magic `BSE1` |
//! | 1 | kind: 1 frame tile, 2 map tile, 3 receipt |
//! | 16 | signer: the first 16 bytes of the BLAKE3 hash of its verifying key |
//! | 8 | payload length |
//! | 32 | BLAKE3 of the payload |
//! | 2 | message length, at most 1024 |
//! | n | message (bincode 2, fixed integers, see [`crate::message`]) |
//! | 64 | Ed25519 signature |
//! | m | payload |
//!
//! The header is everything before the signature. The signature is over the bytes `blindsight/v1
//! envelope`, a zero byte, and the header.

mod layout;
mod open;
mod refusal;
mod seal;

pub use layout::MAX_OVERHEAD_BYTES;
pub use open::{Limits, Verified, VerifiedMessage, VerifiedPayload, open};
pub use refusal::Refusal;
pub use seal::{SealError, seal};

#[cfg(test)]
mod tests;
