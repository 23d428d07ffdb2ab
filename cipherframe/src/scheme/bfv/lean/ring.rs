//! A parameter set's ring at each of its levels, and the operations on ciphertexts.

use super::conversion::{Conversion, MAX_SOURCES};
use super::prime::Prime;
use super::product::{Extended, Tensor};
use super::relinearisation::RelinearisationKey;
use super::residues::{LANES, Residues};
use super::switch::SwitchDown;
use std::sync::Arc;
use tfhe_ntt::prime32::Plan;
use thiserror::Error;

/// A ciphertext `(c0, c1)`: `c0 + c1 s` is the plaintext, scaled by `Q / t`, plus noise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ciphertext {
    /// `c0` and `c1`, with as many rows as the level has primes.
    pub parts: [Residues; 2],
}

/// The ring of a parameter set: one [`Level`] for each number of primes.
#[derive(Clone, Debug)]
pub struct Ring {
    degree: usize,
    primes: Vec<Prime>,
    plans: Arc<[Plan]>,
    top: Level,
    /// The level of one prime first.
    lower: Vec<Level>,
}

/// The ring modulo the first `l` primes.
#[derive(Clone, Debug)]
pub struct Level {
    degree: usize,
    primes: Vec<Prime>,
    plans: Vec<Plan>,
    /// Plans of the primes and of the auxiliary primes.
    wide_plans: Vec<Plan>,
    plaintext_modulus: u32,
    extension: Conversion,
    scaling: Conversion,
    switch_down: Option<SwitchDown>,
}

/// Why numbers cannot be a ring: a bound of the arithmetic would not hold.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RingError {
    /// Not a prime of the range that the reductions are made for.
    #[error("{0} is not a prime just below 2^30 with a transform of {1} coefficients")]
    Prime(u32, usize),
    /// Too many primes for the sums.
    #[error("{0} primes are too many: the sums of products would overflow")]
    TooMany(usize),
    /// The auxiliary primes do not hold a product.
    #[error("a product over {0} primes does not fit its auxiliary primes")]
    Auxiliary(usize),
}

impl Ring {
    /// The ring of `degree` N, plaintext modulus `t`, with the ciphertext primes `q` and the auxiliary primes `p`, of which
    /// level `l` uses the first `l + 1`.
    pub fn new(degree: usize, t: u32, q: &[u32], p: &[u32]) -> Result<Self, RingError> {
        if 2 * q.len() + 1 > MAX_SOURCES {
            return Err(RingError::TooMany(q.len()));
        }
        if p.len() <= q.len() || degree % LANES != 0 {
            return Err(RingError::Auxiliary(q.len()));
        }
        let prime = |value: &u32| Prime::new(*value).ok_or(RingError::Prime(*value, degree));
        let plan =
            |value: &u32| Plan::try_new(degree, *value).ok_or(RingError::Prime(*value, degree));
        let primes: Vec<Prime> = q.iter().map(prime).collect::<Result<_, _>>()?;
        let auxiliary: Vec<Prime> = p.iter().map(prime).collect::<Result<_, _>>()?;
        let plans: Vec<Plan> = q.iter().map(plan).collect::<Result<_, _>>()?;
        let auxiliary_plans: Vec<Plan> = p.iter().map(plan).collect::<Result<_, _>>()?;
        let levels = (1..=q.len()).map(|length| {
            let primes: Vec<Prime> = primes.iter().take(length).copied().collect();
            let auxiliary: Vec<Prime> = auxiliary.iter().take(length + 1).copied().collect();
            let log2 = |primes: &[Prime]| {
                primes
                    .iter()
                    .map(|q| f64::from(q.value()).log2())
                    .sum::<f64>()
            };
            // P > N Q (1 + 2^-6), with room for the rounding of the logarithms.
            if log2(&auxiliary) < (degree as f64).log2() + log2(&primes) + 0.025 {
                return Err(RingError::Auxiliary(length));
            }
            let plans: Vec<Plan> = plans.iter().take(length).cloned().collect();
            let wide = plans.iter().chain(auxiliary_plans.iter().take(length + 1));
            Ok(Level {
                degree,
                wide_plans: wide.cloned().collect(),
                extension: Conversion::extension(&primes, &auxiliary),
                scaling: Conversion::scaling(t, &primes, &auxiliary, degree as u32),
                switch_down: SwitchDown::new(&primes),
                plaintext_modulus: t,
                primes,
                plans,
            })
        });
        let mut levels: Vec<Level> = levels.collect::<Result<_, _>>()?;
        let top = levels.pop().ok_or(RingError::Auxiliary(0))?;
        Ok(Self {
            degree,
            top,
            lower: levels,
            primes,
            plans: plans.into(),
        })
    }

    /// N.
    pub fn degree(&self) -> usize {
        self.degree
    }

    /// The ciphertext primes.
    pub fn primes(&self) -> &[Prime] {
        &self.primes
    }

    /// The level of all primes, that of fresh ciphertexts.
    pub fn top(&self) -> &Level {
        &self.top
    }

    /// The level of `length` primes; `None` where there are not so many.
    pub fn level(&self, length: usize) -> Option<&Level> {
        match length == self.primes.len() {
            true => Some(&self.top),
            false => self.lower.get(length.checked_sub(1)?),
        }
    }

    /// A relinearisation key from its polynomials, two for each digit, as plain coefficients over all primes.
    pub fn relinearisation_key(&self, digits: Vec<[Residues; 2]>) -> RelinearisationKey {
        RelinearisationKey::new(digits, &self.primes, &self.plans)
    }
}

impl Level {
    /// How many primes the level has.
    pub fn length(&self) -> usize {
        self.primes.len()
    }

    /// The primes.
    pub fn primes(&self) -> &[Prime] {
        &self.primes
    }

    /// `a b`, relinearised. Both have as many rows as the level has primes.
    pub fn multiply(&self, a: &Ciphertext, b: &Ciphertext, key: &RelinearisationKey) -> Ciphertext {
        let (a, b) = (self.extend(a), self.extend(b));
        self.relinearise(self.scale(&self.tensor(&a, &b)), key)
    }

    /// `a a`, relinearised.
    pub fn square(&self, a: &Ciphertext, key: &RelinearisationKey) -> Ciphertext {
        let a = self.extend(a);
        self.relinearise(self.scale(&self.tensor(&a, &a)), key)
    }

    /// `a a` in three parts, for `1`, `s` and `s^2`.
    pub fn square_without_relinearisation(&self, a: &Ciphertext) -> [Residues; 3] {
        let a = self.extend(a);
        self.scale(&self.tensor(&a, &a))
    }

    /// Base extension and transforms.
    pub fn extend(&self, ciphertext: &Ciphertext) -> Extended {
        let parts = ciphertext.parts.each_ref().map(|part| {
            let mut wide = part.widened(self.wide_plans.len());
            let row = wide.lanes_per_row();
            let (from, to) = wide.split_rows_mut(self.primes.len());
            self.extension.convert(row, from, to);
            for (row, plan) in wide.coefficients_mut().zip(&self.wide_plans) {
                plan.fwd(row);
            }
            wide
        });
        Extended { parts }
    }

    /// The product of both parts with both parts.
    pub fn tensor(&self, a: &Extended, b: &Extended) -> Tensor {
        a.tensor(b, &self.wide_plans)
    }

    /// `round(t d / Q)` for each part of a product.
    pub fn scale(&self, tensor: &Tensor) -> [Residues; 3] {
        tensor.parts.each_ref().map(|part| {
            let mut scaled = Residues::zero(part.degree(), self.primes.len());
            let row = part.lanes_per_row();
            self.scaling.convert(row, part.lanes(), scaled.lanes_mut());
            scaled
        })
    }

    /// Two parts again.
    pub fn relinearise(&self, parts: [Residues; 3], key: &RelinearisationKey) -> Ciphertext {
        let [mut c0, mut c1, c2] = parts;
        key.relinearise(&c2, [&mut c0, &mut c1], &self.primes, &self.plans);
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

    /// Adds a constant to every slot: `round(Q constant / t)` at the constant coefficient.
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
