//! From one residue basis to another: base extension and scaling, as one sum of products.

use super::prime::{Factor, Prime};
use super::residues::{LANES, Lanes};
use pulp::{Arch, NullaryFnOnce};

/// The most primes to convert from: more would overflow the sums.
pub(super) const MAX_SOURCES: usize = 11;

/// Bits of the reciprocals that give the multiple of the modulus.
const RECIPROCAL_BITS: u32 = 60;

/// Bits of the fractions that are left when their products are added.
const FRACTION_BITS: u32 = 29;

/// Converts coefficients modulo the product M of the primes `m_i` to residues modulo other primes.
///
/// A coefficient is `d = sum x_i M/m_i - v M` with `x_i = [d (M/m_i)^-1]` modulo `m_i` and `v = round(sum x_i / m_i)`,
/// taken between `-M/2` and `M/2`.
#[derive(Clone, Debug)]
pub(super) struct Conversion {
    sources: Vec<Source>,
    targets: Vec<Target>,
    /// The row of the first target.
    first: usize,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    /// Gives `x_i`.
    weight: Factor,
    /// `floor(2^60 / m_i)`.
    reciprocal: u32,
    /// What `x_i` counts for beyond the targets' integers, in units of 2^-32.
    fraction: u32,
}

#[derive(Clone, Debug)]
struct Target {
    prime: Prime,
    /// What each `x_i` counts for, in Montgomery form.
    weights: Vec<u32>,
    /// What `v` counts for, in Montgomery form.
    wrap: u32,
}

impl Conversion {
    /// Base extension: `d` modulo each of the primes `to`, whose rows follow those of `from`.
    pub(super) fn extension(from: &[Prime], to: &[Prime]) -> Self {
        let sources = from.iter().map(|prime| {
            let rest = prime.product(others(from, prime.value()));
            Source::new(prime, prime.invert(rest), 0)
        });
        let targets = to.iter().map(|to| {
            let weight = |skip| to.product(others(from, skip));
            let weights = from.iter().map(|prime| weight(prime.value()));
            Target::new(*to, weights.collect(), to.product(values(from)))
        });
        Self {
            sources: sources.collect(),
            targets: targets.collect(),
            first: from.len(),
        }
    }

    /// Scaling: `round(t d / Q)` modulo each prime of `q`, for `d` modulo `Q P`, the product of `q` and `p`, in place of the
    /// rows of `q`. Inputs count
    /// `degree` times, as unnormalised transforms leave them.
    pub(super) fn scaling(t: u32, q: &[Prime], p: &[Prime], degree: u32) -> Self {
        let all: Vec<Prime> = q.iter().chain(p).copied().collect();
        // The remainder of t P modulo q_i: it gives the fraction of t P / q_i.
        let remainder = |prime: &Prime| prime.multiply(t, prime.product(values(p)));
        let sources = q
            .iter()
            .map(|prime| {
                let fraction = (u64::from(remainder(prime)) << 32) + u64::from(prime.value() / 2);
                (prime, (fraction / u64::from(prime.value())) as u32)
            })
            .chain(p.iter().map(|prime| (prime, 0)))
            .map(|(prime, fraction)| {
                let rest = prime.product(others(&all, prime.value()).chain([degree]));
                Source::new(prime, prime.invert(rest), fraction)
            });
        let targets = q.iter().map(|to| {
            let t_times_p = remainder(to);
            let whole = |prime: &Prime| {
                if prime == to {
                    // floor(t P / q_k) modulo q_k: from t P modulo q_k^2.
                    let square = u128::from(to.value()).pow(2);
                    let product = values(p).fold(u128::from(t), |product, value| {
                        product * u128::from(value) % square
                    });
                    (product / u128::from(to.value())) as u32
                } else {
                    // (t P - remainder) / q_i.
                    let remainder = to.value() - remainder(prime) % to.value();
                    let difference = to.subtract_once(t_times_p + remainder);
                    to.multiply(difference, to.invert(prime.value()))
                }
            };
            let shares = p
                .iter()
                .map(|prime| to.multiply(t, to.product(others(p, prime.value()))));
            let weights = q.iter().map(whole).chain(shares);
            Target::new(*to, weights.collect(), t_times_p)
        });
        Self {
            sources: sources.collect(),
            targets: targets.collect(),
            first: 0,
        }
    }

    /// Converts rows of `row` lanes each, the first of them those of the sources.
    pub(super) fn convert(&self, row: usize, lanes: &mut [Lanes]) {
        Arch::new().dispatch(Convert {
            conversion: self,
            row,
            lanes,
        });
    }
}

fn values(primes: &[Prime]) -> impl Iterator<Item = u32> {
    primes.iter().map(Prime::value)
}

/// The primes but one.
fn others(primes: &[Prime], skip: u32) -> impl Iterator<Item = u32> {
    values(primes).filter(move |value| *value != skip)
}

impl Source {
    fn new(prime: &Prime, weight: u32, fraction: u32) -> Self {
        Self {
            weight: prime.factor(weight),
            reciprocal: ((1u64 << RECIPROCAL_BITS) / u64::from(prime.value())) as u32,
            fraction,
        }
    }
}

impl Target {
    fn new(prime: Prime, weights: Vec<u32>, modulus: u32) -> Self {
        let negative = prime.subtract_once(prime.value() - modulus);
        Self {
            prime,
            weights: weights
                .iter()
                .map(|weight| prime.to_montgomery(*weight))
                .collect(),
            wrap: prime.to_montgomery(negative),
        }
    }
}

/// The loops, compiled once for each instruction set (a closure would not be).
struct Convert<'a> {
    conversion: &'a Conversion,
    row: usize,
    lanes: &'a mut [Lanes],
}

impl NullaryFnOnce for Convert<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            conversion,
            row,
            lanes: rows,
        } = self;
        for place in 0..row {
            let mut digits = [[0; LANES]; MAX_SOURCES];
            let mut parts = [1u64 << (RECIPROCAL_BITS - 1); LANES];
            let mut fractions = [1u64 << (FRACTION_BITS - 1); LANES];
            let lanes = rows.iter().skip(place).step_by(row);
            for ((source, lanes), digit) in conversion.sources.iter().zip(lanes).zip(&mut digits) {
                for (digit, residue) in digit.iter_mut().zip(lanes) {
                    *digit = source.weight.multiply(*residue);
                }
                for (sum, digit) in parts.iter_mut().zip(&*digit) {
                    *sum += u64::from(*digit) * u64::from(source.reciprocal);
                }
                if source.fraction != 0 {
                    for (sum, digit) in fractions.iter_mut().zip(&*digit) {
                        *sum += (u64::from(*digit) * u64::from(source.fraction))
                            >> (32 - FRACTION_BITS);
                    }
                }
            }
            let multiples = parts.map(|sum| sum >> RECIPROCAL_BITS);
            let rounded = fractions.map(|sum| sum >> FRACTION_BITS);
            let first = conversion.first * row + place;
            let lanes = rows.iter_mut().skip(first).step_by(row);
            for (target, lanes) in conversion.targets.iter().zip(lanes) {
                let mut sums = multiples.map(|multiple| multiple * u64::from(target.wrap));
                for (weight, digit) in target.weights.iter().zip(&digits) {
                    for (sum, digit) in sums.iter_mut().zip(digit) {
                        *sum += u64::from(*digit) * u64::from(*weight);
                    }
                }
                for ((lane, sum), extra) in lanes.iter_mut().zip(sums).zip(rounded) {
                    *lane = target.prime.reduce(sum, extra);
                }
            }
        }
    }
}
