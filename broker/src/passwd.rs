//! `broker passwd`: users of the broker, made, changed and taken out.

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use broker::{Users, UsersError};
use clap::Args;
use wire::failure::{Failure, FailureKind};
use zeroize::Zeroizing;

/// What of stdin is looked at: more than the longest password.
const MAX_INPUT_BYTES: u64 = 4096;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file with the users, `auth.users` of the broker's configuration; made if it is missing.
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
    /// The user, new or known.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Take the user out.
    #[arg(long)]
    remove: bool,
}

/// Changes the file. A broker that runs uses it from the next login on.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments {
        users: path,
        user,
        remove,
    } = arguments;
    // What is wrong with the file is told before anybody types a password.
    Users::load_or_create(path, !remove)?;
    if *remove {
        return Users::change(path, false, |users| {
            if users.remove(user) {
                return Ok(());
            }
            Err(Failure::new(
                FailureKind::Usage,
                format!("{} holds no user `{}`", path.display(), user.escape_debug()),
                "look into the file for the names that it has",
            ))
        });
    }
    let password = if io::stdin().is_terminal() {
        from_terminal(user)?
    } else {
        from_stdin(io::stdin())?
    };
    Users::change(path, true, |users| {
        let set = users.set(user, &password);
        set.map_err(|error| failure(&error))
    })
}

fn failure(error: &UsersError) -> Failure {
    let kind = match error {
        UsersError::Name { .. } | UsersError::Password { .. } => FailureKind::Usage,
        UsersError::Line { .. } => FailureKind::BadData,
        UsersError::Hash => FailureKind::Bug,
    };
    Failure::of(kind, error)
}

fn from_terminal(user: &str) -> Result<Zeroizing<String>, Failure> {
    let ask = |question: String| {
        let answer = rpassword::prompt_password(question).map(Zeroizing::new);
        answer.map_err(|error| {
            Failure::io("reading the password", &error, "give it on stdin instead")
        })
    };
    let first = ask(format!("password of {}: ", user.escape_debug()))?;
    let second = ask("the same again: ".to_owned())?;
    if first != second {
        return Err(Failure::new(
            FailureKind::Usage,
            "the two passwords differ",
            "run the command again",
        ));
    }
    Ok(first)
}

/// The first line, without its end.
fn from_stdin(input: impl Read) -> Result<Zeroizing<String>, Failure> {
    // Of its final size from the start: a text that grows would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_INPUT_BYTES as usize + 1));
    let read = input.take(MAX_INPUT_BYTES).read_to_string(&mut text);
    read.map_err(|error| {
        Failure::io(
            "reading the password from stdin",
            &error,
            "give it as one line of UTF-8",
        )
    })?;
    Ok(Zeroizing::new(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_stdin_is_the_password() {
        for (input, expected) in [
            (&b"secret one\n"[..], "secret one"),
            (b"secret one\r\nmore\n", "secret one"),
            (b"secret one", "secret one"),
            (b"", ""),
        ] {
            assert_eq!(*from_stdin(input).unwrap(), expected);
        }
        assert!(from_stdin(&b"\xff\n"[..]).is_err());
        assert_eq!(from_stdin(io::repeat(b'x')).unwrap().len(), 4096);
    }
}
