//! The arithmetic of pooling: additions, products and modulus switches of BFV ciphertexts on 32-bit residues.
//!
//! A ciphertext is two polynomials of N coefficients modulo `Q = q_0 q_1 ... q_(l-1)`, each held as one row of residues
//! per prime, as plain coefficients ([`Residues`]). All primes lie between `2^30 - 2^21` and `2^30`, so a product of two
//! residues has 60 bits, sums of sixteen of them fit 64 bits, and nothing needs wider integers or floating point. The
//! transforms, and the sums of products between them, are those of `tfhe-ntt` ([`prime32`](tfhe_ntt::prime32)); the
//! other loops are plain ones that compilers make vector loops of, once for each instruction set (`pulp`).
//!
//! A product of ciphertexts `(a0, a1) (b0, b1)` at `l` primes takes these steps (the names are those of Halevi, Polyakov
//! and Shoup, "An improved RNS variant of the BFV homomorphic encryption scheme", CT-RSA 2019):
//!
//! 1. *Base extension*: each part, as the integer between `-Q/2` and `Q/2` it stands for, is written modulo `l + 1`
//!    auxiliary primes of product P too.
//! 2. *Tensor product* modulo `Q P`: `d0 = a0 b0`, `d1 = a0 b1 + a1 b0`, `d2 = a1 b1`, between transforms.
//! 3. *Scaling*: `round(t d / Q)` modulo each `q_k`. With `x_i = [d (QP/m_i)^-1]` modulo each `m_i` of the `2 l + 1`
//!    primes, `d = sum x_i QP/m_i - v QP`, so `t d / Q` is the sum of the `x_i tP/q_i` (an integer part modulo `q_k`
//!    and a fraction) and the `x_j tP/p_j` (integers), less `v tP`.
//! 4. *Relinearisation*: the residues of `d2` modulo each `q_i`, centred around 0, are its digits; they meet the
//!    relinearisation key, and what comes out is added to `d0` and `d1`.
//!
//! Steps 1 and 3 are one piece of code (`conversion`): a sum of `x_i` times constants. *Switching down* to fewer primes
//! before the next product ([`Level::switch_down`]) keeps the noise and makes the product cheaper.
//!
//! # Bounds
//!
//! They hold for all inputs below their primes, not just likely ones, and rest on these conditions, which [`Ring::new`]
//! checks: all primes are different, prime and in the range above; `2 l + 1 <= 11`; `P > N Q (1 + 2^-6)`; N is a power of
//! two from 64 on with transforms; `2 <= t < q_i`. Residues that are read are checked to be below their prime.
//!
//! - A sum of at most 11 products below `2^60` and of `v <= 11` times a residue stays below `11 * 2^60 + 2^34 < 2^64`.
//!   With the prime added, its upper half is still below `2^32`, so a Montgomery reduction never borrows ([`prime`]).
//! - `v = round(sum x_i / m_i)` is computed from reciprocals of 60 bits, rounded down: 11 products below `2^60` and a half
//!   of `2^60` fit 64 bits, and the sum is too small by less than `11 * 2^-30`. So `v` is exact for all
//!   `d >= -QP (1/2 - 11 * 2^-30)`, and for all positive `d`.
//! - Base extension has at most 5 sources. A coefficient above `-Q (1/2 - 5 * 2^-30)` is taken as what it is; one at the
//!   very edge below may be taken as itself plus Q, which is above `Q/2` by at most `5 * 2^-30 Q`: the same residue class.
//! - So the integers have `|d| <= 2 N (Q/2)^2 (1 + 10 * 2^-30)^2 < N Q^2 (1/2 + 2^-26)`, which `P > N Q (1 + 2^-6)` makes
//!   less than `QP (1/2 - 2^-8)`: `QP` holds them, and `v` is exact in scaling.
//! - The fraction in scaling is a sum of at most 5 products of digits with fractions of 32 bits, rounded to the nearest:
//!   it is wrong by at most `5 * 2^-3`, and by `5 * 2^-29` more from adding products of 29 bits. That is less than 1, so
//!   the rounded result is the exactly rounded one or differs by 1.
//! - Digits in relinearisation are at most `q_i / 2` and primes closer to each other than that, so one addition moves a
//!   negative digit to another prime.
//! - `tfhe-ntt` reduces what it adds up: `c = floor(floor(d / 2^29) floor(2^61 / q) / 2^32)` is below `d / q` by less than
//!   `1 + 2^29 / q + q^2 / 2^61 < 2` for primes of our range, so `d - c q` is below `2 q` and one subtraction is enough.
//! - Switching down rounds exactly: ties there are none, because primes are odd.
//!
//! Nothing here is secret: the worker sees ciphertexts and public evaluation keys, so the time may depend on them.

#![forbid(unsafe_code)]

mod conversion;
mod level;
pub mod prime;
mod product;
mod relinearisation;
mod residues;
mod ring;
mod switch;
#[cfg(test)]
mod tests;

pub use level::{Ciphertext, Level};
pub use product::{Extended, Tensor};
pub use relinearisation::RelinearisationKey;
pub use residues::{LANES, Lanes, Residues};
pub use ring::{Ring, RingError};
