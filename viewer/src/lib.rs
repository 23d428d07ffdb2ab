//! The viewer: takes encrypted map tiles, decrypts them, puts the feature maps together and shows them.
//!
//! The viewer is the one node that holds a client key and sees maps. What it sends back to the untrusted side is a
//! signed receipt for each whole frame, and nothing that depends on what a frame shows.
//!
//! A message goes through [`run`] to the desk, which verifies it, drops what was seen before, decrypts the tile and
//! hands it to the assembler ([`assemble`]). A whole frame gets its receipt and becomes a PNG ([`picture`]), a log
//! line ([`report`]) and an event for the observer. [`terminal`] draws maps as text for those who want that.

pub mod assemble;
mod config;
mod desk;
mod event;
mod keyring;
mod outlet;
pub mod picture;
pub mod report;
mod run;
pub mod terminal;
#[cfg(test)]
mod testing;
mod window;

pub use config::ViewerConfig;
pub use event::{ViewerEvent, ViewerSummary};
pub use run::run;
