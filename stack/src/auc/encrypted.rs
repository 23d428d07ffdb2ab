//! One frame pooled under encryption, with keys made for the occasion.

use crate::progress::Step;
use cipherframe::{
    EncryptionKey, EvaluationKey, FeatureMap, QuantisedFrame, SchemeError, StreamSpec,
};
use client_key::{ClientKey, KeySet};
use std::sync::Arc;
use wire::failure::{Failure, FailureKind};

/// The keys of all three sides.
pub(super) struct Pooling {
    spec: StreamSpec,
    public: Arc<dyn EncryptionKey>,
    evaluation: Arc<dyn EvaluationKey>,
    client: Arc<dyn ClientKey>,
}

impl Pooling {
    /// Makes the keys for frames of `spec`.
    pub(super) fn new(spec: &StreamSpec) -> Result<Self, Failure> {
        let step = Step::start(&format!("making {} keys", spec.scheme()));
        let keys = client_key::generate(spec.scheme(), &());
        let keys = keys.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
        let pooling = Self::with(&keys, spec);
        let pooling = pooling.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
        step.finish();
        Ok(pooling)
    }

    fn with(keys: &KeySet, spec: &StreamSpec) -> Result<Self, SchemeError> {
        let scheme = spec.scheme();
        let (id, evaluation) = (keys.client.key_id(), scheme.evaluation());
        Ok(Self {
            spec: spec.clone(),
            public: scheme.get().read_public_key(id, keys.public.payload())?,
            evaluation: evaluation.read_evaluation_key(id, keys.evaluation.payload(), &())?,
            client: client_key::read_client_key(scheme, id, keys.client.payload())?,
        })
    }

    /// Encrypts a frame, pools the ciphertext and decrypts the map.
    pub(super) fn pool(&self, frame: &QuantisedFrame) -> Result<FeatureMap, Failure> {
        let bug = |error: &dyn std::error::Error| Failure::of(FailureKind::Bug, error);
        let (spec, plan) = (&self.spec, self.spec.tile_plan());
        let mut values = vec![0; plan.map_width() as usize * plan.map_height() as usize];
        for tile in 0..plan.tile_count() {
            let ciphertext = self
                .public
                .encrypt(spec, frame, tile)
                .map_err(|error| bug(&error))?;
            let pooled = self.evaluation.pool(spec, tile, &ciphertext, &());
            let pooled = pooled.map_err(|error| bug(&error))?;
            let decrypted = self
                .client
                .decrypt(spec, tile, &pooled)
                .map_err(|error| bug(&error))?;
            let windows = plan.windows(tile).unwrap_or_default();
            for (window, value) in windows.into_iter().zip(decrypted) {
                if let Some(place) = values.get_mut(window as usize) {
                    *place = value;
                }
            }
        }
        let levels = spec.quantiser().level_count();
        FeatureMap::new(plan.map_width(), plan.map_height(), levels, values)
            .map_err(|error| bug(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cipherframe::{Frame, PoolSpec, Quantiser, SchemeId, max_pool};

    #[test]
    fn a_frame_pooled_under_encryption_is_plaintext_pooling() {
        let quantiser = Quantiser::from_thresholds(vec![8, 20, 45]).unwrap();
        let pool = PoolSpec::new(2, 2, 0).unwrap();
        let spec = StreamSpec::new(SchemeId::Bfv, 96, 64, quantiser, pool).unwrap();
        let luma = (0..96 * 64u32).map(|at| (at * 31 % 97) as u8).collect();
        let frame = spec
            .quantiser()
            .quantise(&Frame::new(96, 64, luma).unwrap());
        let map = Pooling::new(&spec).unwrap().pool(&frame).unwrap();
        assert_eq!(map, max_pool(&frame, spec.pool()).unwrap());
    }
}
