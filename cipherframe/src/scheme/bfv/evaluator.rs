//! The circuit on ciphertexts: which level each product runs at.

use super::circuit::Arithmetic;
use super::lean::{Ciphertext, Level, RelinearisationKey, Ring};
use std::borrow::Cow;

/// Pools with the lean arithmetic. A product of operands at depth `d` runs under all primes but `d`, so its noise is
/// about the same at every depth, and each product is cheaper than the one before.
#[derive(Clone, Copy, Debug)]
pub struct Evaluator<'a> {
    /// The ring of the parameter set.
    pub ring: &'a Ring,
    /// The key that products are relinearised with.
    pub key: &'a RelinearisationKey,
}

/// A ciphertext and how many products lie behind it.
#[derive(Clone, Debug)]
pub struct Value {
    /// The ciphertext, under as many primes as the last operation left.
    pub ciphertext: Ciphertext,
    /// Products on the longest way to it.
    pub depth: usize,
}

impl Evaluator<'_> {
    /// The level of `length` primes.
    ///
    /// # Panics
    /// When a circuit is deeper than its parameter set; tests run every circuit.
    #[expect(
        clippy::expect_used,
        reason = "no input can cause it, and a panic fails one tile only"
    )]
    fn level(&self, length: usize) -> &Level {
        self.ring
            .level(length)
            .expect("a level for each depth of the circuit")
    }

    /// The number of primes that products at `depth` run under.
    fn length_at(&self, depth: usize) -> usize {
        self.ring.primes().len().saturating_sub(depth)
    }

    /// The ciphertext under `length` primes: a copy, if it has more.
    fn switched<'a>(&self, value: &'a Value, length: usize) -> Cow<'a, Ciphertext> {
        let mut ciphertext = Cow::Borrowed(&value.ciphertext);
        if rows(&ciphertext) > length {
            self.switch_to(ciphertext.to_mut(), length);
        }
        ciphertext
    }

    /// Switches down to `length` primes.
    pub fn switch_to(&self, ciphertext: &mut Ciphertext, length: usize) {
        while rows(ciphertext) > length {
            self.level(rows(ciphertext)).switch_down(ciphertext);
        }
    }
}

fn rows(ciphertext: &Ciphertext) -> usize {
    let [c0, _] = &ciphertext.parts;
    c0.row_count()
}

impl Arithmetic for Evaluator<'_> {
    type Value = Value;

    fn multiply(&self, a: &Value, b: &Value) -> Value {
        let depth = a.depth.max(b.depth);
        let length = self.length_at(depth);
        let (a, b) = (self.switched(a, length), self.switched(b, length));
        Value {
            ciphertext: self.level(length).multiply(&a, &b, self.key),
            depth: depth + 1,
        }
    }

    fn square(&self, a: &Value) -> Value {
        let length = self.length_at(a.depth);
        let ciphertext = self.switched(a, length);
        Value {
            ciphertext: self.level(length).square(&ciphertext, self.key),
            depth: a.depth + 1,
        }
    }

    fn combine(&self, terms: &[(i64, &Value)], constant: i64) -> Value {
        let lengths = terms.iter().map(|(_, value)| rows(&value.ciphertext));
        let level = self.level(lengths.min().unwrap_or(0));
        let depth = terms
            .iter()
            .map(|(_, value)| value.depth)
            .max()
            .unwrap_or(0);
        let mut terms = terms.iter().map(|(factor, value)| {
            let mut term = self.switched(value, level.length()).into_owned();
            if *factor != 1 {
                level.scale_by(&mut term, *factor);
            }
            term
        });
        let first = terms.next().unwrap_or_else(|| level.zero());
        let mut sum = terms.fold(first, |mut sum, term| {
            level.add_assign(&mut sum, &term);
            sum
        });
        level.add_constant(&mut sum, constant);
        Value {
            ciphertext: sum,
            depth,
        }
    }
}

impl Value {
    /// A ciphertext as it came from the camera.
    pub fn fresh(ciphertext: Ciphertext) -> Self {
        Self {
            ciphertext,
            depth: 0,
        }
    }
}
