//! The lab: a picture of one's own through the real broker and worker, beside plaintext pooling.
//!
//! The lab is a camera of its own: it has a signing key, is enrolled at worker and viewer, and encrypts with public keys
//! alone. What comes back is decrypted by the viewer like every other map.
//!
//! - [`config`] the section `[lab]`; [`plan`] what may be asked for; [`picture`] uploads (both pure)
//! - [`courier`] takes one frame to the worker and waits for its map; [`shelf`] pictures and runs that are kept
//! - [`comparison`] the map beside plaintext pooling (pure)

pub(crate) mod comparison;
mod config;
mod courier;
pub(crate) mod picture;
pub(crate) mod plan;
pub(crate) mod shelf;

pub use config::LabConfig;
pub(crate) use config::LabToml;
pub(crate) use courier::{Courier, Lab, new_id};
