//! Batched bootstraps on the processor: keyswitch, modulus switch, blind rotation. A batch reads the bootstrapping key
//! once for all its ciphertexts.

use super::circuit::Table;
use super::executor::{Bootstrapper, Ciphertext};
use super::parameters::MODULUS;
use tfhe::core_crypto::fft_impl::fft64::crypto::bootstrap::batch_blind_rotate_assign_scratch;
use tfhe::core_crypto::prelude::*;

/// The keys of a bootstrap. Its dimensions are theirs.
pub(super) struct BootstrapKeys {
    pub(super) keyswitch: LweKeyswitchKeyOwned<u64>,
    pub(super) bootstrap: FourierLweBootstrapKeyOwned,
    pub(super) fft: Fft,
}

impl Bootstrapper for BootstrapKeys {
    fn bootstrap(&self, inputs: &[Ciphertext], tables: &[&Table]) -> Vec<Ciphertext> {
        let glwe_size = self.bootstrap.glwe_size();
        let polynomial_size = self.bootstrap.polynomial_size();
        let log_modulus = polynomial_size.to_blind_rotation_input_modulus_log();
        let switched: Vec<_> = inputs
            .iter()
            .map(|input| {
                let small = self.switch_key(input);
                lwe_ciphertext_centered_binary_modulus_switch::<u64, usize, _>(small, log_modulus)
            })
            .collect();

        let count = switched.len();
        let mut accumulators = GlweCiphertextList::new(
            0u64,
            glwe_size,
            polynomial_size,
            GlweCiphertextCount(count),
            MODULUS,
        );
        for (mut accumulator, table) in accumulators.iter_mut().zip(tables) {
            let polynomial = lookup_polynomial(table, polynomial_size);
            accumulator
                .get_mut_body()
                .as_mut()
                .copy_from_slice(&polynomial);
        }

        let fft = self.fft.as_view();
        let scratch = batch_blind_rotate_assign_scratch::<u64>(
            glwe_size,
            polynomial_size,
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

        let output = |accumulator| {
            let mut output = self.zero();
            extract_lwe_sample_from_glwe_ciphertext(&accumulator, &mut output, MonomialDegree(0));
            output
        };
        accumulators.iter().map(output).collect()
    }

    fn zero(&self) -> Ciphertext {
        let dimension = self.keyswitch.input_key_lwe_dimension();
        LweCiphertext::new(0, dimension.to_lwe_size(), MODULUS)
    }
}

impl BootstrapKeys {
    /// The first step of a bootstrap: the same value under the small LWE key.
    pub(super) fn switch_key(&self, input: &Ciphertext) -> Ciphertext {
        let size = self.keyswitch.output_key_lwe_dimension().to_lwe_size();
        let mut small = LweCiphertext::new(0u64, size, MODULUS);
        keyswitch_lwe_ciphertext(&self.keyswitch, input, &mut small);
        small
    }
}

/// The polynomial of a table, each entry repeated over a box centred on its value.
fn lookup_polynomial(table: &Table, PolynomialSize(size): PolynomialSize) -> Vec<u64> {
    let box_size = size >> table.bits();
    // The upper half of value 0's box is on the other side of the negacyclic seam.
    (0..size)
        .map(|position| table.entry((position + box_size / 2) / box_size.max(1)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::circuit::{Circuit, Value};
    use super::*;

    /// What a noiseless bootstrap reads: the polynomial, negated past its end.
    fn read(polynomial: &[u64], phase: usize) -> u64 {
        let size = polynomial.len();
        if phase < size {
            polynomial[phase]
        } else {
            polynomial[phase - size].wrapping_neg()
        }
    }

    #[test]
    fn the_polynomial_is_the_table_at_every_phase_of_each_box() {
        for max in [1u8, 3, 7, 15] {
            let mut circuit = Circuit::default();
            let pair = [0, 1].map(|index| Value::input(index, max, 55));
            circuit.maximum(&pair[0], &pair[1]).unwrap();
            let table = &circuit.tables()[0];
            let polynomial = lookup_polynomial(table, PolynomialSize(2048));
            let box_size = polynomial.len() >> table.bits();
            let half = i64::from(max / 2) + 1;
            for difference in -i64::from(max)..=i64::from(max) {
                for error in -(box_size as i64 / 2)..box_size as i64 / 2 {
                    let phase = (difference * box_size as i64 + error)
                        .rem_euclid(2 * polynomial.len() as i64);
                    let value = read(&polynomial, phase as usize) as i64 >> 55;
                    assert_eq!(
                        value + half,
                        difference.abs(),
                        "difference {difference}, error {error}"
                    );
                    let torus = (phase as u64) << (64 - 12);
                    assert_eq!(table.read(torus), read(&polynomial, phase as usize));
                }
            }
        }
    }
}
