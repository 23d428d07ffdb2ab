//! Failures that end a command, and the exit code of each.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use keyfile::KeyFileError;

use crate::identity::IdentityError;
use crate::random::RandomError;

/// What sort of failure ended a command. The numbers follow `sysexits.h` where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FailureKind {
    /// A fault of the program itself.
    Bug = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A file or a message does not hold what it should.
    BadData = 65,
    /// The MQTT broker, or the node that was asked, cannot be reached or is not ready.
    Unavailable = 69,
    /// Reading or writing failed.
    Io = 74,
    /// The operating system forbids it, or a key file is open to others.
    Permissions = 77,
    /// A configuration file is wrong or does not fit the machine.
    Configuration = 78,
}

impl FailureKind {
    /// The exit code of a command that ends so.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        self as u8
    }

    /// The kind that an I/O error belongs to: [`Self::Permissions`] when access was denied, else
    /// [`Self::Io`].
    #[must_use]
    pub fn of_io(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::PermissionDenied {
            Self::Permissions
        } else {
            Self::Io
        }
    }
}

/// A failure that ends a command: what happened, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: FailureKind,
    /// What happened. A fragment without a final stop.
    pub what: String,
    /// What the user can do. An imperative without a final stop.
    pub mend: String,
}

impl Failure {
    /// A failure from its two halves.
    pub fn new(kind: FailureKind, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            mend: mend.into(),
        }
    }

    /// A failure from an error whose message is "what happened; what to do".
    #[must_use]
    pub fn of(kind: FailureKind, error: &dyn std::error::Error) -> Self {
        let message = error.to_string();
        match message.split_once("; ") {
            Some((what, mend)) => Self::new(kind, what, mend),
            None => Self::new(kind, message, "look into the log for what came before"),
        }
    }

    /// An I/O error while doing `what` (such as "reading `trust.toml`"), with the kind that fits
    /// it.
    pub fn io(what: impl fmt::Display, error: &io::Error, mend: impl Into<String>) -> Self {
        Self::new(
            FailureKind::of_io(error),
            format!("{what} failed: {error}"),
            mend,
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  help: {}", self.what, self.mend)
    }
}

impl std::error::Error for Failure {}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        let kind = match &error {
            KeyFileError::Io { source, .. } => FailureKind::of_io(source),
            KeyFileError::LaxMode { .. } => FailureKind::Permissions,
            KeyFileError::WrongRole { .. } => FailureKind::Configuration,
            KeyFileError::Exists { .. } => FailureKind::Io,
            KeyFileError::Algorithm { .. } => FailureKind::Bug,
            _ => FailureKind::BadData,
        };
        Self::new(kind, error.what(), error.mend())
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::KeyFile(error) => error.into(),
            IdentityError::Random(error) => error.into(),
            other => Self::of(FailureKind::BadData, &other),
        }
    }
}

impl From<RandomError> for Failure {
    fn from(error: RandomError) -> Self {
        Self::of(FailureKind::Io, &error)
    }
}

/// Ends a `main`: a failure is printed on stderr as "error: ..." and becomes its exit code, `Ok`
/// becomes 0.
pub fn exit_with(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody may be reading any more; the exit code still counts.
            let _ = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        use FailureKind::{BadData, Bug, Configuration, Io, Permissions, Unavailable, Usage};
        for (kind, code) in [
            (Bug, 1),
            (Usage, 2),
            (BadData, 65),
            (Unavailable, 69),
            (Io, 74),
            (Permissions, 77),
            (Configuration, 78),
        ] {
            assert_eq!(kind.exit_code(), code);
            assert_eq!(
                exit_with(Err(Failure::new(kind, "x", "y"))),
                ExitCode::from(code)
            );
        }
        assert_eq!(exit_with(Ok(())), ExitCode::SUCCESS);
    }

    #[test]
    fn a_failure_shows_both_halves() {
        let failure = Failure::new(FailureKind::Io, "no space left", "free some");
        assert_eq!(failure.to_string(), "no space left\n  help: free some");
    }

    #[test]
    fn messages_of_two_halves_are_split() {
        let error = crate::name::NameError::Empty;
        let failure = Failure::of(FailureKind::Usage, &error);
        assert_eq!(failure.what, "a name is empty");
        assert_eq!(
            failure.mend,
            "write 1 to 32 characters of a-z, 0-9, `_` and `-`"
        );
    }

    #[test]
    fn denied_access_is_a_matter_of_permissions() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(
            Failure::io("reading `a`", &denied, "look").kind,
            FailureKind::Permissions
        );
        let missing = io::Error::from(io::ErrorKind::NotFound);
        let failure = Failure::io("reading `a`", &missing, "look");
        assert_eq!(failure.kind, FailureKind::Io);
        assert_eq!(failure.what, "reading `a` failed: entity not found");
    }
}
