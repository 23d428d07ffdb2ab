//! Fixed-width words in byte strings: 64-bit key words, 24-bit tile words, 16-bit map words, all little endian.

use super::parameters::{MAP_WORD_BYTES, TILE_WORD_BYTES};

/// Bits dropped from a 64-bit word of a camera ciphertext.
const TILE_DROPPED_BITS: u32 = 64 - 8 * TILE_WORD_BYTES as u32;

/// Bits dropped from a 64-bit word of a packed result.
const MAP_DROPPED_BITS: u32 = 64 - 8 * MAP_WORD_BYTES as u32;

/// The 64-bit words of `bytes`; a last partial word is left out.
pub fn key_words(bytes: &[u8]) -> Vec<u64> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .collect()
}

/// Appends 64-bit words.
pub fn push_key_words(bytes: &mut Vec<u8>, words: &[u64]) {
    bytes.reserve(words.len() * 8);
    words
        .iter()
        .for_each(|word| bytes.extend(word.to_le_bytes()));
}

/// Appends the top 24 bits of each word, rounded to nearest.
pub fn push_tile_words(bytes: &mut Vec<u8>, words: &[u64]) {
    for word in words {
        let [a, b, c, ..] = rounded(*word, TILE_DROPPED_BITS).to_le_bytes();
        bytes.extend([a, b, c]);
    }
}

/// The words of a tile, back at the top of 64 bits.
pub fn tile_words(bytes: &[u8]) -> Vec<u64> {
    let word =
        |[a, b, c]: &[u8; 3]| u64::from_le_bytes([*a, *b, *c, 0, 0, 0, 0, 0]) << TILE_DROPPED_BITS;
    bytes.as_chunks().0.iter().map(word).collect()
}

/// Appends the top 16 bits of each word, rounded to nearest.
pub fn push_map_words(bytes: &mut Vec<u8>, words: &[u64]) {
    for word in words {
        let [a, b, ..] = rounded(*word, MAP_DROPPED_BITS).to_le_bytes();
        bytes.extend([a, b]);
    }
}

/// The words of a map tile, back at the top of 64 bits.
pub fn map_words(bytes: &[u8]) -> Vec<u64> {
    let word =
        |word: &[u8; MAP_WORD_BYTES]| u64::from(u16::from_le_bytes(*word)) << MAP_DROPPED_BITS;
    bytes.as_chunks().0.iter().map(word).collect()
}

/// The word without its low `dropped` bits, rounded to nearest and wrapping around the torus.
fn rounded(word: u64, dropped: u32) -> u64 {
    word.wrapping_add(1 << (dropped - 1)) >> dropped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn torus_distance(a: u64, b: u64) -> u64 {
        a.wrapping_sub(b).min(b.wrapping_sub(a))
    }

    proptest! {
        #[test]
        fn words_come_back_within_half_a_step(words in proptest::collection::vec(any::<u64>(), 0..40)) {
            let (mut tile, mut map, mut key) = (Vec::new(), Vec::new(), Vec::new());
            push_tile_words(&mut tile, &words);
            push_map_words(&mut map, &words);
            push_key_words(&mut key, &words);
            prop_assert_eq!(tile.len(), 3 * words.len());
            prop_assert_eq!(map.len(), 2 * words.len());
            prop_assert_eq!(key_words(&key), words.clone());
            let (tile, map) = (tile_words(&tile), map_words(&map));
            prop_assert_eq!((tile.len(), map.len()), (words.len(), words.len()));
            for ((word, tile), map) in words.iter().zip(tile).zip(map) {
                prop_assert!(torus_distance(*word, tile) <= 1 << 39);
                prop_assert!(torus_distance(*word, map) <= 1 << 47);
            }
        }
    }
}
