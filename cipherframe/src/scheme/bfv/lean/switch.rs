//! Switching down: the same plaintext and, as a share of the modulus, the same noise under one prime less.

use super::prime::{Factor, Prime};
use super::residues::{Lanes, Residues};
use pulp::{Arch, NullaryFnOnce};

/// Divides by the last prime of a basis and rounds.
#[derive(Clone, Debug)]
pub(super) struct SwitchDown {
    last: Prime,
    /// For each prime that stays: itself and the inverse of the last one.
    stays: Vec<(Prime, Factor)>,
}

impl SwitchDown {
    /// From the primes `from` to all of them but the last; `None` where that would leave none.
    pub(super) fn new(from: &[Prime]) -> Option<Self> {
        let (last, stays) = from.split_last()?;
        if stays.is_empty() {
            return None;
        }
        let stays = stays
            .iter()
            .map(|prime| (*prime, prime.factor(prime.invert(last.value()))));
        Some(Self {
            last: *last,
            stays: stays.collect(),
        })
    }

    /// `round(c / q_last)` for each coefficient c.
    pub(super) fn apply(&self, polynomial: &mut Residues) {
        Arch::new().dispatch(Apply {
            switch: self,
            polynomial,
        });
        polynomial.truncate(self.stays.len());
    }
}

struct Apply<'a> {
    switch: &'a SwitchDown,
    polynomial: &'a mut Residues,
}

impl NullaryFnOnce for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { switch, polynomial } = self;
        let row = polynomial.lanes_per_row();
        let (stay, last) = polynomial
            .lanes_mut()
            .split_at_mut(row * switch.stays.len());
        let half = switch.last.value() / 2;
        // With half the prime added, rounding is the floor: what is left over is subtracted, the rest divides evenly.
        for lanes in last.iter_mut() {
            *lanes = lanes.map(|residue| switch.last.add(residue, half));
        }
        for (row, (prime, inverse)) in stay.chunks_exact_mut(row).zip(&switch.stays) {
            let lift = half + 2 * prime.value();
            for (lanes, last) in row.iter_mut().zip(&*last) {
                divide(lanes, last, lift, inverse);
            }
        }
    }
}

/// `(c + half - remainder) / q_last`, with two primes added so that nothing is negative: below 2^32.
#[inline(always)]
fn divide(lanes: &mut Lanes, remainders: &Lanes, lift: u32, inverse: &Factor) {
    for (residue, remainder) in lanes.iter_mut().zip(remainders) {
        *residue = inverse.multiply(*residue + (lift - remainder));
    }
}
