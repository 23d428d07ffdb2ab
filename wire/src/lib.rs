//! What the nodes say to each other and how: names, topics, signed envelopes, identities, MQTT
//! connections, configuration files, telemetry and exit codes.
//!
//! Bytes from the network reach a deserialiser only inside the [`envelope`] module, after their
//! signature was checked, and leave it as [`envelope::Verified`]. This crate knows nothing of
//! encryption schemes: a tile is bytes.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod change;
mod codec;
pub mod config;
pub mod envelope;
pub mod failure;
mod hex;
pub mod http;
pub mod identity;
pub mod message;
pub mod mqtt;
pub mod name;
pub mod node;
pub mod random;
pub mod role;
pub mod secret_file;
pub mod shutdown;
pub mod stdout;
pub mod telemetry;
pub mod tls;
pub mod topic;
pub mod trust;
pub mod verifying_key;
pub mod whole_file;
