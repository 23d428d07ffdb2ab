//! Names of sites, cameras and nodes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a site, a camera or another node: 1 to 32 characters of `a-z`, `0-9`, `_` and `-`.
///
/// A name is a safe part of a topic (no `/`, `+`, `#`), of a path (no `.`) and of a web page.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text has no characters.
    #[error("a name is empty; write 1 to 32 characters of a-z, 0-9, `_` and `-`")]
    Empty,
    /// The text has more than [`Name::MAX_BYTES`] bytes.
    #[error(
        "a name has {bytes} bytes, {} are allowed; shorten it",
        Name::MAX_BYTES
    )]
    TooLong {
        /// Length of the refused text.
        bytes: usize,
    },
    /// The text holds a character that no name may hold.
    #[error("the name holds {character:?}; use only a-z, 0-9, `_` and `-`")]
    Character {
        /// The first such character.
        character: char,
    },
}

impl Name {
    /// Length of the longest name, in bytes (and characters).
    pub const MAX_BYTES: usize = 32;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(text: &str) -> Result<(), NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(NameError::TooLong { bytes: text.len() });
        }
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-');
        match text.chars().find(|&c| !allowed(c)) {
            Some(character) => Err(NameError::Character { character }),
            None => Ok(()),
        }
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::check(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::check(&text)?;
        Ok(Self(text))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_at_the_edges_are_taken() {
        for text in ["a", "0", "_", "-", "gate-2_north", &"z".repeat(32)] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn refusals_name_the_fault() {
        for (text, message) in [
            (
                "",
                "a name is empty; write 1 to 32 characters of a-z, 0-9, `_` and `-`",
            ),
            (
                &*"z".repeat(33),
                "a name has 33 bytes, 32 are allowed; shorten it",
            ),
            ("Gate", "the name holds 'G'; use only a-z, 0-9, `_` and `-`"),
            ("a/b", "the name holds '/'; use only a-z, 0-9, `_` and `-`"),
            ("a+", "the name holds '+'; use only a-z, 0-9, `_` and `-`"),
            ("..", "the name holds '.'; use only a-z, 0-9, `_` and `-`"),
            (
                "a\n",
                "the name holds '\\n'; use only a-z, 0-9, `_` and `-`",
            ),
            ("é", "the name holds 'é'; use only a-z, 0-9, `_` and `-`"),
        ] {
            assert_eq!(text.parse::<Name>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn deserialising_checks_too() {
        assert_eq!(
            serde_json::from_str::<Name>("\"gate\"").unwrap().as_str(),
            "gate"
        );
        assert!(serde_json::from_str::<Name>("\"Gate\"").is_err());
        assert_eq!(
            serde_json::to_string(&"gate".parse::<Name>().unwrap()).unwrap(),
            "\"gate\""
        );
    }

    proptest! {
        #[test]
        fn exactly_the_documented_texts_are_names(text in "[a-z0-9_\\-A-Z/+#. ]{0,34}") {
            let documented = (1..=32).contains(&text.len())
                && text.bytes().all(|b| b"abcdefghijklmnopqrstuvwxyz0123456789_-".contains(&b));
            prop_assert_eq!(text.parse::<Name>().is_ok(), documented);
        }
    }
}
