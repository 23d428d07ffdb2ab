//! Residues as bytes: 30 bits each, four in fifteen bytes, rows one after the other.

use super::lean::Residues;
use super::lean::prime::Prime;
use super::parameters::RESIDUE_BITS;
use crate::scheme::SchemeError;

/// Residues that fill whole bytes together.
const GROUP: usize = 4;

/// Bytes of a group.
const GROUP_BYTES: usize = GROUP * RESIDUE_BITS / 8;

/// Appends the rows of a polynomial.
pub fn push_residues(bytes: &mut Vec<u8>, polynomial: &Residues) {
    for group in polynomial
        .coefficients()
        .flat_map(|row| row.chunks_exact(GROUP))
    {
        let bits = group.iter().rev().fold(0u128, |bits, residue| {
            bits << RESIDUE_BITS | u128::from(*residue)
        });
        bytes.extend(bits.to_le_bytes().iter().take(GROUP_BYTES));
    }
}

/// Reads a polynomial of `degree` coefficients with a row for each of `primes`. Residues that are not below their prime
/// are refused: the bounds of the arithmetic rest on it.
pub fn read_residues(
    what: &'static str,
    bytes: &[u8],
    degree: usize,
    primes: &[Prime],
) -> Result<Residues, SchemeError> {
    let mut polynomial = Residues::zero(degree, primes.len());
    let mask = (1u32 << RESIDUE_BITS) - 1;
    let rows = bytes.chunks(degree / GROUP * GROUP_BYTES);
    let mut all_below = true;
    for ((row, prime), bytes) in polynomial.coefficients_mut().zip(primes).zip(rows) {
        for (group, bytes) in row
            .chunks_exact_mut(GROUP)
            .zip(bytes.chunks_exact(GROUP_BYTES))
        {
            let mut word = [0; 16];
            for (to, from) in word.iter_mut().zip(bytes) {
                *to = *from;
            }
            let bits = u128::from_le_bytes(word);
            for (place, residue) in group.iter_mut().enumerate() {
                *residue = (bits >> (place * RESIDUE_BITS)) as u32 & mask;
            }
        }
        all_below &= row.iter().all(|residue| *residue < prime.value());
    }
    if all_below {
        Ok(polynomial)
    } else {
        Err(SchemeError::Malformed {
            what,
            why: "a residue is not below its prime",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::{DEPTH_2, SETS};
    use super::*;

    #[test]
    fn residues_come_back_and_have_the_stated_length() {
        for set in SETS {
            let ring = set.ring().unwrap();
            let mut polynomial = Residues::zero(set.degree, set.primes);
            let rows = polynomial.coefficients_mut().zip(ring.primes());
            for (place, (row, prime)) in rows.enumerate() {
                for (at, residue) in row.iter_mut().enumerate() {
                    let spread = (at as u32).wrapping_mul(2_654_435_761);
                    *residue = (spread ^ place as u32) % prime.value();
                }
                row[0] = prime.value() - 1;
            }
            let mut bytes = Vec::new();
            push_residues(&mut bytes, &polynomial);
            assert_eq!(bytes.len(), set.polynomial_bytes(set.primes));
            let read = read_residues("x", &bytes, set.degree, ring.primes()).unwrap();
            assert_eq!(read, polynomial);
        }
    }

    #[test]
    fn a_residue_that_is_not_below_its_prime_is_refused_wherever_it_stands() {
        let ring = DEPTH_2.ring().unwrap();
        let row = DEPTH_2.polynomial_bytes(1);
        for (place, prime) in ring.primes().iter().enumerate() {
            for at in [0, DEPTH_2.degree / GROUP - 1] {
                let mut bytes = vec![0; DEPTH_2.polynomial_bytes(3)];
                let start = place * row + at * GROUP_BYTES;
                let mut write = |residue: u32| {
                    bytes[start..start + 4].copy_from_slice(&residue.to_le_bytes());
                    read_residues("a tile", &bytes, DEPTH_2.degree, ring.primes())
                };
                assert!(write(prime.value() - 1).is_ok());
                assert_eq!(
                    write(prime.value()).unwrap_err().to_string(),
                    "a tile is malformed: a residue is not below its prime; the sender is broken or lying, the tile is dropped"
                );
            }
        }
    }
}
