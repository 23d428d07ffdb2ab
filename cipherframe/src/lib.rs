//! Camera frames, pooling windows and the homomorphic schemes that pool them.
//!
//! A [`Frame`] is quantised to a few levels ([`Quantiser`]), cut into tiles ([`TilePlan`]) and each tile is encrypted
//! with a [`EncryptionKey`], pooled with an [`EvaluationKey`] and decrypted with the client key. The client key itself lives
//! in the crate `client-key`, which only the viewer depends on: code that encrypts or pools cannot name it.
//!
//! No network, no clock and no configuration files in here. The plaintext reference is [`max_pool`]; every scheme gives
//! exactly its values.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod feature_map;
mod frame;
mod keyring;
pub mod keys;
mod pool;
mod progress;
mod quantiser;
pub mod scheme;
mod spec;
mod tile;

pub use feature_map::{FeatureMap, FeatureMapError};
pub use frame::{Frame, FrameError, MAX_SIDE};
pub use keyfile::KeyId;
pub use keyring::Keyring;
pub use pool::{PoolSpec, PoolSpecError, max_pool};
pub use progress::Progress;
pub use quantiser::{QuantisedFrame, Quantiser, QuantiserError};
pub use scheme::{
    EncryptionKey, Evaluation, EvaluationKey, FailureReport, Fingerprint, Key, Scheme, SchemeError,
    SchemeId, UnknownScheme, failure_report,
};
pub use spec::{SpecError, StreamSpec};
pub use tile::{MAX_TILES, TileAxis, TileCut, TilePlan, TileRegion};
