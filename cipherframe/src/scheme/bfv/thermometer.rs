//! Slots: one for each window of a tile and each threshold.
//!
//! Level `l` of a pixel is a thermometer of L bits: bit `v` says `l > v`, that the pixel reaches threshold `v`. Slots
//! run through the windows of the tile, and for each window through its L thresholds. The bit of each of the `k^2`
//! positions inside the window goes into a ciphertext of its own, so that their sum, slot by slot, counts the pixels of
//! a window that reach a threshold.

use crate::quantiser::QuantisedFrame;
use crate::scheme::{SchemeError, check_frame, no_tile};
use crate::spec::StreamSpec;

/// The slots of each position of the kernel, row by row, for tile `tile`: `k^2` lists of one bit per window and
/// threshold. Padding reaches no threshold.
pub fn encode(
    spec: &StreamSpec,
    frame: &QuantisedFrame,
    tile: u32,
) -> Result<Vec<Vec<u64>>, SchemeError> {
    check_frame(spec, frame)?;
    let plan = spec.tile_plan();
    let windows = plan.windows(tile).ok_or_else(|| no_tile(spec, tile))?;
    let thresholds = spec.quantiser().level_count();
    let kernel = usize::from(spec.pool().kernel());
    let mut positions =
        vec![Vec::with_capacity(windows.len() * usize::from(thresholds)); kernel * kernel];
    for window in windows {
        for (pixel, slots) in plan.positions(window).zip(&mut positions) {
            let level = pixel.and_then(|(x, y)| frame.level_at(x, y)).unwrap_or(0);
            slots.extend((0..thresholds).map(|threshold| u64::from(level > threshold)));
        }
    }
    Ok(positions)
}

/// The level of each window, from slots that are 0 where the maximum reaches the threshold and `none` where it does not.
///
/// Refuses slots with any other value, and thermometers that are not monotone: no honest worker makes them.
pub fn decode(
    slots: &[u64],
    windows: usize,
    thresholds: u8,
    none: u64,
) -> Result<Vec<u8>, SchemeError> {
    let corrupt = |why| SchemeError::Corrupt {
        what: "map tile",
        why,
    };
    let mut levels = Vec::with_capacity(windows);
    for thermometer in slots.chunks_exact(thresholds.into()).take(windows) {
        if thermometer.iter().any(|slot| *slot != 0 && *slot != none) {
            return Err(corrupt("a slot holds neither of its two values"));
        }
        let level = thermometer.iter().take_while(|slot| **slot == 0).count();
        if thermometer.iter().skip(level).any(|slot| *slot == 0) {
            return Err(corrupt("a threshold is reached above one that is not"));
        }
        levels.push(level as u8);
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, PoolSpec, Quantiser, SchemeId};

    #[test]
    fn bits_stand_where_the_windows_have_their_pixels() {
        let quantiser = Quantiser::from_thresholds(vec![10, 20, 30]).unwrap();
        let frame = Frame::new(3, 2, vec![5, 10, 20, 30, 0, 255]).unwrap();
        let frame = quantiser.quantise(&frame);
        let pool = PoolSpec::new(2, 2, 1).unwrap();
        let spec = StreamSpec::new(SchemeId::Bfv, 3, 2, quantiser, pool).unwrap();
        let positions = encode(&spec, &frame, 0).unwrap();
        // Padding is above 5, above 10 and 20, left of 30, and nowhere around 0 and 255 but below them.
        let bits: Vec<String> = positions
            .iter()
            .map(|slots| slots.iter().map(u64::to_string).collect())
            .collect();
        assert_eq!(
            bits,
            [
                "000000000000",
                "000000111111",
                "000100000000",
                "000110000000"
            ]
        );
        assert!(encode(&spec, &frame, 1).is_err());
    }

    #[test]
    fn only_monotone_thermometers_of_the_two_values_are_levels() {
        let levels = |slots: &[u64]| decode(slots, slots.len() / 3, 3, 24);
        assert_eq!(
            levels(&[24, 24, 24, 0, 24, 24, 0, 0, 24, 0, 0, 0]).unwrap(),
            [0, 1, 2, 3]
        );
        let why = |slots: &[u64]| levels(slots).unwrap_err().to_string();
        assert_eq!(
            why(&[0, 0, 0, 24, 0, 24]),
            "map tile is corrupt: a threshold is reached above one that is not; the tile is dropped"
        );
        assert_eq!(
            why(&[0, 1, 24]),
            "map tile is corrupt: a slot holds neither of its two values; the tile is dropped"
        );
    }
}
