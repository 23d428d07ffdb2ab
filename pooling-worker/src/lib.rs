//! The pooling worker: takes encrypted tiles, pools them without seeing them, and sends encrypted map tiles back.
//!
//! A worker holds evaluation keys and a signing key. It cannot name a client key: the crate that defines it is not
//! among its dependencies. It keeps no state beyond the tiles in hand, so it may die and come back at any moment.
//!
//! Tiles flow through three stages joined by bounded queues (`stages`): messages are verified, their headers
//! checked and an evaluation key chosen (`intake`); one thread pools tile after tile, each spread over all cores
//! (`pooling`); the maps are signed and sent on a second connection. A tile that cannot be pooled is counted, named
//! in one log line and dropped.

mod config;
mod in_flight;
mod intake;
mod keyring;
mod pooling;
mod progress;
mod run;
mod stages;
mod summary;
#[cfg(test)]
mod testing;

pub use config::WorkerConfig;
pub use run::run;
pub use summary::WorkerSummary;
