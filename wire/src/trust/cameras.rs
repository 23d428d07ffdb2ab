//! The cameras that a worker or viewer may sign for.

use std::fmt;

use crate::name::Name;

/// The cameras whose maps a worker, or whose receipts a viewer, may sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cameras {
    /// Those of every camera.
    #[default]
    All,
    /// Those of these cameras.
    Only(Vec<Name>),
}

impl Cameras {
    /// Whether `camera` is one of them.
    #[must_use]
    pub fn allow(&self, camera: &Name) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(camera),
        }
    }
}

impl fmt::Display for Cameras {
    /// "all cameras", or "`gate`, `yard`".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all cameras"),
            Self::Only(names) => names.iter().enumerate().try_for_each(|(place, name)| {
                let comma = if place > 0 { ", " } else { "" };
                write!(f, "{comma}`{name}`")
            }),
        }
    }
}
