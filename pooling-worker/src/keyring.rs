//! The evaluation keys that a worker pools with, by key set.

use std::path::PathBuf;

use cipherframe::keys::{KeyError, load_evaluation_key};
use cipherframe::{EvaluationKey, Progress};
use wire::failure::{Failure, FailureKind};

/// The evaluation keys of a worker. A tile's header names its key set; the worker pools with that set's key.
pub(crate) type Keyring = cipherframe::Keyring<dyn EvaluationKey>;

/// Loads and expands the keys in the files `paths`. Blocks for seconds. Keys of the scheme `plain` are only taken with
/// `insecure_plain`.
pub(crate) fn load(
    paths: &[PathBuf],
    insecure_plain: bool,
    progress: &dyn Progress,
) -> Result<Keyring, Failure> {
    Keyring::load(paths, insecure_plain, |path| {
        let key = load_evaluation_key(path, progress)?;
        tracing::info!(file = %path.display(), key_set = %key.key_id(), "evaluation key loaded");
        Ok(key)
    })
    .map_err(failure)
}

fn failure(error: KeyError) -> Failure {
    match error {
        KeyError::File(error) => error.into(),
        KeyError::Plain { .. } | KeyError::Twice { .. } => {
            Failure::of(FailureKind::Configuration, &error)
        }
        other => Failure::of(FailureKind::BadData, &other),
    }
}
