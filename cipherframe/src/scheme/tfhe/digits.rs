//! How a level travels: as one digit where it has at most 4 bits, else as a high and a low digit of its own ciphertext.

/// Bits of the largest digit: what one bootstrap looks up on the full torus.
pub const MAX_DIGIT_BITS: u32 = 4;

/// One digit of a level.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Digit {
    /// Bits of the level below this digit: 0 or 4.
    shift: u32,
    /// The largest value this digit takes.
    max: u8,
}

impl Digit {
    /// The digit of a level.
    pub fn of(&self, level: u8) -> u8 {
        (level >> self.shift) & ((1 << MAX_DIGIT_BITS) - 1)
    }

    /// The part of a level that a digit stands for.
    pub fn weighted(&self, digit: u8) -> u8 {
        digit << self.shift
    }

    /// The largest value this digit takes.
    pub fn max(&self) -> u8 {
        self.max
    }

    /// Bits that hold every value of this digit, 1 to [`MAX_DIGIT_BITS`].
    pub fn bits(&self) -> u32 {
        self.max.max(1).ilog2() + 1
    }

    /// log2 of the spacing at which a bootstrap tells the values apart, and the differences of two of them.
    pub fn bootstrap_scale_log2(&self) -> u32 {
        63 - self.bits()
    }

    /// log2 of the scale at which the values fill the torus: the scale of a result.
    pub fn output_scale_log2(&self) -> u32 {
        64 - self.bits()
    }
}

/// The digits of levels `0..=level_count`, high digit first.
pub fn digits(level_count: u8) -> Vec<Digit> {
    let largest = (1 << MAX_DIGIT_BITS) - 1;
    let low = Digit {
        shift: 0,
        max: level_count.min(largest),
    };
    let high = Digit {
        shift: MAX_DIGIT_BITS,
        max: level_count >> MAX_DIGIT_BITS,
    };
    if high.max == 0 {
        vec![low]
    } else {
        vec![high, low]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_put_together_are_the_level() {
        for level_count in 1..=255u8 {
            let digits = digits(level_count);
            assert_eq!(digits.len(), if level_count < 16 { 1 } else { 2 });
            for level in 0..=level_count {
                let parts = digits.iter().map(|digit| {
                    assert!(digit.of(level) <= digit.max());
                    digit.weighted(digit.of(level))
                });
                assert_eq!(parts.sum::<u8>(), level);
            }
        }
    }

    #[test]
    fn few_levels_leave_more_room_on_the_torus() {
        let scales = [1, 3, 7, 15].map(|level_count| {
            let digits = digits(level_count);
            (
                digits[0].bootstrap_scale_log2(),
                digits[0].output_scale_log2(),
            )
        });
        assert_eq!(scales, [(62, 63), (61, 62), (60, 61), (59, 60)]);
        assert_eq!(digits(255)[0].bits(), 4);
        assert_eq!(digits(31)[0].bits(), 1);
    }
}
