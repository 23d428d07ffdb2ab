//! The tensor product of two ciphertexts.

use super::residues::Residues;
use tfhe_ntt::prime32::Plan;

/// Both parts of a ciphertext over `Q P`, transformed.
#[derive(Clone, Debug)]
pub struct Extended {
    pub(super) parts: [Residues; 2],
}

/// The three parts of a product over `Q P`, as plain coefficients that count N times.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub(super) parts: [Residues; 3],
}

impl Extended {
    /// `(a0 b0, a0 b1 + a1 b0, a1 b1)`; `plans` are those of all rows.
    pub(super) fn tensor(&self, other: &Self, plans: &[Plan]) -> Tensor {
        let [a0, a1] = &self.parts;
        let [b0, b1] = &other.parts;
        let sum_of_products = |pairs: &[(&Residues, &Residues)]| {
            let mut sum = Residues::zero(a0.degree(), a0.row_count());
            for (a, b) in pairs {
                let factors = a.coefficients().zip(b.coefficients());
                for ((sum, (a, b)), plan) in sum.coefficients_mut().zip(factors).zip(plans) {
                    plan.mul_accumulate(sum, a, b);
                }
            }
            for (row, plan) in sum.coefficients_mut().zip(plans) {
                plan.inv(row);
            }
            sum
        };
        Tensor {
            parts: [
                sum_of_products(&[(a0, b0)]),
                sum_of_products(&[(a0, b1), (a1, b0)]),
                sum_of_products(&[(a1, b1)]),
            ],
        }
    }
}
