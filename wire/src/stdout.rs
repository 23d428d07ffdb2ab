//! Results of commands on stdout.

use crate::failure::FailureKind;
use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};
use std::process::exit;

/// Prints a line. A reader that left (`... | head`) has seen enough: the program ends without a word.
pub fn line(text: impl Display) {
    let mut out = stdout().lock();
    let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) else {
        return;
    };
    if error.kind() == ErrorKind::BrokenPipe {
        exit(0);
    }
    eprintln!(
        "error: writing to stdout failed: {error}\n  help: free some space, or write elsewhere"
    );
    exit(FailureKind::Io.exit_code().into());
}
