//! The pooling circuit: from the number of pixels of a window that reach a threshold to whether none does.
//!
//! A slot holds `s`, how many of the `k^2` bits of a window are set for one threshold. The circuit is a polynomial in `s`
//! with the roots `1..=k^2`, so it is 0 where the maximum reaches the threshold, and one fixed other value where
//! `s = 0`. It says nothing else about the window. The roots are folded around their centre, which halves the degree.
//!
//! One description serves every arithmetic: ciphertexts, the noise analysis, plain integers, and in tests the crate
//! `fhe`.

/// What the circuit needs of an arithmetic.
pub trait Arithmetic {
    /// A value, one for all slots.
    type Value;

    /// `a b`.
    fn multiply(&self, a: &Self::Value, b: &Self::Value) -> Self::Value;

    /// `a a`.
    fn square(&self, a: &Self::Value) -> Self::Value;

    /// The sum of `terms`, each a small integer times a value, and a constant. There is at least one term.
    fn combine(&self, terms: &[(i64, &Self::Value)], constant: i64) -> Self::Value;
}

/// The circuit of a kernel: its polynomial at `sum`. `None` for a kernel without a circuit.
pub fn none_reached<A: Arithmetic>(on: &A, kernel: u8, sum: &A::Value) -> Option<A::Value> {
    match kernel {
        2 => Some(none_of_4(on, sum)),
        3 => Some(none_of_9(on, sum)),
        4 => Some(none_of_16(on, sum)),
        _ => None,
    }
}

/// `(s-1)(s-2)(s-3)(s-4) = u^2 - 1` with `u = s^2 - 5s + 5`: depth 2.
fn none_of_4<A: Arithmetic>(on: &A, s: &A::Value) -> A::Value {
    let u = on.combine(&[(1, &on.square(s)), (-5, s)], 5);
    on.combine(&[(1, &on.square(&u))], -1)
}

/// `w (w-1)(w-16) (w-4)(w-9)` with `w = (s-5)^2`: depth 4.
fn none_of_9<A: Arithmetic>(on: &A, s: &A::Value) -> A::Value {
    let w = on.square(&on.combine(&[(1, s)], -5));
    let v = on.square(&w);
    let outer = on.combine(&[(1, &v), (-17, &w)], 16);
    let inner = on.combine(&[(1, &v), (-13, &w)], 36);
    on.multiply(&on.multiply(&outer, &inner), &w)
}

/// The product over `i = 1..=8` of `(s-i)(s-(17-i)) = u + i (17-i)` with `u = s^2 - 17s`: depth 4.
fn none_of_16<A: Arithmetic>(on: &A, s: &A::Value) -> A::Value {
    let u = on.combine(&[(1, &on.square(s)), (-17, s)], 0);
    let v = on.square(&u);
    // (u + a)(u + b) = v + (a + b) u + a b
    let pair = |a: i64, b: i64| on.combine(&[(1, &v), (a + b, &u)], a * b);
    let first = on.multiply(&pair(16, 72), &pair(30, 70));
    let second = on.multiply(&pair(42, 66), &pair(52, 60));
    on.multiply(&first, &second)
}

/// Integers modulo a prime: what a slot holds.
#[derive(Clone, Copy, Debug)]
pub struct Integers {
    /// The modulus, below 2^31.
    pub modulus: i64,
}

impl Arithmetic for Integers {
    type Value = i64;

    fn multiply(&self, a: &i64, b: &i64) -> i64 {
        (a * b).rem_euclid(self.modulus)
    }

    fn square(&self, a: &i64) -> i64 {
        self.multiply(a, a)
    }

    fn combine(&self, terms: &[(i64, &i64)], constant: i64) -> i64 {
        let sum: i64 = terms.iter().map(|(factor, value)| factor * **value).sum();
        (sum + constant).rem_euclid(self.modulus)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::PLAINTEXT_MODULUS;
    use super::*;

    #[test]
    fn zero_means_that_some_pixel_reaches_the_threshold() {
        let on = Integers {
            modulus: PLAINTEXT_MODULUS.into(),
        };
        for (kernel, none) in [(2u8, 24), (3, 5 * 362_880), (4, 20_922_789_888_000i64)] {
            let value = |sum: i64| none_reached(&on, kernel, &sum).unwrap();
            // The product of all roots; kernel 3 has the root 5 twice.
            assert_eq!(value(0), none.rem_euclid(on.modulus), "kernel {kernel}");
            assert_ne!(value(0), 0);
            let pixels = i64::from(kernel) * i64::from(kernel);
            assert!((1..=pixels).all(|sum| value(sum) == 0), "kernel {kernel}");
        }
        assert!(none_reached(&on, 1, &0).is_none());
    }
}
