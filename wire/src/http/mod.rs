//! What every page of a node is served with: connections that have limits, and a check of who was asked for.

mod connection;
mod host;
mod peers;

pub use connection::{ConnectionLimits, LimitedListener, LimitedStream};
pub use host::{is_loopback, named_host};
