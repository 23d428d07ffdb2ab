//! The tensor product of two ciphertexts.

use super::prime::Prime;
use super::residues::{LANES, Lanes, Residues};
use super::ring::Row;
use pulp::{Arch, NullaryFnOnce};

/// Both parts of a ciphertext over `Q P`, transformed.
#[derive(Clone, Debug)]
pub struct Extended {
    pub(super) parts: [Residues; 2],
}

/// The three parts of a product over `Q P`, as plain coefficients that count `N 2^-32` times.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub(super) parts: [Residues; 3],
}

impl Extended {
    /// `(a0 b0, a0 b1 + a1 b0, a1 b1)`, in place of `a0`, `b0` and `a1`.
    pub(super) fn multiply(self, other: Self, rows: &[Row]) -> Tensor {
        let [mut a0, mut a1] = self.parts;
        let [mut b0, b1] = other.parts;
        let lanes = a0.rows_mut().zip(a1.rows_mut());
        let lanes = lanes.zip(b0.rows_mut()).zip(b1.rows());
        for ((((a0, a1), b0), b1), row) in lanes.zip(rows) {
            let prime = row.prime;
            Arch::new().dispatch(Multiply {
                prime,
                a0,
                a1,
                b0,
                b1,
            });
            for part in [a0, b0, a1] {
                row.plan.inv(part.as_flattened_mut());
            }
        }
        Tensor {
            parts: [a0, b0, a1],
        }
    }

    /// `(a0^2, 2 a0 a1, a1^2)`.
    pub(super) fn square(self, rows: &[Row]) -> Tensor {
        let [mut a0, mut a1] = self.parts;
        let mut d1 = Residues::zero(a0.degree(), a0.row_count());
        let lanes = a0.rows_mut().zip(a1.rows_mut()).zip(d1.rows_mut());
        for (((a0, a1), d1), row) in lanes.zip(rows) {
            let prime = row.prime;
            Arch::new().dispatch(Square { prime, a0, a1, d1 });
            for part in [a0, d1, a1] {
                row.plan.inv(part.as_flattened_mut());
            }
        }
        Tensor {
            parts: [a0, d1, a1],
        }
    }
}

/// One row of a product.
struct Multiply<'a> {
    prime: Prime,
    a0: &'a mut [Lanes],
    a1: &'a mut [Lanes],
    b0: &'a mut [Lanes],
    b1: &'a [Lanes],
}

impl NullaryFnOnce for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let prime = self.prime;
        let lanes = self.a0.iter_mut().zip(self.a1);
        for (((a0, a1), b0), b1) in lanes.zip(self.b0).zip(self.b1) {
            let [d0, d2] = [products(a0, b0), products(a1, b1)];
            let mut d1 = products(a0, b1);
            for (sum, product) in d1.iter_mut().zip(products(a1, b0)) {
                *sum += product;
            }
            prime.reduce_lanes(a0, &d0);
            prime.reduce_lanes(b0, &d1);
            prime.reduce_lanes(a1, &d2);
        }
    }
}

/// One row of a square.
struct Square<'a> {
    prime: Prime,
    a0: &'a mut [Lanes],
    a1: &'a mut [Lanes],
    d1: &'a mut [Lanes],
}

impl NullaryFnOnce for Square<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let prime = self.prime;
        for ((a0, a1), d1) in self.a0.iter_mut().zip(self.a1).zip(self.d1) {
            let mut middle = products(a0, a1);
            middle.iter_mut().for_each(|product| *product *= 2);
            prime.reduce_lanes(d1, &middle);
            prime.reduce_lanes(a0, &products(a0, a0));
            prime.reduce_lanes(a1, &products(a1, a1));
        }
    }
}

/// Lane by lane, each below 2^60.
#[inline(always)]
fn products(a: &Lanes, b: &Lanes) -> [u64; LANES] {
    let mut products = [0; LANES];
    for (product, (a, b)) in products.iter_mut().zip(a.iter().zip(b)) {
        *product = u64::from(*a) * u64::from(*b);
    }
    products
}
