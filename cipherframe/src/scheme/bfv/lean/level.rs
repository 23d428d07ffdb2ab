//! The operations on ciphertexts under a number of primes.

use super::conversion::Conversion;
use super::prime::Prime;
use super::product::{Extended, Tensor};
use super::relinearisation::RelinearisationKey;
use super::residues::Residues;
use super::ring::Row;
use super::switch::SwitchDown;

/// A ciphertext `(c0, c1)`: `c0 + c1 s` is the plaintext, scaled by `Q / t`, plus noise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ciphertext {
    /// `c0` and `c1`, with as many rows as the level has primes.
    pub parts: [Residues; 2],
}

/// The ring modulo the first `l` primes.
#[derive(Clone, Debug)]
pub struct Level {
    degree: usize,
    primes: Vec<Prime>,
    rows: Vec<Row>,
    /// The rows and those of the auxiliary primes.
    wide_rows: Vec<Row>,
    plaintext_modulus: u32,
    extension: Conversion,
    scaling: Conversion,
    switch_down: Option<SwitchDown>,
}

impl Level {
    /// Only [`Ring::new`](super::Ring::new) makes them: it checks the bounds.
    pub(super) fn new(degree: usize, t: u32, rows: Vec<Row>, auxiliary: Vec<Row>) -> Self {
        let primes = |rows: &[Row]| rows.iter().map(|row| row.prime).collect();
        let (q, p): (Vec<Prime>, Vec<Prime>) = (primes(&rows), primes(&auxiliary));
        Self {
            degree,
            plaintext_modulus: t,
            extension: Conversion::extension(&q, &p),
            scaling: Conversion::scaling(t, &q, &p, degree as u32),
            switch_down: SwitchDown::new(&q),
            primes: q,
            wide_rows: rows.iter().cloned().chain(auxiliary).collect(),
            rows,
        }
    }

    /// N.
    pub fn degree(&self) -> usize {
        self.degree
    }

    /// How many primes the level has.
    pub fn length(&self) -> usize {
        self.primes.len()
    }

    /// The primes.
    pub fn primes(&self) -> &[Prime] {
        &self.primes
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// `a b`, relinearised. Both have as many rows as the level has primes.
    pub fn multiply(&self, a: &Ciphertext, b: &Ciphertext, key: &RelinearisationKey) -> Ciphertext {
        self.relinearise(self.multiply_without_relinearisation(a, b), key)
    }

    /// `a a`, relinearised.
    pub fn square(&self, a: &Ciphertext, key: &RelinearisationKey) -> Ciphertext {
        self.relinearise(self.square_without_relinearisation(a), key)
    }

    /// `a b` in three parts, for `1`, `s` and `s^2`.
    pub fn multiply_without_relinearisation(
        &self,
        a: &Ciphertext,
        b: &Ciphertext,
    ) -> [Residues; 3] {
        self.scale(self.tensor(self.extend(a), self.extend(b)))
    }

    /// `a a` in three parts, for `1`, `s` and `s^2`.
    pub fn square_without_relinearisation(&self, a: &Ciphertext) -> [Residues; 3] {
        self.scale(self.tensor_square(self.extend(a)))
    }

    /// Base extension and transforms.
    pub fn extend(&self, ciphertext: &Ciphertext) -> Extended {
        let parts = ciphertext.parts.each_ref().map(|part| {
            let mut wide = part.widened(self.wide_rows.len());
            self.extension
                .convert(wide.lanes_per_row(), wide.lanes_mut());
            for (coefficients, row) in wide.coefficients_mut().zip(&self.wide_rows) {
                row.plan.fwd(coefficients);
            }
            wide
        });
        Extended { parts }
    }

    /// The product of both parts with both parts.
    pub fn tensor(&self, a: Extended, b: Extended) -> Tensor {
        a.multiply(b, &self.wide_rows)
    }

    /// The tensor product of `a` with itself.
    pub fn tensor_square(&self, a: Extended) -> Tensor {
        a.square(&self.wide_rows)
    }

    /// `round(t d / Q)` for each part of a product.
    pub fn scale(&self, tensor: Tensor) -> [Residues; 3] {
        tensor.parts.map(|mut part| {
            self.scaling.convert(part.lanes_per_row(), part.lanes_mut());
            part.truncate(self.length());
            part
        })
    }

    /// Two parts again.
    pub fn relinearise(&self, parts: [Residues; 3], key: &RelinearisationKey) -> Ciphertext {
        let [mut c0, mut c1, c2] = parts;
        key.relinearise(&c2, [&mut c0, &mut c1], &self.rows);
        Ciphertext { parts: [c0, c1] }
    }

    /// The ciphertext under one prime less; as it is where there is only one.
    pub fn switch_down(&self, ciphertext: &mut Ciphertext) {
        if let Some(switch) = &self.switch_down {
            ciphertext
                .parts
                .iter_mut()
                .for_each(|part| switch.apply(part));
        }
    }

    /// An encryption of zero that anyone can read.
    pub fn zero(&self) -> Ciphertext {
        let zero = || Residues::zero(self.degree, self.primes.len());
        Ciphertext {
            parts: [zero(), zero()],
        }
    }

    /// Adds `other` to `sum`.
    pub fn add_assign(&self, sum: &mut Ciphertext, other: &Ciphertext) {
        for (sum, other) in sum.parts.iter_mut().zip(&other.parts) {
            let rows = sum.coefficients_mut().zip(other.coefficients());
            for ((sum, other), prime) in rows.zip(&self.primes) {
                for (sum, other) in sum.iter_mut().zip(other) {
                    *sum = prime.add(*sum, *other);
                }
            }
        }
    }

    /// Multiplies every slot by a small integer.
    pub fn scale_by(&self, ciphertext: &mut Ciphertext, factor: i64) {
        for part in &mut ciphertext.parts {
            for (row, prime) in part.coefficients_mut().zip(&self.primes) {
                let factor = prime.factor(prime.reduce_signed(factor));
                row.iter_mut()
                    .for_each(|residue| *residue = factor.multiply(*residue));
            }
        }
    }

    /// Adds a constant to every slot: `floor(Q constant / t)` at the constant coefficient.
    pub fn add_constant(&self, ciphertext: &mut Ciphertext, constant: i64) {
        let t = i64::from(self.plaintext_modulus);
        let modulus = self
            .primes
            .iter()
            .fold(1, |product, prime| product * i64::from(prime.value()) % t);
        // Q constant - remainder is a multiple of t, and Q is 0 modulo each prime.
        let remainder = (modulus * constant.rem_euclid(t)) % t;
        let [c0, _] = &mut ciphertext.parts;
        for (row, prime) in c0.coefficients_mut().zip(&self.primes) {
            let scaled = prime.multiply(
                prime.reduce_signed(-remainder),
                prime.invert(self.plaintext_modulus),
            );
            if let Some(coefficient) = row.first_mut() {
                *coefficient = prime.add(*coefficient, scaled);
            }
        }
    }
}
