//! One keyswitch + bootstrap of scheme tfhe as the unit of work, whatever was measured.

use super::clock::timed;
use cipherframe::SchemeId;
use cipherframe::scheme::tfhe::TfheEvaluationKey;
use std::sync::Arc;
use std::time::Duration;
use wire::failure::{Failure, FailureKind};

/// Bootstraps timed in one run.
const BOOTSTRAPS: u32 = 12;

/// A key that can bootstrap. The speed of shared machines drifts, so it runs before and after what it is compared with
/// where its key is needed anyway.
pub(crate) struct Calibration {
    key: Arc<TfheEvaluationKey>,
}

impl Calibration {
    /// With a key that is there.
    pub(crate) fn new(key: Arc<TfheEvaluationKey>) -> Self {
        Self { key }
    }

    /// With keys of its own, for schemes that cannot bootstrap. They take some hundred MB while they are made.
    pub(crate) fn with_own_keys() -> Result<Self, Failure> {
        let bug = |error: &dyn std::error::Error| Failure::of(FailureKind::Bug, error);
        let keys = client_key::generate(SchemeId::Tfhe, &()).map_err(|error| bug(&error))?;
        TfheEvaluationKey::read(keys.evaluation.key_id(), keys.evaluation.payload(), &())
            .map(|key| Self::new(Arc::new(key)))
            .map_err(|error| bug(&error))
    }

    /// Processor time of one keyswitch + bootstrap.
    pub(crate) fn run(&self) -> Result<Duration, Failure> {
        let (bootstrapped, spent) =
            timed(|| (0..BOOTSTRAPS).try_for_each(|_| self.key.bootstrap_once()));
        bootstrapped.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
        Ok(spent.cpu / BOOTSTRAPS)
    }
}
