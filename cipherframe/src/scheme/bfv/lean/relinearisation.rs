//! Relinearisation: back from three parts to two.

use super::prime::Prime;
use super::residues::Residues;
use super::ring::Row;

/// For each digit an encryption of `s^2` under `s`, transformed, with the `1/N` of the inverse transform in it.
///
/// Digit `i` of a polynomial is its residue modulo `q_i`, taken between `-q_i/2` and `q_i/2`; its gadget is 1 modulo
/// `q_i` and 0 modulo the others. So the key for the first `l` primes is the first `l` digits and rows of the whole key.
#[derive(Clone, Debug)]
pub struct RelinearisationKey {
    /// For each prime: two rows for each digit.
    primes: Vec<Residues>,
}

impl RelinearisationKey {
    /// From the key's polynomials as plain coefficients.
    pub(super) fn new(digits: &[[Residues; 2]], rows: &[Row]) -> Self {
        let primes = rows.iter().enumerate().map(|(place, Row { prime, plan })| {
            let degree = plan.ntt_size();
            let normalise = prime.factor(prime.invert(degree as u32));
            let mut key = Residues::zero(degree, 2 * digits.len());
            let polynomials = digits.iter().flatten();
            let from = polynomials.filter_map(|polynomial| polynomial.coefficients().nth(place));
            for (to, from) in key.coefficients_mut().zip(from) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = normalise.multiply(*from);
                }
                plan.fwd(to);
            }
            key
        });
        Self {
            primes: primes.collect(),
        }
    }

    /// Adds to `low` what makes it, with `top` for `s^2` forgotten, an encryption of the same plaintext.
    pub(super) fn relinearise(&self, top: &Residues, low: [&mut Residues; 2], rows: &[Row]) {
        let [low0, low1] = low;
        let low = low0.coefficients_mut().zip(low1.coefficients_mut());
        // The rows of one prime at a time, which stay in the cache.
        let mut digit = vec![0; top.degree()];
        let mut sums = Residues::zero(top.degree(), 2);
        for (((low0, low1), key), Row { prime, plan }) in low.zip(&self.primes).zip(rows) {
            sums.lanes_mut().as_flattened_mut().fill(0);
            let mut key = key.coefficients();
            for (from, own) in top.coefficients().zip(rows) {
                lift(&mut digit, from, &own.prime, prime);
                plan.fwd(&mut digit);
                for (sum, key) in sums.coefficients_mut().zip(&mut key) {
                    plan.mul_accumulate(sum, &digit, key);
                }
            }
            for (sum, low) in sums.coefficients_mut().zip([low0, low1]) {
                plan.inv(sum);
                for (low, sum) in low.iter_mut().zip(&*sum) {
                    *low = prime.add(*low, *sum);
                }
            }
        }
    }
}

/// The digit `from` modulo `own`, written modulo another prime.
///
/// A digit above half its prime stands for a negative one, and primes are so close to each other that it then stays
/// between 0 and the other prime.
fn lift(to: &mut [u32], from: &[u32], own: &Prime, other: &Prime) {
    let (half, apart) = (own.value() / 2, other.value().wrapping_sub(own.value()));
    for (to, from) in to.iter_mut().zip(from) {
        let negative = if *from > half { apart } else { 0 };
        *to = from.wrapping_add(negative);
    }
}
