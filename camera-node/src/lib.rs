//! The camera node: frames from a source are resized, turned into luma or motion, quantised,
//! encrypted, signed and published.
//!
//! A camera holds a public encryption key and its own signing key; it cannot decrypt what it sent.
//! Unless its key mode is `secret`: then it holds the key that decrypts, though no code to use it so.
//!
//! Three things go on at the same time (`stream`): frames are captured, sent, and struck off when
//! their receipts come in over a second connection (`receipts`). Between them stands the `ledger`:
//! the [`outbox`], which decides what is sent when, and the bytes of its frames in memory or in the
//! `spool`. A frame is pulled from the [`source`] when it is due (`pace`) and can be kept; a live source
//! is read by a thread of its own. The steps in the middle are pure: [`preprocess`] with the feature
//! and the quantiser, the envelope.

pub mod bench;
mod blocking;
mod config;
mod event;
mod feature;
mod figures;
mod key_mode;
mod ledger;
pub mod outbox;
mod pace;
mod picture;
pub mod preprocess;
mod receipts;
mod retirement;
mod room;
pub mod round_trip;
mod run;
pub mod samples;
mod sealing;
pub mod snapshot;
pub mod source;
mod spool;
mod stream;

pub use config::DEFAULT_BYTES_ON_THE_WAY;
pub use config::{
    CameraConfig, CameraKey, DeliveryConfig, SourceConfig, SpoolConfig, StreamConfig,
};
#[cfg(feature = "rtsp")]
pub use config::{RtspConfig, RtspTransport};
pub use event::{CameraEvent, CameraSummary, Observer};
pub use feature::{Feature, UnknownFeature};
pub use key_mode::{KeyMode, UnknownKeyMode};
pub use outbox::Policy;
pub use room::{FrameSize, MESSAGE_OVERHEAD_BYTES};
pub use run::run;
