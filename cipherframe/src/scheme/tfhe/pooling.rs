//! The worker's side: runs the pooling circuit on a tile, in batches on all cores.

use super::circuit::{Circuit, Maximum, Operand};
use super::encryption::tile_bytes;
use super::evaluation_key::TfheEvaluationKey;
use super::packing::pack;
use super::parameters::{
    BOOTSTRAP_SCALE_LOG2, MESSAGES_PER_LIST, MODULUS, big_lwe_dimension, fresh_scale_log2,
};
use super::words::tile_words;
use crate::progress::Progress;
use crate::scheme::{
    EvaluationKey, Key, SchemeError, SchemeId, check_length, check_scheme, region,
};
use crate::spec::StreamSpec;
use keyfile::KeyId;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use tfhe::core_crypto::algorithms::polynomial_algorithms::polynomial_wrapping_monic_monomial_mul;
use tfhe::core_crypto::prelude::*;

/// Windows worked on at a time: bounds memory (a maximum takes 16 KiB) and still fills the batches of many cores.
const WINDOWS_PER_GROUP: usize = 128;

/// Bootstraps in one batch at the most. Larger batches gain little and delay cancelling.
const BATCH: usize = 16;

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
        check_length(
            "tfhe tile",
            tile_bytes(region.pixel_count()),
            ciphertext.len(),
        )?;
        let pixels = Pixels::new(&tile_words(ciphertext));
        let windows = spec.tile_plan().window_pixels(tile).unwrap_or_default();
        let fresh = fresh_scale_log2(spec.pool().kernel());
        let total = windows
            .iter()
            .map(|rows| rows.iter().map(Vec::len).sum::<usize>() as u64 - 1)
            .sum();
        let work = Work {
            key: self,
            pixels: &pixels,
            progress,
            done: AtomicU64::new(0),
            total,
        };

        let mut results = Vec::with_capacity(windows.len());
        for group in windows.chunks(WINDOWS_PER_GROUP) {
            let mut circuit = Circuit::default();
            group
                .iter()
                .for_each(|rows| circuit.add_window(rows, fresh));
            results.extend(work.run(&circuit)?);
        }
        Ok(pack(&self.packing, &results))
    }
}

/// The pixels of a tile, expanded one by one from the shared mask.
struct Pixels {
    mask: Polynomial<Vec<u64>>,
    bodies: Vec<u64>,
}

impl Pixels {
    fn new(words: &[u64]) -> Self {
        let (mask, bodies) = words.split_at(MESSAGES_PER_LIST.min(words.len()));
        Self {
            mask: Polynomial::from_container(mask.to_vec()),
            bodies: bodies.to_vec(),
        }
    }

    /// Pixel `index` as an LWE ciphertext: its mask is the shared one times `X^index`, as in
    /// `expand_lwe_compact_ciphertext_list`.
    fn get(&self, index: usize) -> LweCiphertextOwned<u64> {
        let mut ciphertext = zero();
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

/// Pooling one tile.
struct Work<'a> {
    key: &'a TfheEvaluationKey,
    pixels: &'a Pixels,
    progress: &'a dyn Progress,
    done: AtomicU64,
    total: u64,
}

impl Work<'_> {
    /// Runs a circuit round by round and gives its outputs.
    fn run(&self, circuit: &Circuit) -> Result<Vec<LweCiphertextOwned<u64>>, SchemeError> {
        let mut values: Vec<Option<LweCiphertextOwned<u64>>> = vec![None; circuit.maxima().len()];
        for round in circuit.rounds() {
            let per_core = round.len().div_ceil(rayon::current_num_threads());
            let finished: Vec<Vec<LweCiphertextOwned<u64>>> = round
                .par_chunks(per_core.clamp(1, BATCH))
                .map(|batch| self.batch(circuit, batch, &values))
                .collect::<Result<_, _>>()?;
            for (index, value) in round.iter().zip(finished.into_iter().flatten()) {
                // Each maximum is used once: its operands are free as soon as it is known.
                if let Some(maximum) = circuit.maxima().get(*index) {
                    for operand in [maximum.left, maximum.right] {
                        free(&mut values, operand);
                    }
                }
                if let Some(slot) = values.get_mut(*index) {
                    *slot = Some(value);
                }
            }
        }
        Ok(circuit
            .outputs()
            .iter()
            .map(|output| self.value(&values, *output))
            .collect())
    }

    fn batch(
        &self,
        circuit: &Circuit,
        batch: &[usize],
        values: &[Option<LweCiphertextOwned<u64>>],
    ) -> Result<Vec<LweCiphertextOwned<u64>>, SchemeError> {
        if self.progress.cancelled() {
            return Err(SchemeError::Cancelled);
        }
        let maxima: Vec<&Maximum> = batch
            .iter()
            .filter_map(|index| circuit.maxima().get(*index))
            .collect();
        let (mut differences, mut sums) = (Vec::new(), Vec::new());
        for maximum in &maxima {
            let (mut left, right) = (
                self.value(values, maximum.left),
                self.value(values, maximum.right),
            );
            let mut difference = left.clone();
            lwe_ciphertext_sub_assign(&mut difference, &right);
            let factor = Cleartext(1 << (BOOTSTRAP_SCALE_LOG2 - maximum.scale_log2));
            lwe_ciphertext_cleartext_mul_assign(&mut difference, factor);
            differences.push(difference);
            lwe_ciphertext_add_assign(&mut left, &right);
            sums.push(left);
        }
        let scales: Vec<u32> = maxima.iter().map(|maximum| maximum.scale_log2).collect();
        let mut results = vec![zero(); maxima.len()];
        self.key
            .absolute_differences(&differences, &scales, &mut results);
        for (result, sum) in results.iter_mut().zip(&sums) {
            lwe_ciphertext_add_assign(result, sum);
        }
        let done =
            self.done.fetch_add(maxima.len() as u64, Ordering::Relaxed) + maxima.len() as u64;
        self.progress.advance(done, self.total);
        Ok(results)
    }

    fn value(
        &self,
        values: &[Option<LweCiphertextOwned<u64>>],
        operand: Operand,
    ) -> LweCiphertextOwned<u64> {
        match operand {
            Operand::Pixel { index, shift } => {
                let mut pixel = self.pixels.get(index);
                lwe_ciphertext_cleartext_mul_assign(&mut pixel, Cleartext(1 << shift));
                pixel
            }
            Operand::Maximum(index) => values.get(index).cloned().flatten().unwrap_or_else(zero),
        }
    }
}

fn free(values: &mut [Option<LweCiphertextOwned<u64>>], operand: Operand) {
    if let Operand::Maximum(index) = operand
        && let Some(slot) = values.get_mut(index)
    {
        *slot = None;
    }
}

fn zero() -> LweCiphertextOwned<u64> {
    LweCiphertext::new(0, big_lwe_dimension().to_lwe_size(), MODULUS)
}
