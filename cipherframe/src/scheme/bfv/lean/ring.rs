//! A parameter set's ring, and the conditions under which the arithmetic is exact.

use super::conversion::MAX_SOURCES;
use super::level::Level;
use super::prime::Prime;
use super::relinearisation::RelinearisationKey;
use super::residues::{LANES, Residues};
use std::collections::BTreeSet;
use std::sync::Arc;
use tfhe_ntt::prime32::Plan;
use thiserror::Error;

/// The ring of a parameter set: one [`Level`] for each number of primes.
#[derive(Clone, Debug)]
pub struct Ring {
    degree: usize,
    primes: Vec<Prime>,
    top: Level,
    /// The level of one prime first.
    lower: Vec<Level>,
}

/// What a row of residues needs: its prime and its transform.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) prime: Prime,
    /// Shared by all levels.
    pub(super) plan: Arc<Plan>,
}

/// Why numbers cannot be a ring: a bound of the arithmetic would not hold.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RingError {
    /// Not a prime of the range that the reductions are made for.
    #[error("{0} is not a prime just below 2^30 with a transform of {1} coefficients")]
    Prime(u32, usize),
    /// Residues modulo the same prime twice determine nothing more.
    #[error("the prime {0} is there twice")]
    Repeated(u32),
    /// No ciphertext prime.
    #[error("there is no prime")]
    NoPrime,
    /// Too many primes for the sums.
    #[error("{0} primes are too many: the sums of products would overflow")]
    TooMany(usize),
    /// The auxiliary primes do not hold a product.
    #[error("a product over {0} primes does not fit its auxiliary primes")]
    Auxiliary(usize),
    /// No transform, or not whole lanes.
    #[error("{0} coefficients are not a power of two from 64 on")]
    Degree(usize),
    /// Not invertible modulo the primes, or no plaintext at all.
    #[error("the plaintext modulus {0} is not between 2 and the smallest prime")]
    PlaintextModulus(u32),
}

impl Ring {
    /// The ring of `degree` N, plaintext modulus `t`, with the ciphertext primes `q` and the auxiliary primes `p`, of which
    /// level `l` uses the first `l + 1`.
    pub fn new(degree: usize, t: u32, q: &[u32], p: &[u32]) -> Result<Self, RingError> {
        if 2 * q.len() + 1 > MAX_SOURCES {
            return Err(RingError::TooMany(q.len()));
        }
        if p.len() <= q.len() {
            return Err(RingError::Auxiliary(q.len()));
        }
        if !degree.is_power_of_two() || degree < LANES {
            return Err(RingError::Degree(degree));
        }
        let mut seen = BTreeSet::new();
        if let Some(value) = q.iter().chain(p).find(|value| !seen.insert(**value)) {
            return Err(RingError::Repeated(*value));
        }
        let row = |value: &u32| {
            let row = Row {
                prime: Prime::new(*value)?,
                // Checks that the number is prime, too.
                plan: Arc::new(Plan::try_new(degree, *value)?),
            };
            Some(row)
        };
        let rows = |values: &[u32]| {
            let rows = values
                .iter()
                .map(|value| row(value).ok_or(RingError::Prime(*value, degree)));
            rows.collect::<Result<Vec<Row>, _>>()
        };
        let (rows, auxiliary) = (rows(q)?, rows(p)?);
        if t < 2 || q.iter().any(|prime| t >= *prime) {
            return Err(RingError::PlaintextModulus(t));
        }
        let level = |length: usize| {
            let (rows, auxiliary) = (first(&rows, length), first(&auxiliary, length + 1));
            if !holds_products(degree, &rows, &auxiliary) {
                return Err(RingError::Auxiliary(length));
            }
            Ok(Level::new(degree, t, rows, auxiliary))
        };
        let mut levels: Vec<Level> = (1..=q.len()).map(level).collect::<Result<_, _>>()?;
        let top = levels.pop().ok_or(RingError::NoPrime)?;
        Ok(Self {
            degree,
            primes: top.primes().to_vec(),
            top,
            lower: levels,
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
    pub fn relinearisation_key(&self, digits: &[[Residues; 2]]) -> RelinearisationKey {
        RelinearisationKey::new(digits, self.top.rows())
    }
}

fn first(rows: &[Row], count: usize) -> Vec<Row> {
    rows.iter().take(count).cloned().collect()
}

/// `P > N Q (1 + 2^-6)`, with room for the rounding of the logarithms.
fn holds_products(degree: usize, rows: &[Row], auxiliary: &[Row]) -> bool {
    let log2 = |rows: &[Row]| {
        let logarithms = rows.iter().map(|row| f64::from(row.prime.value()).log2());
        logarithms.sum::<f64>()
    };
    log2(auxiliary) > (degree as f64).log2() + log2(rows) + 0.025
}
