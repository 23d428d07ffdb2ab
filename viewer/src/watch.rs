//! Watching the cameras of a site.

/// Whether a camera is watched.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WatchMode {
    /// It is not.
    Off {
        /// Why, if that is not by intent.
        reason: Option<String>,
    },
    /// What is normal is being learned.
    Learning {
        /// How much of it is done, 0 to 1.
        done: f64,
    },
    /// Every map is scored.
    Watching,
}

impl Default for WatchMode {
    fn default() -> Self {
        Self::Off { reason: None }
    }
}
