//! The pooling worker: takes encrypted tiles, pools them without seeing them, and sends encrypted map tiles back.
//!
//! A worker holds evaluation keys and a signing key. It cannot name a client key: the crate that defines it is not
//! among its dependencies. It keeps no state beyond the tiles in hand, so it may die and come back at any moment.
//!
//! Tiles flow through three stages with bounded memory between them: messages are verified, their headers checked and
//! an evaluation key chosen (`stages`, `intake`); each tile waits in one of two lanes (`lane`, `backlog`), by whether
//! pooling it keeps all cores busy or one, and each lane has threads of its own (`threads`, `pooling`); the maps are
//! signed and sent on a second connection. A tile that cannot be pooled is counted, named in one log line and dropped.

mod backlog;
mod config;
mod figures;
mod in_flight;
mod intake;
mod keyring;
mod lane;
mod pooling;
mod priority;
mod progress;
mod run;
mod stages;
mod summary;
#[cfg(test)]
mod testing;
mod threads;

pub use config::{DEFAULT_BACKLOG_BYTES, WorkerConfig};
pub use lane::BYTES_BESIDES;
pub use run::run;
pub use summary::WorkerSummary;
