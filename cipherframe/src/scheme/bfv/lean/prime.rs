//! Arithmetic modulo one prime just below 2^30.

/// No prime is as large as this.
pub const BOUND: u32 = 1 << 30;

/// The largest distance of a prime from [`BOUND`].
const LARGEST_GAP: u32 = 1 << 21;

/// A prime `q` with `2^30 - 2^21 < q < 2^30`, with the constants of its reductions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prime {
    value: u32,
    /// `q^-1` modulo 2^32.
    inverse: u32,
    /// `2^30 - q`: what 2^30 is congruent to.
    gap: u32,
}

/// A constant factor modulo a prime, with its quotient (Shoup's trick: one product gives the quotient, so the remainder
/// needs no division).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Factor {
    value: u32,
    /// `floor(2^32 value / q)`.
    quotient: u32,
    prime: u32,
}

impl Prime {
    /// The prime `value`; `None` outside the range above or if it is even. That it is prime is for the caller to know.
    pub fn new(value: u32) -> Option<Self> {
        if value.is_multiple_of(2) || value >= BOUND || BOUND - value >= LARGEST_GAP {
            return None;
        }
        // Newton's iteration doubles the correct bits of the inverse, beginning with 3.
        let inverse = (0..5).fold(value, |inverse: u32, _| {
            inverse.wrapping_mul(2u32.wrapping_sub(value.wrapping_mul(inverse)))
        });
        Some(Self {
            value,
            inverse,
            gap: BOUND - value,
        })
    }

    /// q.
    pub fn value(&self) -> u32 {
        self.value
    }

    /// `a b` modulo q.
    pub fn multiply(&self, a: u32, b: u32) -> u32 {
        (u64::from(a) * u64::from(b) % u64::from(self.value)) as u32
    }

    /// `base^exponent` modulo q.
    pub fn power(&self, base: u32, exponent: u32) -> u32 {
        let bits = (0..32).rev().map(|bit| exponent >> bit & 1 == 1);
        bits.fold(1, |power, bit| {
            let square = self.multiply(power, power);
            if bit {
                self.multiply(square, base)
            } else {
                square
            }
        })
    }

    /// `a^-1` modulo q, for `a` that is no multiple of q (Fermat's little theorem).
    pub fn invert(&self, a: u32) -> u32 {
        self.power(a % self.value, self.value - 2)
    }

    /// `a` modulo q, for any signed `a`.
    pub fn reduce_signed(&self, a: i64) -> u32 {
        a.rem_euclid(i64::from(self.value)) as u32
    }

    /// The product of `values` modulo q.
    pub fn product(&self, values: impl IntoIterator<Item = u32>) -> u32 {
        values
            .into_iter()
            .fold(1, |product, value| self.multiply(product, value))
    }

    /// The constant factor `value` < q.
    pub fn factor(&self, value: u32) -> Factor {
        Factor {
            value,
            quotient: ((u64::from(value) << 32) / u64::from(self.value)) as u32,
            prime: self.value,
        }
    }

    /// `2^32 value` modulo q: the form of constants in sums that [`Self::reduce`] ends.
    pub fn to_montgomery(self, value: u32) -> u32 {
        ((u64::from(value) << 32) % u64::from(self.value)) as u32
    }

    /// `2^-32 sum + extra` modulo q, for a sum below `11 * 2^60 + 2^34` and an `extra` below `2^33` (Montgomery, 1985,
    /// then folding at bit 30).
    #[inline(always)]
    pub fn reduce(&self, sum: u64, extra: u64) -> u32 {
        let multiple = (sum as u32).wrapping_mul(self.inverse);
        // The lower halves of the sum and of the multiple of q are equal, so the upper halves differ by the quotient.
        let high = (sum >> 32) as u32;
        let multiple_high = ((u64::from(multiple) * u64::from(self.value)) >> 32) as u32;
        let total = u64::from(high + (self.value - multiple_high)) + extra;
        // 2^30 is congruent to the gap, and the part above bit 30 has at most 4 bits.
        let folded = (total as u32 & (BOUND - 1)) + ((total >> 30) as u32).wrapping_mul(self.gap);
        self.subtract_once(folded)
    }

    /// `a` modulo q, for `a` < 2 q.
    #[inline(always)]
    pub fn subtract_once(&self, a: u32) -> u32 {
        a.min(a.wrapping_sub(self.value))
    }

    /// `a + b` modulo q.
    #[inline(always)]
    pub fn add(&self, a: u32, b: u32) -> u32 {
        self.subtract_once(a + b)
    }
}

impl Factor {
    /// `a` times the factor, modulo its prime, for any `a`.
    #[inline(always)]
    pub fn multiply(&self, a: u32) -> u32 {
        let quotient = ((u64::from(a) * u64::from(self.quotient)) >> 32) as u32;
        let remainder = a
            .wrapping_mul(self.value)
            .wrapping_sub(quotient.wrapping_mul(self.prime));
        remainder.min(remainder.wrapping_sub(self.prime))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two of the pinned ones, and the smallest number and the largest that are taken: reductions do not need primes.
    const PRIMES: [u32; 4] = [
        1_073_692_673,
        1_072_611_329,
        BOUND - LARGEST_GAP + 1,
        BOUND - 1,
    ];

    #[test]
    fn only_odd_numbers_just_below_2_to_the_30_are_taken() {
        assert!(Prime::new(BOUND - 1).is_some());
        for value in [
            0,
            3,
            BOUND,
            BOUND + 1,
            BOUND - 2,
            BOUND - LARGEST_GAP + 1 - 2,
        ] {
            assert!(Prime::new(value).is_none(), "{value}");
        }
    }

    #[test]
    fn the_largest_sum_is_reduced() {
        // Whatever the prime of the range: 11 products, and 11 times a residue.
        let largest = u128::from(BOUND - 1);
        assert!(11 * largest * largest + 11 * largest < 11 * (1 << 60) + (1 << 34));
        for value in PRIMES {
            let prime = Prime::new(value).unwrap();
            let (sum, extra) = (11u64 * (1 << 60) + (1 << 34) - 1, (1u64 << 33) - 1);
            let back = prime.multiply(
                prime.reduce(sum, 0),
                (1u64 << 32).rem_euclid(value.into()) as u32,
            );
            assert_eq!(u64::from(back), sum % u64::from(value));
            let expected = (u64::from(prime.reduce(sum, 0)) + extra) % u64::from(value);
            assert_eq!(u64::from(prime.reduce(sum, extra)), expected);
        }
    }

    #[test]
    fn factors_take_the_largest_numbers() {
        for value in PRIMES {
            let prime = Prime::new(value).unwrap();
            for a in [0, value - 1, value, 2 * value - 1, u32::MAX] {
                for b in [0, 1, value / 2, value - 1] {
                    assert_eq!(prime.factor(b).multiply(a), prime.multiply(a, b));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn reductions_and_factors_agree_with_plain_remainders(
            which in 0..PRIMES.len(), sum in 0u64..11 << 60, extra in 0u64..1 << 33, a: u32, b: u32,
        ) {
            let prime = Prime::new(PRIMES[which]).unwrap();
            let q = u64::from(prime.value());
            let wide = prime.to_montgomery(1);
            let back = u64::from(prime.multiply(prime.reduce(sum, extra), wide));
            prop_assert_eq!(back, (sum % q + extra % q * u64::from(wide)) % q);
            let b = b % prime.value();
            prop_assert_eq!(prime.factor(b).multiply(a), prime.multiply(a % prime.value(), b));
            if which < 2 {
                prop_assert_eq!(prime.multiply(prime.invert(b.max(1)), b.max(1)), 1);
            }
        }
    }
}
