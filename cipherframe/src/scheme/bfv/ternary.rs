//! Secret coefficients as bytes: four in one, two bits each (0, 1, and 2 for -1).

use crate::scheme::SchemeError;
use zeroize::Zeroizing;

/// Bytes of `degree` coefficients.
pub const fn ternary_bytes(degree: usize) -> usize {
    degree / 4
}

/// Appends coefficients in {-1, 0, 1}, a multiple of four of them.
pub fn push_ternary(bytes: &mut Vec<u8>, coefficients: &[i64]) {
    bytes.extend(coefficients.chunks_exact(4).map(|group| {
        let bits = |coefficient: &i64| coefficient.rem_euclid(3) as u8;
        group
            .iter()
            .rev()
            .fold(0, |byte, coefficient| byte << 2 | bits(coefficient))
    }));
}

/// Reads coefficients; bytes that hold the fourth pattern are refused.
pub fn read_ternary(what: &'static str, bytes: &[u8]) -> Result<Zeroizing<Vec<i64>>, SchemeError> {
    // Never reallocated, so that no copy stays in memory.
    let mut coefficients = Zeroizing::new(Vec::with_capacity(4 * bytes.len()));
    for byte in bytes {
        for place in 0..4 {
            coefficients.push(match byte >> (2 * place) & 3 {
                0 => 0,
                1 => 1,
                2 => -1,
                _ => {
                    return Err(SchemeError::Malformed {
                        what,
                        why: "a coefficient is none of -1, 0 and 1",
                    });
                }
            });
        }
    }
    Ok(coefficients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_come_back_and_other_bits_are_refused() {
        let coefficients = [0, 1, -1, 1, -1, -1, 0, 0];
        let mut bytes = Vec::new();
        push_ternary(&mut bytes, &coefficients);
        assert_eq!(bytes.len(), ternary_bytes(coefficients.len()));
        assert_eq!(*read_ternary("a key", &bytes).unwrap(), coefficients);
        assert!(read_ternary("a key", &[0b0011_0000]).is_err());
    }
}
