//! Runs a circuit on plaintext, without keys and without noise: the oracle for circuits.

use super::circuit::{Circuit, LinearCombination, Operand};

/// The torus words of the circuit's results where `inputs` are the torus words of its inputs. An input that is missing
/// counts as 0.
pub fn dry_run(circuit: &Circuit, inputs: &[u64]) -> Vec<u64> {
    let mut values: Vec<u64> = Vec::with_capacity(circuit.bootstraps().len());
    let sum = |values: &[u64], combination: &LinearCombination| {
        let terms = combination.terms().iter().map(|(operand, weight)| {
            let value = match operand {
                Operand::Input(index) => inputs.get(*index),
                Operand::Bootstrap(index) => values.get(*index),
            };
            value.copied().unwrap_or(0).wrapping_mul(*weight as u64)
        });
        terms.fold(combination.constant(), u64::wrapping_add)
    };
    for bootstrap in circuit.bootstraps() {
        let phase = sum(&values, &bootstrap.input);
        let looked_up = circuit
            .table(bootstrap)
            .map_or(0, |table| table.read(phase));
        values.push(looked_up.wrapping_add(sum(&values, &bootstrap.plus)));
    }
    let outputs = circuit.outputs().iter();
    outputs
        .map(|output| sum(&values, output.combination()))
        .collect()
}
