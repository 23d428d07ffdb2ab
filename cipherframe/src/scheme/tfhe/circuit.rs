//! Circuits of bootstraps, and the blocks they are built from. Pure; nothing is encrypted here.
//!
//! A [`Value`] is a small integer `v` at a scale `2^s`: the torus word `v * 2^s` with noise, in a ciphertext under the
//! big LWE key. A [`Circuit`] is a list of bootstraps in rounds; all bootstraps of a round can run at once. Between
//! them stand linear combinations, which cost nearly nothing.
//!
//! | block | values | scale of the result | bootstraps | variance of the result (b: of a bootstrap) |
//! | --- | --- | --- | --- | --- |
//! | [`Circuit::linear`] | any weights that fit the torus | the largest of its operands | 0 | sum of weight^2 x variance |
//! | [`Circuit::rescale`] | any that fit the torus | any higher one | 0 | x 4 for each doubling |
//! | [`Circuit::lookup`] | 0..=15 | any | 1 | b |
//! | [`Circuit::refresh`] | 0..=15 | any | 1 | b |
//! | [`Circuit::maximum`] | two that differ by at most 15 | twice that of the operands | 1 | both operands + b |
//! | [`Circuit::is_zero`] | 0..=15 | half the torus or nothing | 1 | b |
//! | [`Circuit::keep_if`] | 0..=15 | any from twice its own | 1 | operand + b |
//!
//! Variances are those of the operands at a common scale: at half the scale of the result for `maximum` and `keep_if`, at
//! the scale of the result for `linear`. Signed values are brought to `0..=15` by the constant of `linear` before they are
//! looked up. At scale `2^s` values of a range of `2^(64 - s)` fit the torus; what does not fit is refused.
//!
//! The operands of a bootstrap are scaled up to where it reads them: `2^(63 - bits)` for values of `bits` bits, which is
//! 2^59 for 4 bits. A value at that scale or below can be looked up; noise grows with the scaling. The noise module
//! follows the noise of every value and says how likely each bootstrap is to fail.

use super::digits::MAX_DIGIT_BITS;
use thiserror::Error;

/// Where a ciphertext comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operand {
    /// The input of this number, as the camera encrypted it.
    Input(usize),
    /// The result of the bootstrap of this number.
    Bootstrap(usize),
}

/// A sum of ciphertexts with integer weights, and a constant on the torus of 2^64.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LinearCombination {
    terms: Vec<(Operand, i64)>,
    constant: u64,
}

impl LinearCombination {
    /// The ciphertexts and their weights, each ciphertext once.
    pub fn terms(&self) -> &[(Operand, i64)] {
        &self.terms
    }

    /// The constant.
    pub fn constant(&self) -> u64 {
        self.constant
    }

    fn add(&mut self, other: &Self, weight: i64) {
        for (operand, factor) in &other.terms {
            let added = factor.wrapping_mul(weight);
            match self.terms.iter_mut().find(|(known, _)| known == operand) {
                Some((_, sum)) => *sum = sum.wrapping_add(added),
                None => self.terms.push((*operand, added)),
            }
        }
        let constant = other.constant.wrapping_mul(weight as u64);
        self.constant = self.constant.wrapping_add(constant);
    }

    fn plus(mut self, other: &Self, weight: i64) -> Self {
        self.add(other, weight);
        self
    }
}

/// A small integer in a ciphertext: `low..=high`, times `2^scale_log2`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    combination: LinearCombination,
    scale_log2: u32,
    low: i64,
    high: i64,
}

impl Value {
    /// Input `index`, which holds `0..=max` at scale `2^scale_log2`.
    pub fn input(index: usize, max: u8, scale_log2: u32) -> Self {
        Self::of(Operand::Input(index), 0, max.into(), scale_log2)
    }

    /// Refuses a value that wraps around the torus.
    fn checked(self) -> Result<Self, CircuitError> {
        let (low, high, scale_log2) = (self.low, self.high, self.scale_log2);
        if scale_log2 < 64 && i128::from(high) - i128::from(low) < 1 << (64 - scale_log2) {
            Ok(self)
        } else {
            Err(CircuitError::Torus {
                low,
                high,
                scale_log2,
            })
        }
    }

    fn of(operand: Operand, low: i64, high: i64, scale_log2: u32) -> Self {
        Self {
            combination: LinearCombination {
                terms: vec![(operand, 1)],
                constant: 0,
            },
            scale_log2,
            low,
            high,
        }
    }

    /// The same value where the caller knows more of its range than follows from how it was made.
    pub fn within(mut self, low: i64, high: i64) -> Self {
        (self.low, self.high) = (low, high);
        self
    }

    /// The ciphertexts it is the sum of.
    pub fn combination(&self) -> &LinearCombination {
        &self.combination
    }

    /// log2 of the scale.
    pub fn scale_log2(&self) -> u32 {
        self.scale_log2
    }

    /// The largest value it can have.
    pub fn high(&self) -> i64 {
        self.high
    }

    /// As a combination at a scale that is at least its own.
    fn at(&self, scale_log2: u32) -> Result<LinearCombination, CircuitError> {
        let shift = scale_log2
            .checked_sub(self.scale_log2)
            .filter(|shift| *shift < 63)
            .ok_or(CircuitError::Scale {
                actual: self.scale_log2,
                most: scale_log2,
            })?;
        Ok(LinearCombination::default().plus(&self.combination, 1 << shift))
    }
}

/// Either half of the torus or nothing: added to a value that is looked up, it turns the sign of the result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HalfTurn {
    combination: LinearCombination,
}

/// What a bootstrap looks up: one torus word for each value `0..2^bits`, and the negated words for the other half of
/// the torus, since a bootstrap is negacyclic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    bits: u32,
    entries: Vec<u64>,
}

impl Table {
    /// Bits of the values it is looked up with, which come at scale `2^(63 - bits)`.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The word for value `index` of `0..2^(bits + 1)`, counted once around the torus.
    pub fn entry(&self, index: usize) -> u64 {
        let half = self.entries.len().max(1);
        let word = self.entries.get(index % half).copied().unwrap_or(0);
        if (index / half).is_multiple_of(2) {
            word
        } else {
            word.wrapping_neg()
        }
    }

    /// What a bootstrap without noise gives for a phase.
    pub fn read(&self, phase: u64) -> u64 {
        let scale_log2 = 63 - self.bits;
        let half_box = 1u64 << (scale_log2 - 1);
        self.entry((phase.wrapping_add(half_box) >> scale_log2) as usize)
    }
}

/// What a bootstrap is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// The maximum of two values.
    Maximum,
    /// The same value with less noise or at a lower scale.
    Refresh,
    /// Whether a value is zero.
    Comparison,
    /// A value or nothing.
    Selection,
    /// Any other table.
    Lookup,
}

/// One bootstrap: `table(input) + plus`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bootstrap {
    /// What is looked up.
    pub input: LinearCombination,
    /// The number of its table.
    pub table: usize,
    /// What is added afterwards.
    pub plus: LinearCombination,
    /// The round it runs in: after all rounds before it, at once with its own.
    pub round: usize,
    /// What it is for.
    pub purpose: Purpose,
}

impl Bootstrap {
    /// The ciphertexts it needs.
    pub fn operands(&self) -> impl Iterator<Item = Operand> {
        let terms = self.input.terms.iter().chain(&self.plus.terms);
        terms.map(|(operand, _)| *operand)
    }
}

/// Why a block cannot be built.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CircuitError {
    /// A value at too high a scale for where it is used.
    #[error("a value at scale 2^{actual} is used where 2^{most} is the most; refresh it before")]
    Scale {
        /// log2 of its scale.
        actual: u32,
        /// log2 of the largest possible scale.
        most: u32,
    },
    /// Values that would wrap around the torus.
    #[error(
        "values from {low} to {high} at scale 2^{scale_log2} do not fit the torus of 2^64; use a lower scale"
    )]
    Torus {
        /// Smallest value.
        low: i64,
        /// Largest value.
        high: i64,
        /// log2 of the scale.
        scale_log2: u32,
    },
    /// A value outside the range that one bootstrap looks up.
    #[error("values from {low} to {high} are looked up; 0 to 15 is possible")]
    Range {
        /// Smallest value.
        low: i64,
        /// Largest value.
        high: i64,
    },
    /// Too much noise wherever a value is refreshed.
    #[error("no choice of scales keeps the failure probability of every bootstrap at 2^-128")]
    Noise,
    /// The maximum of no value.
    #[error("the maximum of no value is asked for")]
    Empty,
    /// An operand that is not there yet.
    #[error("value {0} is used before it is made")]
    Order(usize),
}

/// Bootstraps in rounds, and the values that are the results.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Circuit {
    tables: Vec<Table>,
    bootstraps: Vec<Bootstrap>,
    outputs: Vec<Value>,
    first_round: usize,
}

impl Circuit {
    /// All bootstraps; an operand `Bootstrap(i)` is the `i`-th, and comes after all that it needs.
    pub fn bootstraps(&self) -> &[Bootstrap] {
        &self.bootstraps
    }

    /// The tables they look up.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table of a bootstrap.
    pub fn table(&self, bootstrap: &Bootstrap) -> Option<&Table> {
        self.tables.get(bootstrap.table)
    }

    /// The results, in the order in which they were given out.
    pub fn outputs(&self) -> &[Value] {
        &self.outputs
    }

    /// Gives a value out as the next result.
    pub fn output(&mut self, value: Value) {
        self.outputs.push(value);
    }

    /// The numbers of the bootstraps of each round, first round first. No round is empty.
    pub fn rounds(&self) -> Vec<Vec<usize>> {
        let mut rounds = vec![Vec::new(); self.next_round()];
        for (index, bootstrap) in self.bootstraps.iter().enumerate() {
            if let Some(round) = rounds.get_mut(bootstrap.round) {
                round.push(index);
            }
        }
        rounds.retain(|round| !round.is_empty());
        rounds
    }

    /// How many bootstraps and results need each bootstrap.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.bootstraps.len()];
        let needed = self.bootstraps.iter().flat_map(Bootstrap::operands);
        let terms = |output: &Value| output.combination.terms.clone();
        let given_out = self.outputs.iter().flat_map(terms);
        for operand in needed.chain(given_out.map(|(operand, _)| operand)) {
            if let Operand::Bootstrap(index) = operand
                && let Some(count) = uses.get_mut(index)
            {
                *count += 1;
            }
        }
        uses
    }

    /// Lets everything that follows run after everything that is there. This bounds how many values are alive.
    pub fn barrier(&mut self) {
        self.first_round = self.next_round();
    }

    /// A constant and the sum of values times small integer weights, at the largest of their scales.
    pub fn linear(&self, operands: &[(&Value, i64)], constant: i64) -> Result<Value, CircuitError> {
        let scales = operands.iter().map(|(value, _)| value.scale_log2);
        let scale_log2 = scales.max().unwrap_or(0);
        let mut sum = Value {
            combination: LinearCombination {
                terms: Vec::new(),
                constant: encode(constant, scale_log2),
            },
            scale_log2,
            low: constant,
            high: constant,
        };
        for (value, weight) in operands {
            sum.combination.add(&value.at(scale_log2)?, *weight);
            let ends = [value.low * weight, value.high * weight];
            sum.low += ends.into_iter().min().unwrap_or(0);
            sum.high += ends.into_iter().max().unwrap_or(0);
        }
        sum.checked()
    }

    /// The same value at a scale that is at least its own.
    pub fn rescale(&self, value: &Value, scale_log2: u32) -> Result<Value, CircuitError> {
        let rescaled = Value {
            combination: value.at(scale_log2)?,
            scale_log2,
            low: value.low,
            high: value.high,
        };
        rescaled.checked()
    }

    /// `function(value)` for a value of `0..=15`, at scale `2^scale_log2`.
    pub fn lookup(
        &mut self,
        value: &Value,
        scale_log2: u32,
        function: impl Fn(u8) -> i64,
    ) -> Result<Value, CircuitError> {
        self.look_up(value, scale_log2, function, Purpose::Lookup)
    }

    /// The same value of `0..=15` with the noise of one bootstrap, at scale `2^scale_log2`.
    pub fn refresh(&mut self, value: &Value, scale_log2: u32) -> Result<Value, CircuitError> {
        self.look_up(value, scale_log2, i64::from, Purpose::Refresh)
    }

    /// `max(a, b)` at twice the larger of their scales.
    ///
    /// `max(a, b) = (a + b + |a - b|) / 2`, and the division is not done. For `bits` that hold the difference `d` of the
    /// two, `f(d) = |d| - 2^(bits - 1)` satisfies `f(d + 2^bits) = -f(d)`: it is negacyclic, so `|d|` is one bootstrap
    /// on the full torus, without a padding bit.
    pub fn maximum(&mut self, a: &Value, b: &Value) -> Result<Value, CircuitError> {
        let difference = (a.high - b.low).max(b.high - a.low);
        let bits = bits_of(0, difference)?;
        let reads_at = 63 - bits;
        let scale_log2 = a.scale_log2.max(b.scale_log2);
        let half = 1i64 << (bits - 1);
        let table = Table {
            bits,
            entries: (0..1i64 << bits)
                .map(|d| encode(d - half, scale_log2))
                .collect(),
        };
        let mut plus = a.at(scale_log2)?.plus(&b.at(scale_log2)?, 1);
        plus.constant = plus.constant.wrapping_add(encode(half, scale_log2));
        let result = self.push(
            a.at(reads_at)?.plus(&b.at(reads_at)?, -1),
            table,
            plus,
            Purpose::Maximum,
        );
        let (low, high) = (a.low.max(b.low), a.high.max(b.high));
        Value::of(result, low, high, scale_log2 + 1).checked()
    }

    /// Half the torus where a value of `0..=15` is zero, nothing elsewhere.
    pub fn is_zero(&mut self, value: &Value) -> Result<HalfTurn, CircuitError> {
        let bits = bits_of(value.low, value.high)?;
        let quarter = 1u64 << 62;
        let entry = |value: u64| {
            if value == 0 {
                quarter
            } else {
                quarter.wrapping_neg()
            }
        };
        let table = Table {
            bits,
            entries: (0..1 << bits).map(entry).collect(),
        };
        let plus = LinearCombination {
            terms: Vec::new(),
            constant: quarter,
        };
        let operand = self.push(value.at(63 - bits)?, table, plus, Purpose::Comparison);
        Ok(HalfTurn {
            combination: Value::of(operand, 0, 1, 63).combination,
        })
    }

    /// The value of `0..=15` where `condition` is half the torus, 0 elsewhere; at scale `2^scale_log2`, which is at
    /// least twice its own.
    ///
    /// The table holds `-x`. Half the torus more turns its sign, so that adding `x` gives `2x` or nothing.
    pub fn keep_if(
        &mut self,
        value: &Value,
        condition: &HalfTurn,
        scale_log2: u32,
    ) -> Result<Value, CircuitError> {
        let bits = bits_of(value.low, value.high)?;
        let half_scale_log2 = scale_log2.saturating_sub(1);
        let table = Table {
            bits,
            entries: (0..1i64 << bits)
                .map(|x| encode(-x, half_scale_log2))
                .collect(),
        };
        let input = value.at(63 - bits)?.plus(&condition.combination, 1);
        let plus = value.at(half_scale_log2)?;
        let operand = self.push(input, table, plus, Purpose::Selection);
        Value::of(operand, 0, value.high, scale_log2).checked()
    }

    fn look_up(
        &mut self,
        value: &Value,
        scale_log2: u32,
        function: impl Fn(u8) -> i64,
        purpose: Purpose,
    ) -> Result<Value, CircuitError> {
        let bits = bits_of(value.low, value.high)?;
        // Values that do not occur get the result of the nearest one that does.
        let results: Vec<i64> = (0..1i64 << bits)
            .map(|x| function(x.clamp(value.low, value.high) as u8))
            .collect();
        let table = Table {
            bits,
            entries: results.iter().map(|x| encode(*x, scale_log2)).collect(),
        };
        let plus = LinearCombination::default();
        let operand = self.push(value.at(63 - bits)?, table, plus, purpose);
        let low = results.iter().copied().min().unwrap_or(0);
        let high = results.iter().copied().max().unwrap_or(0);
        Value::of(operand, low, high, scale_log2).checked()
    }

    fn push(
        &mut self,
        input: LinearCombination,
        table: Table,
        plus: LinearCombination,
        purpose: Purpose,
    ) -> Operand {
        let known = self.tables.iter().position(|known| *known == table);
        let table = known.unwrap_or_else(|| {
            self.tables.push(table);
            self.tables.len() - 1
        });
        let mut bootstrap = Bootstrap {
            input,
            table,
            plus,
            round: self.first_round,
            purpose,
        };
        let ready = bootstrap.operands().map(|operand| match operand {
            Operand::Input(_) => 0,
            Operand::Bootstrap(index) => self.bootstraps.get(index).map_or(0, |b| b.round + 1),
        });
        bootstrap.round = ready.max().unwrap_or(0).max(self.first_round);
        self.bootstraps.push(bootstrap);
        Operand::Bootstrap(self.bootstraps.len() - 1)
    }

    fn next_round(&self) -> usize {
        let rounds = self.bootstraps.iter().map(|bootstrap| bootstrap.round + 1);
        rounds.max().unwrap_or(0)
    }
}

/// Bits that hold `low..=high`, which one bootstrap looks up.
fn bits_of(low: i64, high: i64) -> Result<u32, CircuitError> {
    let possible = 0..1i64 << MAX_DIGIT_BITS;
    if possible.contains(&low) && possible.contains(&high) {
        Ok(high.max(1).ilog2() + 1)
    } else {
        Err(CircuitError::Range { low, high })
    }
}

/// An integer at a scale, as a word of the torus.
fn encode(value: i64, scale_log2: u32) -> u64 {
    value.checked_shl(scale_log2).unwrap_or(0) as u64
}

#[cfg(test)]
mod tests;
