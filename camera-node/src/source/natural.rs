//! Natural order of file names: `frame2` comes before `frame10`.

use std::ffi::OsStr;

/// The sort key of a file name. Runs of digits compare as numbers of any length and all else as
/// lower-case text; names that are then equal (`a1`, `A01`) compare as they are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NaturalKey {
    parts: Vec<Part>,
    written: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// A number without its leading zeros. The length comes first, for it decides.
    Number(usize, String),
    Text(String),
}

impl NaturalKey {
    /// The key of `name`; bytes that are no Unicode count as replacement characters.
    pub(super) fn new(name: &OsStr) -> NaturalKey {
        let written = name.to_string_lossy().into_owned();
        let mut parts = Vec::new();
        let mut rest = written.as_str();
        while let Some(first) = rest.chars().next() {
            let digits = first.is_ascii_digit();
            let end = rest
                .find(|c: char| c.is_ascii_digit() != digits)
                .unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            parts.push(if digits {
                let number = part.trim_start_matches('0');
                Part::Number(number.len(), number.to_owned())
            } else {
                Part::Text(part.to_lowercase())
            });
            rest = after;
        }
        NaturalKey { parts, written }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(mut names: Vec<&str>) -> Vec<&str> {
        names.sort_by_key(|name| NaturalKey::new(name.as_ref()));
        names
    }

    #[test]
    fn digits_compare_as_numbers() {
        let names = [
            "f10.png", "f2.png", "F1.png", "f02.png", "f1.png", "f.png", "10", "9", "c",
        ];
        // `f` comes before `f.png`, so the numbered files do too.
        let expected = [
            "9", "10", "c", "F1.png", "f1.png", "f02.png", "f2.png", "f10.png", "f.png",
        ];
        assert_eq!(sorted(names.to_vec()), expected);
    }

    #[test]
    fn numbers_of_any_length_do_not_overflow() {
        let small = format!("{}1", "0".repeat(40));
        let large = "9".repeat(60);
        assert_eq!(
            sorted(vec![&large, "2", &small]),
            [small.as_str(), "2", large.as_str()]
        );
    }

    proptest! {
        #[test]
        fn numbered_names_sort_by_their_number(
            mut numbers in proptest::collection::vec(0_u64..2_000_000, 1..40),
        ) {
            let mut names: Vec<String> = numbers.iter().map(|n| format!("img_{n}.jpg")).collect();
            names.sort_by_key(|name| NaturalKey::new(name.as_ref()));
            numbers.sort_unstable();
            let expected: Vec<String> = numbers.iter().map(|n| format!("img_{n}.jpg")).collect();
            prop_assert_eq!(names, expected);
        }

        #[test]
        fn different_names_never_tie(a in "[aA01é.]{0,6}", b in "[aA01é.]{0,6}") {
            let (key_a, key_b) = (NaturalKey::new(a.as_ref()), NaturalKey::new(b.as_ref()));
            prop_assert_eq!(key_a == key_b, a == b);
            prop_assert_eq!(key_a.cmp(&key_b), key_b.cmp(&key_a).reverse());
        }
    }
}
