//! What fewer levels cost: the map against the maxima of the frame before it was quantised.

use cipherframe::Quantiser;

/// Distances, in grey values, between the exact maximum of each window and what its level stands for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Errors {
    /// How many windows are off by 0, 1, 2, ... grey values, up to the largest error.
    pub(crate) counts: Vec<u64>,
    /// Pairs of windows whose order in the map is the reverse of their exact order.
    pub(crate) reversed_pairs: u64,
}

impl Errors {
    /// Compares a map with the exact maxima. A level stands for the middle of its grey values, rounded down. Windows
    /// without a value are left out: they are counted as wrong.
    pub(crate) fn of(quantiser: &Quantiser, exact: &[u8], map: &[Option<u8>]) -> Self {
        let middles = middles(quantiser);
        let mut counts = vec![0u64; 256];
        let mut by_level = vec![[0u64; 256]; 256];
        for (exact, level) in exact.iter().zip(map) {
            let Some(level) = level else { continue };
            // A level above the highest is wrong, and as far off as can be.
            let middle = middles.get(usize::from(*level)).copied().unwrap_or(255);
            counts[usize::from(exact.abs_diff(middle))] += 1;
            by_level[usize::from(*level)][usize::from(*exact)] += 1;
        }
        while counts.len() > 1 && counts.last() == Some(&0) {
            counts.pop();
        }
        // Windows of lower levels, by their exact maximum.
        let mut lower = [0u64; 256];
        let mut reversed_pairs = 0;
        for windows in &by_level {
            let mut above = lower.iter().sum::<u64>();
            for (exact, count) in windows.iter().enumerate() {
                above -= lower[exact];
                reversed_pairs += count * above;
            }
            for (lower, count) in lower.iter_mut().zip(windows) {
                *lower += count;
            }
        }
        Self {
            counts,
            reversed_pairs,
        }
    }

    /// The largest error in grey values.
    pub(crate) fn max(&self) -> usize {
        self.counts.len().saturating_sub(1)
    }

    /// The mean error in grey values.
    pub(crate) fn mean(&self) -> f64 {
        let windows: u64 = self.counts.iter().sum();
        let errors = (0u64..).zip(&self.counts);
        let sum: u64 = errors.map(|(error, count)| error * count).sum();
        sum as f64 / windows.max(1) as f64
    }
}

/// The middle of the grey values of each level.
fn middles(quantiser: &Quantiser) -> Vec<u8> {
    let thresholds = quantiser.thresholds();
    let first = std::iter::once(0).chain(thresholds.iter().map(|t| u16::from(*t)));
    let last = thresholds.iter().map(|t| u16::from(*t) - 1).chain([255]);
    first
        .zip(last)
        .map(|(first, last)| ((first + last) / 2) as u8)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(bits: u8, exact: &[u8], map: &[u8]) -> Errors {
        let map: Vec<Option<u8>> = map.iter().copied().map(Some).collect();
        Errors::of(&Quantiser::from_bits(bits).unwrap(), exact, &map)
    }

    #[test]
    fn eight_bits_are_exact() {
        let all: Vec<u8> = (0..=255).collect();
        let errors = errors(8, &all, &all);
        assert_eq!((errors.max(), errors.mean()), (0, 0.0));
        assert_eq!((errors.counts, errors.reversed_pairs), (vec![256], 0));
    }

    #[test]
    fn four_bits_are_off_by_half_a_step_at_most() {
        let all: Vec<u8> = (0..=255).collect();
        let levels: Vec<u8> = all.iter().map(|grey| grey >> 4).collect();
        let errors = errors(4, &all, &levels);
        assert_eq!((errors.max(), errors.mean()), (8, 4.0));
        assert_eq!(errors.counts, [16, 32, 32, 32, 32, 32, 32, 32, 16]);
        assert_eq!(errors.reversed_pairs, 0);
    }

    #[test]
    fn reversed_pairs_are_counted() {
        // 200 and 210 came out below 100: two pairs. Equal values have no order to reverse.
        assert_eq!(errors(4, &[200, 210, 100], &[3, 3, 6]).reversed_pairs, 2);
        assert_eq!(errors(4, &[100, 100], &[3, 6]).reversed_pairs, 0);
    }
}
