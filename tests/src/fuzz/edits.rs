//! Long valid bytes and short edits to them: a key of megabytes is damaged by an input of a few bytes.

/// Applies the edits that `script` spells, six bytes each: what to do, where, and with which value.
pub(super) fn edited(mut bytes: Vec<u8>, script: &[u8]) -> Vec<u8> {
    for [operation, p0, p1, p2, p3, value] in script.as_chunks().0 {
        let place = u32::from_le_bytes([*p0, *p1, *p2, *p3]) as usize;
        let length = bytes.len();
        match operation % 3 {
            0 if length > 0 => bytes[place % length] = *value,
            1 => bytes.truncate(place % (length + 1)),
            _ => bytes.extend(std::iter::repeat_n(*value, place % 64 + 1)),
        }
    }
    bytes
}
