//! Runs a circuit on ciphertexts: round by round, each round in batches on all cores.

use super::circuit::{Bootstrap, Circuit, CircuitError, LinearCombination, Operand, Table};
use crate::progress::Progress;
use crate::scheme::SchemeError;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use tfhe::core_crypto::prelude::*;

/// Bootstraps in one batch at the most. Larger batches gain little and delay cancelling.
const BATCH: usize = 16;

/// Ciphertexts under the big LWE key.
pub type Ciphertext = LweCiphertextOwned<u64>;

/// What looks up batches of ciphertexts: all that an executor needs of an evaluation key.
///
/// The executor calls it from several threads at once, each with a batch of its own. Another device can stand behind it.
pub trait Bootstrapper: Sync {
    /// Looks up each input in the table of the same position.
    fn bootstrap(&self, inputs: &[Ciphertext], tables: &[&Table]) -> Vec<Ciphertext>;

    /// An encryption of 0 without noise.
    fn zero(&self) -> Ciphertext;
}

/// The results of a circuit. `input` gives the circuit's inputs; the work runs on the current rayon pool, and progress is
/// counted in bootstraps.
pub fn run(
    circuit: &Circuit,
    bootstrapper: &dyn Bootstrapper,
    input: &(dyn Fn(usize) -> Ciphertext + Sync),
    progress: &dyn Progress,
) -> Result<Vec<Ciphertext>, SchemeError> {
    let mut run = Run {
        circuit,
        bootstrapper,
        input,
        values: vec![None; circuit.bootstraps().len()],
    };
    let mut uses = circuit.uses();
    let (done, total) = (AtomicU64::new(0), circuit.bootstraps().len() as u64);
    for round in circuit.rounds() {
        let batches = round.par_chunks(batch_size(round.len(), rayon::current_num_threads()));
        let finished = batches.map(|batch| {
            if progress.cancelled() {
                return Err(SchemeError::Cancelled);
            }
            let results = run.batch(batch)?;
            let count = results.len() as u64;
            progress.advance(done.fetch_add(count, Ordering::Relaxed) + count, total);
            Ok(results)
        });
        let finished = finished.collect::<Result<Vec<_>, _>>()?;
        for (index, value) in round.iter().zip(finished.into_iter().flatten()) {
            if let Some(place) = run.values.get_mut(*index) {
                *place = Some(value);
            }
        }
        let operands = round
            .iter()
            .filter_map(|index| circuit.bootstraps().get(*index));
        for operand in operands.flat_map(Bootstrap::operands) {
            run.release(&mut uses, operand);
        }
    }
    let outputs = circuit.outputs().par_iter();
    outputs
        .map(|output| run.sum(output.combination()))
        .collect()
}

/// The size of equal batches, none above [`BATCH`], that keep all threads busy to the end of the round.
fn batch_size(bootstraps: usize, threads: usize) -> usize {
    let batches = bootstraps.div_ceil(BATCH).next_multiple_of(threads.max(1));
    bootstraps.div_ceil(batches.max(1)).max(1)
}

struct Run<'a> {
    circuit: &'a Circuit,
    bootstrapper: &'a dyn Bootstrapper,
    input: &'a (dyn Fn(usize) -> Ciphertext + Sync),
    /// The values that are known and still needed.
    values: Vec<Option<Ciphertext>>,
}

impl Run<'_> {
    fn batch(&self, batch: &[usize]) -> Result<Vec<Ciphertext>, SchemeError> {
        let bootstraps = batch.iter().filter_map(|index| {
            let bootstrap = self.circuit.bootstraps().get(*index)?;
            Some((bootstrap, self.circuit.table(bootstrap)?))
        });
        let (bootstraps, tables): (Vec<&Bootstrap>, Vec<&Table>) = bootstraps.unzip();
        let inputs = bootstraps
            .iter()
            .map(|bootstrap| self.sum(&bootstrap.input))
            .collect::<Result<Vec<Ciphertext>, _>>()?;
        let mut results = self.bootstrapper.bootstrap(&inputs, &tables);
        for (result, bootstrap) in results.iter_mut().zip(bootstraps) {
            self.add(result, &bootstrap.plus)?;
        }
        Ok(results)
    }

    fn sum(&self, combination: &LinearCombination) -> Result<Ciphertext, SchemeError> {
        let mut sum = self.bootstrapper.zero();
        self.add(&mut sum, combination)?;
        Ok(sum)
    }

    fn add(
        &self,
        sum: &mut Ciphertext,
        combination: &LinearCombination,
    ) -> Result<(), SchemeError> {
        for (operand, weight) in combination.terms() {
            let mut term = match operand {
                Operand::Input(index) => (self.input)(*index),
                Operand::Bootstrap(index) => {
                    let value = self.values.get(*index).cloned().flatten();
                    value.ok_or(CircuitError::Order(*index))?
                }
            };
            lwe_ciphertext_cleartext_mul_assign(&mut term, Cleartext(*weight as u64));
            lwe_ciphertext_add_assign(sum, &term);
        }
        lwe_ciphertext_plaintext_add_assign(sum, Plaintext(combination.constant()));
        Ok(())
    }

    /// Frees a value that nothing needs any more.
    fn release(&mut self, uses: &mut [usize], operand: Operand) {
        let Operand::Bootstrap(index) = operand else {
            return;
        };
        if let Some(count) = uses.get_mut(index) {
            *count = count.saturating_sub(1);
            if let (0, Some(value)) = (*count, self.values.get_mut(index)) {
                *value = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
