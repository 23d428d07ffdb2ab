//! Relinearisation: back from three parts to two.

use super::prime::Prime;
use super::residues::Residues;
use tfhe_ntt::prime32::Plan;

/// For each digit an encryption of `s^2` under `s`, transformed, with the `1/N` of the inverse transform in it.
///
/// Digit `i` of a polynomial is its residue modulo `q_i`, taken between `-q_i/2` and `q_i/2`; its gadget is 1 modulo `q_i` and 0 modulo the others. So the
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
        for ((digit, own), [key0, key1]) in top.coefficients().zip(primes).zip(&self.digits) {
            let [sum0, sum1] = &mut sums;
            let keys = key0.coefficients().zip(key1.coefficients());
            let sums = sum0.coefficients_mut().zip(sum1.coefficients_mut());
            for (((prime, plan), (key0, key1)), (sum0, sum1)) in
                primes.iter().zip(plans).zip(keys).zip(sums)
            {
                // A digit above half its prime stands for a negative one, and primes are so close to each other that
                // it then stays between 0 and the other prime.
                let (half, apart) = (own.value() / 2, prime.value().wrapping_sub(own.value()));
                for (lifted, residue) in lifted.iter_mut().zip(digit) {
                    let negative = if *residue > half { apart } else { 0 };
                    *lifted = residue.wrapping_add(negative);
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
