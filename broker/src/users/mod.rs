//! Users of the broker: their file, and who is one.

mod doorkeeper;
mod file;

pub use file::{Users, UsersError};

pub(crate) use doorkeeper::Doorkeeper;
