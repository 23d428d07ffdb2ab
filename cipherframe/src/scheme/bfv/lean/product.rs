//! The tensor product of two ciphertexts.

use super::residues::Residues;
use super::ring::Row;
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
    /// `(a0 b0, a0 b1 + a1 b0, a1 b1)`, in place of `a0`, `b0` and `a1`: fresh memory costs more than the products.
    pub(super) fn multiply(self, other: Self, rows: &[Row]) -> Tensor {
        let [mut a0, mut a1] = self.parts;
        let [mut b0, b1] = other.parts;
        let mut products = Products::new(a0.degree());
        let lanes = a0.coefficients_mut().zip(a1.coefficients_mut());
        let lanes = lanes.zip(b0.coefficients_mut()).zip(b1.coefficients());
        for ((((a0, a1), b0), b1), row) in lanes.zip(rows) {
            products.compute(&row.plan, [a0, a1], [b0, b1]);
            products.store([a0, b0, a1]);
        }
        Tensor {
            parts: [a0, b0, a1],
        }
    }

    /// `(a0^2, 2 a0 a1, a1^2)`, the first and the last in place.
    pub(super) fn square(self, rows: &[Row]) -> Tensor {
        let [mut a0, mut a1] = self.parts;
        let mut d1 = Residues::zero(a0.degree(), a0.row_count());
        let mut products = Products::new(a0.degree());
        let lanes = a0.coefficients_mut().zip(a1.coefficients_mut());
        for (((a0, a1), d1), row) in lanes.zip(d1.coefficients_mut()).zip(rows) {
            products.compute(&row.plan, [a0, a1], [a0, a1]);
            products.store([a0, d1, a1]);
        }
        Tensor {
            parts: [a0, d1, a1],
        }
    }
}

/// One row of each part of a product.
struct Products([Vec<u32>; 3]);

impl Products {
    fn new(degree: usize) -> Self {
        Self([(); 3].map(|()| vec![0; degree]))
    }

    fn compute(&mut self, plan: &Plan, [a0, a1]: [&[u32]; 2], [b0, b1]: [&[u32]; 2]) {
        let [d0, d1, d2] = &mut self.0;
        for sum in [&mut *d0, &mut *d1, &mut *d2] {
            sum.fill(0);
        }
        plan.mul_accumulate(d0, a0, b0);
        plan.mul_accumulate(d1, a0, b1);
        plan.mul_accumulate(d1, a1, b0);
        plan.mul_accumulate(d2, a1, b1);
        for sum in [d0, d1, d2] {
            plan.inv(sum);
        }
    }

    fn store(&self, parts: [&mut [u32]; 3]) {
        for (part, product) in parts.into_iter().zip(&self.0) {
            part.copy_from_slice(product);
        }
    }
}
