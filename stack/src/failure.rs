//! Failures of other crates' errors.

use cipherframe::keys::KeyError;
use wire::failure::{Failure, FailureKind};

/// The failure of a key that cannot be loaded or written.
pub(crate) fn of_key(error: KeyError) -> Failure {
    match error {
        KeyError::File(error) => error.into(),
        other => Failure::of(FailureKind::BadData, &other),
    }
}
