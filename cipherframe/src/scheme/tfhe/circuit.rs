//! The pooling circuit: which maxima of which values, at which scale, in which round. Pure; nothing is encrypted here.
//!
//! `max(a, b) = (a + b + |a - b|) / 2`. The division is not done: from operands at scale s the sum `a + b + |a - b|` is
//! the maximum at scale 2s, and `|a - b|` is one bootstrap. A window is reduced row by row and then across its rows, so
//! that pixels (whose noise is tiny) rather than maxima are scaled up where the tree is uneven.

use super::parameters::OUTPUT_SCALE_LOG2;

/// A value used by a maximum or given out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// Pixel `index` of the tile, as the camera encrypted it, times `2^shift`.
    Pixel {
        /// Position in the tile.
        index: usize,
        /// log2 of the factor.
        shift: u32,
    },
    /// The result of an earlier maximum.
    Maximum(usize),
}

/// One maximum: one bootstrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Maximum {
    /// One side.
    pub left: Operand,
    /// The other side.
    pub right: Operand,
    /// log2 of the scale of both sides; the result is at twice that scale.
    pub scale_log2: u32,
    /// The round it runs in: after all rounds before it, at once with its own.
    pub round: usize,
}

/// The maxima of a group of windows and, for each window, the value that is its pooled level.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Circuit {
    maxima: Vec<Maximum>,
    outputs: Vec<Operand>,
}

impl Circuit {
    /// Adds a window given as rows of pixel positions, for pixels encrypted at `fresh_scale_log2`. An empty window is a
    /// caller's mistake and adds nothing.
    pub fn add_window(&mut self, rows: &[Vec<usize>], fresh_scale_log2: u32) {
        let rows: Vec<&[usize]> = rows
            .iter()
            .map(Vec::as_slice)
            .filter(|row| !row.is_empty())
            .collect();
        let output = self.reduce(&rows, OUTPUT_SCALE_LOG2, &mut |circuit, row, scale_log2| {
            circuit.reduce(row, scale_log2, &mut |_, pixel, scale_log2| {
                let shift = scale_log2.saturating_sub(fresh_scale_log2);
                Some(Operand::Pixel {
                    index: *pixel,
                    shift,
                })
            })
        });
        self.outputs.extend(output);
    }

    /// All maxima; an operand `Maximum(i)` is the `i`-th.
    pub fn maxima(&self) -> &[Maximum] {
        &self.maxima
    }

    /// For each window, in the order added, its pooled level at the output scale.
    pub fn outputs(&self) -> &[Operand] {
        &self.outputs
    }

    /// The positions of the maxima of each round, first round first.
    pub fn rounds(&self) -> Vec<Vec<usize>> {
        let count = self
            .maxima
            .iter()
            .map(|maximum| maximum.round + 1)
            .max()
            .unwrap_or(0);
        let mut rounds = vec![Vec::new(); count];
        for (index, maximum) in self.maxima.iter().enumerate() {
            if let Some(round) = rounds.get_mut(maximum.round) {
                round.push(index);
            }
        }
        rounds
    }

    /// The maximum of `items` at scale `2^scale_log2`, where `leaf` gives an item at a wanted scale.
    fn reduce<T>(
        &mut self,
        items: &[T],
        scale_log2: u32,
        leaf: &mut impl FnMut(&mut Self, &T, u32) -> Option<Operand>,
    ) -> Option<Operand> {
        if let [item] = items {
            return leaf(self, item, scale_log2);
        }
        let (left, right) = items.split_at_checked(items.len().div_ceil(2).next_power_of_two())?;
        let half_scale_log2 = scale_log2.saturating_sub(1);
        let left = self.reduce(left, half_scale_log2, leaf)?;
        let right = self.reduce(right, half_scale_log2, leaf)?;
        let round = self.ready_after(left).max(self.ready_after(right));
        self.maxima.push(Maximum {
            left,
            right,
            scale_log2: half_scale_log2,
            round,
        });
        Some(Operand::Maximum(self.maxima.len() - 1))
    }

    /// The first round in which `operand` is known.
    fn ready_after(&self, operand: Operand) -> usize {
        match operand {
            Operand::Pixel { .. } => 0,
            Operand::Maximum(index) => self
                .maxima
                .get(index)
                .map_or(0, |maximum| maximum.round + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::{BOOTSTRAP_SCALE_LOG2, fresh_scale_log2};
    use super::*;
    use proptest::prelude::*;

    /// Runs a circuit on plaintext integers, wrapping like the torus, and checks each operand's scale on the way.
    fn run(circuit: &Circuit, pixels: &[u64], fresh: u32) -> Vec<u64> {
        let mut values: Vec<u64> = Vec::new();
        let value = |values: &[u64], operand: Operand| match operand {
            Operand::Pixel { index, shift } => (pixels[index] << fresh) << shift,
            Operand::Maximum(index) => values[index],
        };
        for maximum in circuit.maxima() {
            assert!(maximum.scale_log2 <= BOOTSTRAP_SCALE_LOG2);
            let (left, right) = (value(&values, maximum.left), value(&values, maximum.right));
            let scaled = left.wrapping_sub(right) << (BOOTSTRAP_SCALE_LOG2 - maximum.scale_log2);
            let difference = (scaled as i64 >> BOOTSTRAP_SCALE_LOG2).unsigned_abs();
            values.push(
                left.wrapping_add(right)
                    .wrapping_add(difference << maximum.scale_log2),
            );
        }
        let outputs = circuit.outputs().iter();
        outputs
            .map(|output| value(&values, *output) >> OUTPUT_SCALE_LOG2)
            .collect()
    }

    #[test]
    fn a_full_window_takes_one_bootstrap_per_maximum() {
        for (kernel, rounds) in [(2usize, 2), (3, 4)] {
            let mut circuit = Circuit::default();
            let rows: Vec<Vec<usize>> = (0..kernel)
                .map(|y| (0..kernel).map(|x| y * kernel + x).collect())
                .collect();
            circuit.add_window(&rows, fresh_scale_log2(kernel as u8));
            assert_eq!(circuit.maxima().len(), kernel * kernel - 1);
            assert_eq!(circuit.rounds().len(), rounds);
        }
    }

    proptest! {
        #[test]
        fn the_circuit_gives_the_maximum(
            kernel in 2u8..=3,
            windows in proptest::collection::vec(proptest::collection::vec(proptest::collection::vec(0u64..=15, 3), 3), 1..5),
            height in 1usize..=3, width in 1usize..=3,
        ) {
            let (height, width) = (height.min(kernel.into()), width.min(kernel.into()));
            let fresh = fresh_scale_log2(kernel);
            let (mut circuit, mut pixels, mut expected) = (Circuit::default(), Vec::new(), Vec::new());
            for window in &windows {
                let mut rows = Vec::new();
                for row in &window[..height] {
                    let start = pixels.len();
                    pixels.extend(&row[..width]);
                    rows.push((start..pixels.len()).collect());
                }
                expected.push(window[..height].iter().flat_map(|row| &row[..width]).copied().max().unwrap());
                circuit.add_window(&rows, fresh);
            }
            prop_assert_eq!(circuit.maxima().len(), windows.len() * (height * width - 1));
            prop_assert_eq!(run(&circuit, &pixels, fresh), expected);
        }
    }
}
