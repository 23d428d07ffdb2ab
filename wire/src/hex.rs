//! Lower-case hexadecimal digits.

use std::fmt;

/// Writes two digits for each byte.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads exactly `2 * N` digits of either case; anything else is `None`.
pub(crate) fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair
            .iter()
            .try_fold(0, |sum: u8, &digit| Some(sum << 4 | value(digit)?))?;
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_read_as_they_mean() {
        assert_eq!(read("00ff1aB2"), Some([0x00, 0xff, 0x1a, 0xb2]));
        assert_eq!(read::<0>(""), Some([]));
        for text in ["", "0", "000", "0g", "é", "+1", " 1"] {
            assert_eq!(read::<1>(text), None, "{text}");
        }
    }
}
