//! The camera node: frames from a source are resized, turned into luma or motion, quantised,
//! encrypted, signed and published.
//!
//! A camera holds a public encryption key and its own signing key; it cannot decrypt what it sent.
//! Unless its key mode is `secret`: then it holds the key that decrypts, though no code to use it so.
//!
//! The loop (`stream`) waits for its turn: the frame is due (`pace`), a place is free
//! ([`credit`]) and there is a connection. Only then is a frame pulled from the [`source`]. The
//! steps in the middle are pure: [`preprocess`] with the feature and the quantiser, the envelope.
//! Receipts come in over a second connection (`receipts`).

mod blocking;
mod config;
pub mod credit;
mod event;
mod feature;
mod key_mode;
mod pace;
pub mod preprocess;
mod receipts;
mod room;
pub mod round_trip;
mod run;
pub mod samples;
mod sealing;
pub mod source;
mod stream;

pub use config::DEFAULT_BYTES_ON_THE_WAY;
pub use config::{CameraConfig, CameraKey, DeliveryConfig, SourceConfig, StreamConfig};
pub use event::{CameraEvent, CameraSummary, Observer};
pub use feature::{Feature, UnknownFeature};
pub use key_mode::{KeyMode, UnknownKeyMode};
pub use room::{FrameSize, MESSAGE_OVERHEAD_BYTES};
pub use run::run;
