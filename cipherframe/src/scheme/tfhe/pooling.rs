//! The worker's side: the circuit of a tile, run on its ciphertexts.

use super::digits::digits;
use super::encryption::tile_bytes;
use super::evaluation_key::TfheEvaluationKey;
use super::executor::{Bootstrapper, Ciphertext, run};
use super::packing::pack;
use super::parameters::MESSAGES_PER_LIST;
use super::plan::plan;
use super::words::tile_words;
use crate::progress::Progress;
use crate::scheme::{
    EvaluationKey, Key, SchemeError, SchemeId, check_length, check_scheme, no_tile, region,
};
use crate::spec::StreamSpec;
use keyfile::KeyId;
use tfhe::core_crypto::algorithms::polynomial_algorithms::polynomial_wrapping_monic_monomial_mul;
use tfhe::core_crypto::prelude::*;

impl Key for TfheEvaluationKey {
    fn scheme(&self) -> SchemeId {
        SchemeId::Tfhe
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl EvaluationKey for TfheEvaluationKey {
    fn pool(
        &self,
        spec: &StreamSpec,
        tile: u32,
        ciphertext: &[u8],
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, SchemeError> {
        check_scheme(SchemeId::Tfhe, spec)?;
        let region = region(spec, tile)?;
        let levels = spec.quantiser().level_count();
        let messages = region.pixel_count() * digits(levels).len();
        check_length("tfhe tile", tile_bytes(messages), ciphertext.len())?;
        let axes = spec.tile_plan().axes(tile);
        let (columns, rows) = axes.ok_or_else(|| no_tile(spec, tile))?;
        let circuit = plan(spec.pool().kernel(), levels, &columns, &rows)?;
        let list = CompactList::new(&tile_words(ciphertext));
        let input = |index| list.get(index, self.keys.zero());
        let results = run(&circuit, &self.keys, &input, progress)?;
        Ok(pack(&self.packing, &results))
    }
}

/// The messages of a tile, expanded one by one from the mask they share.
struct CompactList {
    mask: Polynomial<Vec<u64>>,
    bodies: Vec<u64>,
}

impl CompactList {
    /// The list from its words: the mask, then a body for each message.
    fn new(words: &[u64]) -> Self {
        let (mask, bodies) = words.split_at(MESSAGES_PER_LIST.min(words.len()));
        Self {
            mask: Polynomial::from_container(mask.to_vec()),
            bodies: bodies.to_vec(),
        }
    }

    /// Message `index` as an LWE ciphertext: its mask is the shared one times `X^index`, as in
    /// `expand_lwe_compact_ciphertext_list`.
    fn get(&self, index: usize, mut ciphertext: Ciphertext) -> Ciphertext {
        let (mut mask, body) = ciphertext.get_mut_mask_and_body();
        polynomial_wrapping_monic_monomial_mul(
            &mut Polynomial::from_container(mask.as_mut()),
            &self.mask,
            MonomialDegree(index),
        );
        *body.data = self.bodies.get(index).copied().unwrap_or_default();
        ciphertext
    }
}
