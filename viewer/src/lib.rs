//! The viewer: takes encrypted map tiles, decrypts them, puts the feature maps together and shows them.
//!
//! The viewer is the one node that holds a client key and sees maps. What it sends back to the untrusted side is a
//! signed receipt for each whole frame, and nothing that depends on what a frame shows.
//!
//! A message goes through [`run`] to the desk, which verifies it, drops what was seen before, decrypts the tile and
//! hands it to the assembler ([`assemble`]), which gives the frames back in their order. A frame becomes a PNG
//! ([`picture`]) and a line of the log of frames ([`journal`]), gets its receipt, and becomes a line for people
//! ([`report`]) and an event for the observer. [`terminal`] draws maps as text for those who want that.

pub mod anomaly;
mod archive;
pub mod assemble;
mod clock;
mod config;
mod desk;
mod event;
mod events;
mod figures;
pub mod journal;
mod keyring;
mod lab;
pub mod map_folder;
pub mod offline;
mod outlet;
pub mod picture;
pub mod report;
mod run;
mod sessions;
pub mod terminal;
#[cfg(test)]
mod testing;
mod watch;
mod web;

pub use config::{DEFAULT_LOG_BYTES, OutConfig, ViewerConfig};
pub use event::{AnomalyEvent, AnomalyKind, MapScore, ViewerEvent, ViewerSummary};
pub use lab::LabConfig;
pub use run::run;
pub use sessions::Gap;
pub use watch::AnomalyConfig;
pub use web::WebConfig;
