//! Batched bootstraps of differences: `d -> |d|`.
//!
//! On the full torus with 32 levels the difference d of two levels lies in -15..=15 and `f(d) = |d| - 8` satisfies
//! `f(d + 16) = -f(d)`: it is negacyclic, so one bootstrap without a padding bit computes it. A batch reads the
//! bootstrapping key once for all its ciphertexts.

use super::evaluation_key::TfheEvaluationKey;
use super::parameters::{BOOTSTRAP_SCALE_LOG2, MODULUS, SET};
use tfhe::core_crypto::fft_impl::fft64::crypto::bootstrap::batch_blind_rotate_assign_scratch;
use tfhe::core_crypto::prelude::*;

/// Levels on the full torus that a bootstrap tells apart.
const LEVELS: usize = 1 << (64 - BOOTSTRAP_SCALE_LOG2);

impl TfheEvaluationKey {
    /// Replaces each output by the absolute value of the difference at its own scale `2^scale_log2`, where the
    /// differences come scaled up to `2^BOOTSTRAP_SCALE_LOG2`. The three slices are equally long.
    pub(super) fn absolute_differences(
        &self,
        differences: &[LweCiphertextOwned<u64>],
        scales_log2: &[u32],
        outputs: &mut [LweCiphertextOwned<u64>],
    ) {
        let log_modulus = SET.polynomial_size.to_blind_rotation_input_modulus_log();
        let switched: Vec<_> = differences
            .iter()
            .map(|difference| {
                let size = SET.lwe_dimension.to_lwe_size();
                let mut small = LweCiphertext::new(0u64, size, MODULUS);
                keyswitch_lwe_ciphertext(&self.keyswitch, difference, &mut small);
                lwe_ciphertext_centered_binary_modulus_switch::<u64, usize, _>(small, log_modulus)
            })
            .collect();

        let glwe_size = SET.glwe_dimension.to_glwe_size();
        let count = switched.len();
        let mut accumulators = GlweCiphertextList::new(
            0u64,
            glwe_size,
            SET.polynomial_size,
            GlweCiphertextCount(count),
            MODULUS,
        );
        for (mut accumulator, scale_log2) in accumulators.iter_mut().zip(scales_log2) {
            accumulator
                .get_mut_body()
                .as_mut()
                .copy_from_slice(&lookup_table(*scale_log2));
        }

        let fft = self.fft.as_view();
        let scratch = batch_blind_rotate_assign_scratch::<u64>(
            glwe_size,
            SET.polynomial_size,
            CiphertextCount(count),
            fft,
        );
        let mut buffers = ComputationBuffers::new();
        buffers.resize(scratch.unaligned_bytes_required());
        self.bootstrap.as_view().batch_blind_rotate_assign(
            accumulators.as_mut_view(),
            &switched,
            fft,
            buffers.stack(),
        );

        for ((accumulator, output), scale_log2) in accumulators.iter().zip(outputs).zip(scales_log2)
        {
            extract_lwe_sample_from_glwe_ciphertext(&accumulator, output, MonomialDegree(0));
            // The table holds |d| - 8: the 8 that made it negacyclic is added back.
            let body = output.get_mut_body();
            *body.data = body.data.wrapping_add((LEVELS as u64 / 4) << scale_log2);
        }
    }
}

/// The table polynomial of `|d| - 8` at scale `2^scale_log2`, each entry repeated over a box centred on its level.
fn lookup_table(scale_log2: u32) -> Vec<u64> {
    let size = SET.polynomial_size.0;
    let box_size = 2 * size / LEVELS;
    let entry = |level: usize| {
        // Level 16 is the upper half of level 0's box, on the other side of the negacyclic seam.
        let value = if level < LEVELS / 2 {
            level as i64 - 8
        } else {
            8
        };
        (value as u64) << scale_log2
    };
    (0..size)
        .map(|position| entry((position + box_size / 2) / box_size))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a noiseless bootstrap reads: the table, negated past its end.
    fn read(table: &[u64], phase: usize) -> i64 {
        let size = table.len();
        let value = if phase < size {
            table[phase]
        } else {
            table[phase - size].wrapping_neg()
        };
        value as i64
    }

    #[test]
    fn the_table_is_the_absolute_value_at_every_phase_of_each_box() {
        let table = lookup_table(57);
        let box_size = 2 * table.len() / LEVELS;
        for difference in -15i64..=15 {
            for error in -(box_size as i64 / 2)..box_size as i64 / 2 {
                let phase =
                    (difference * box_size as i64 + error).rem_euclid(2 * table.len() as i64);
                let value = (read(&table, phase as usize) >> 57) + 8;
                assert_eq!(
                    value,
                    difference.abs(),
                    "difference {difference}, error {error}"
                );
            }
        }
    }
}
