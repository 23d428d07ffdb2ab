//! The arithmetic of pooling: additions, products and modulus switches of BFV ciphertexts on 32-bit residues.
//!
//! A ciphertext is two polynomials of N coefficients modulo `Q = q_0 q_1 ... q_(l-1)`, each held as one row of residues
//! per prime, as plain coefficients ([`Residues`]). All primes lie between `2^30 - 2^21` and `2^30`, so a product of two
//! residues has 60 bits, sixteen vector lanes of them fit the registers, and nothing needs 64-bit products, floating
//! point or big integers. The transforms are those of `tfhe-ntt` ([`prime32`](tfhe_ntt::prime32)).
//!
//! A product of ciphertexts `(a0, a1) (b0, b1)` at `l` primes takes these steps (the names are those of Halevi, Polyakov
//! and Shoup, "An improved RNS variant of the BFV homomorphic encryption scheme", CT-RSA 2019):
//!
//! 1. *Base extension*: each part, as the integer in `[-Q/2, Q/2]` it stands for, is written modulo `l + 1` auxiliary
//!    primes of product P too.
//! 2. *Tensor product* modulo `Q P`: `d0 = a0 b0`, `d1 = a0 b1 + a1 b0`, `d2 = a1 b1`, between transforms. As integers
//!    `|d| <= N Q^2 / 2 (1 + 2^-24)`, which is less than `Q P / 2` because `P > N Q (1 + 2^-6)`; so `Q P` holds them.
//! 3. *Scaling*: `round(t d / Q)` modulo each `q_k`. With `x_i = [d (QP/m_i)^-1]` modulo each `m_i` of the `2 l + 1`
//!    primes, `d = sum x_i QP/m_i - v QP`, so `t d / Q` is the sum of the `x_i tP/q_i` (an integer part modulo `q_k`
//!    and a fraction) and the `x_j tP/p_j` (integers), less `v tP`.
//! 4. *Relinearisation*: the residues of `d2` modulo each `q_i`, centred around 0, are its digits; they meet the relinearisation key, and
//!    what comes out is added to `d0` and `d1`.
//!
//! Steps 1 and 3 are one piece of code ([`Conversion`]): a sum of `x_i` times constants. *Switching down* to fewer
//! primes before the next product ([`Level::switch_down`]) keeps the noise and makes the product cheaper.
//!
//! # Bounds
//!
//! Every one is asserted when a [`Ring`] is built, and holds for all inputs, not just likely ones:
//!
//! - a sum of at most 11 products below `2^60` and one below `2^34` stays below `11 * 2^60 + 2^34 < 2^64`;
//! - its upper half plus one prime stays below `2^32`, so one subtraction is a Montgomery reduction ([`prime`]);
//! - `v = round(sum x_i / m_i)` is computed from reciprocals of 60 bits: the error is below `11 * 2^-30`, so it is exact
//!    for `|d| < QP (1/2 - 2^-26)`. In base extension an input at the very edge may be taken as `Q/2 + 2^-26 Q`
//!    instead of its negative twin: the same residue class;
//! - the fraction in scaling is a sum of at most 5 products with fractions of 32 bits: the error is below
//!    `5 * 2^-3 + 1/2`, so results differ from the exactly rounded ones by at most 1.
//!
//! Nothing here is secret: the worker sees ciphertexts and public evaluation keys, so the time may depend on them.

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
