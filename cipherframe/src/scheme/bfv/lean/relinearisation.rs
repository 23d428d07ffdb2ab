//! Relinearisation: back from three parts to two.

use super::prime::Prime;
use super::residues::Residues;
use tfhe_ntt::prime32::Plan;

/// For each digit an encryption of `s^2` under `s`, transformed, with the `1/N` of the inverse transform in it.
///
/// Digit `i` of a polynomial is its residue modulo `q_i`; its gadget is 1 modulo `q_i` and 0 modulo the others. So the
/// key for the first `l` primes is the first `l` digits and rows of the whole key.
#[derive(Clone, Debug)]
pub struct RelinearisationKey {
    digits: Vec<[Residues; 2]>,
}

impl RelinearisationKey {
    /// From the key's polynomials as plain coefficients.
    pub(super) fn new(mut digits: Vec<[Residues; 2]>, primes: &[Prime], plans: &[Plan]) -> Self {
        for polynomial in digits.iter_mut().flatten() {
            for ((row, prime), plan) in polynomial.coefficients_mut().zip(primes).zip(plans) {
                let degree = row.len() as u32;
                let normalise = prime.factor(prime.invert(degree));
                row.iter_mut()
                    .for_each(|residue| *residue = normalise.multiply(*residue));
                plan.fwd(row);
            }
        }
        Self { digits }
    }

    /// Adds to `low` what makes it, with `top` for `s^2` forgotten, an encryption of the same plaintext.
    pub(super) fn relinearise(
        &self,
        top: &Residues,
        low: [&mut Residues; 2],
        primes: &[Prime],
        plans: &[Plan],
    ) {
        let mut sums = [(); 2].map(|()| Residues::zero(top.degree(), primes.len()));
        let mut lifted = vec![0; top.degree()];
        for (digit, key) in top.coefficients().zip(&self.digits) {
            let [key0, key1] = key;
            let [sum0, sum1] = &mut sums;
            let keys = key0.coefficients().zip(key1.coefficients());
            let sums = sum0.coefficients_mut().zip(sum1.coefficients_mut());
            for (((prime, plan), (key0, key1)), (sum0, sum1)) in
                primes.iter().zip(plans).zip(keys).zip(sums)
            {
                // Every prime is above half of any other, so one subtraction reduces the digit.
                for (lifted, residue) in lifted.iter_mut().zip(digit) {
                    *lifted = prime.subtract_once(*residue);
                }
                plan.fwd(&mut lifted);
                plan.mul_accumulate(sum0, &lifted, key0);
                plan.mul_accumulate(sum1, &lifted, key1);
            }
        }
        for (low, mut sum) in low.into_iter().zip(sums) {
            let rows = low.coefficients_mut().zip(sum.coefficients_mut());
            for ((low, sum), (prime, plan)) in rows.zip(primes.iter().zip(plans)) {
                plan.inv(sum);
                for (low, sum) in low.iter_mut().zip(&*sum) {
                    *low = prime.add(*low, *sum);
                }
            }
        }
    }
}
