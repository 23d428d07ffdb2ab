//! The file with the users: one `NAME:HASH` a line, the hash of argon2id as a PHC string.

use std::collections::BTreeMap;
use std::path::Path;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};
use wire::change::Change;
use wire::failure::{Failure, FailureKind};
use wire::secret_file;

/// A name has 1 to this many characters.
const MAX_NAME_BYTES: usize = 64;
/// A password has so many bytes.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=1024;
/// What a hash in the file may ask for: more than this would let each attempt at a login take
/// memory and time that others miss.
const MAX_MEMORY_KIB: u32 = 256 << 10;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;
const HEADER: &str = "# Users of the broker, made by `broker passwd`: NAME:HASH (argon2id)\n";
const WHAT: &str = "the users file";

/// Why something is not done with users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsersError {
    /// Not a name that a user may have.
    #[error(
        "`{name}` is not a user name; write 1 to {MAX_NAME_BYTES} of the characters a-z, A-Z, 0-9, \
         `.`, `_`, `-` and `@`"
    )]
    Name {
        /// What was given, shown escaped.
        name: String,
    },
    /// A password that is too short or too long.
    #[error(
        "the password has {bytes} bytes; choose one of {} to {} bytes",
        PASSWORD_BYTES.start(),
        PASSWORD_BYTES.end()
    )]
    Password {
        /// Its length.
        bytes: usize,
    },
    /// A line that is not an entry.
    #[error("line {line}: {reason}; write `NAME:HASH`, or make the line with `broker passwd`")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The hash function failed.
    #[error("the password could not be hashed; report this, and what machine it is")]
    Hash,
}

/// The users and the hashes of their passwords.
#[derive(Clone, Debug, Default)]
pub struct Users {
    hashes: BTreeMap<String, PasswordHash>,
}

impl Users {
    /// Reads a file; nobody but its owner may have any right to it.
    ///
    /// # Errors
    /// [`FailureKind::Permissions`] for a lax mode, [`FailureKind::BadData`] for a file that is not
    /// one of users, and when reading fails.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let bytes = secret_file::read(WHAT, path)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            Failure::new(
                FailureKind::BadData,
                format!("{WHAT} {} is not UTF-8 text", path.display()),
                "make it with `broker passwd`",
            )
        })?;
        Self::parse(text).map_err(|error| {
            let Failure { kind, what, mend } = Failure::of(FailureKind::BadData, &error);
            Failure::new(kind, format!("{WHAT} {}: {what}", path.display()), mend)
        })
    }

    /// Reads the text of a file. Empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// [`UsersError::Line`] for the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let mut users = Self::default();
        for (index, line) in text.lines().enumerate() {
            let wrong = |reason| UsersError::Line {
                line: index + 1,
                reason,
            };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, hash) = line.split_once(':').ok_or(wrong("no colon"))?;
            check_name(name).map_err(|_| wrong("not a user name"))?;
            let hash = PasswordHash::new(hash).map_err(|_| wrong("not the hash of a password"))?;
            check_hash(&hash).map_err(wrong)?;
            if users.hashes.insert(name.to_owned(), hash).is_some() {
                return Err(wrong("a user that is there already"));
            }
        }
        Ok(users)
    }

    /// Gives a user a password, new or instead of the one before.
    ///
    /// # Errors
    /// [`UsersError::Name`] and [`UsersError::Password`].
    pub fn set(&mut self, name: &str, password: &str) -> Result<(), UsersError> {
        check_name(name)?;
        let bytes = password.len();
        if !PASSWORD_BYTES.contains(&bytes) {
            return Err(UsersError::Password { bytes });
        }
        let hash = Argon2::default().hash_password(password.as_bytes());
        let hash = hash.map_err(|_| UsersError::Hash)?;
        self.hashes.insert(name.to_owned(), hash);
        Ok(())
    }

    /// Takes a user out; `false` when there is none of this name.
    pub fn remove(&mut self, name: &str) -> bool {
        self.hashes.remove(name).is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether `password` is that of the user `name`. Takes some ten milliseconds, for a name that
    /// nobody has as well.
    #[must_use]
    pub fn accepts(&self, name: &str, password: &[u8]) -> bool {
        let own = self.hashes.get(name);
        // Without a user of that name another's hash is computed, for the time that it takes.
        let Some(hash) = own.or_else(|| self.hashes.values().next()) else {
            return false;
        };
        Argon2::default().verify_password(password, hash).is_ok() && own.is_some()
    }

    /// Writes the file: whole and durably, or not at all. A new one has mode 0600; one that is
    /// replaced keeps owner, group and mode.
    ///
    /// # Errors
    /// When the file system refuses it.
    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        self.replace(Change::begin(path)?)
    }

    /// Reads the file, changes it and writes it, without another command in between. What `change`
    /// refuses changes nothing. A file that is missing is made if `create` says so.
    ///
    /// # Errors
    /// Those of [`Users::load`], of `change` and of [`Users::save`].
    pub fn change(
        path: &Path,
        create: bool,
        change: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let right = Change::begin(path)?;
        let mut users = Self::load_or_create(path, create)?;
        change(&mut users)?;
        users.replace(right)
    }

    /// As [`Users::load`]; a file that is missing holds no user if `create` says so.
    ///
    /// # Errors
    /// As [`Users::load`].
    pub fn load_or_create(path: &Path, create: bool) -> Result<Self, Failure> {
        if create && path.try_exists().is_ok_and(|exists| !exists) {
            return Ok(Self::default());
        }
        Self::load(path)
    }

    fn replace(&self, right: Change<'_>) -> Result<(), Failure> {
        Ok(right.replace(self.to_string().as_bytes(), 0o600)?)
    }
}

/// The text of the file.
impl std::fmt::Display for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HEADER)?;
        for (name, hash) in &self.hashes {
            writeln!(f, "{name}:{hash}")?;
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), UsersError> {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@');
    if (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    let name = name.escape_debug().to_string();
    Err(UsersError::Name { name })
}

fn check_hash(hash: &PasswordHash) -> Result<(), &'static str> {
    if hash.algorithm.as_str() != "argon2id" {
        return Err("not a hash of argon2id");
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err("a hash without salt or value");
    }
    let params = Params::try_from(hash).map_err(|_| "parameters that argon2id does not have")?;
    if params.m_cost() > MAX_MEMORY_KIB
        || params.t_cost() > MAX_PASSES
        || params.p_cost() > MAX_LANES
    {
        return Err("parameters beyond 256 MiB, 16 passes and 16 lanes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    use super::*;

    const OF_PASSWORD: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                               CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn a_known_hash_is_that_of_its_password() {
        let users = Users::parse(&format!("# us\n\n gate:{OF_PASSWORD}\r\n")).unwrap();
        assert_eq!(users.len(), 1);
        assert!(users.accepts("gate", b"password"));
        assert!(!users.accepts("gate", b"passwore"));
        assert!(!users.accepts("gate", b""));
        assert!(!users.accepts("yard", b"password"));
        assert!(!Users::default().accepts("gate", b"password"));
    }

    #[test]
    fn what_was_set_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        let mut users = Users::default();
        users.set("gate", "first pass").unwrap();
        users.set("viewer@home", "second pass").unwrap();
        users.save(&path).unwrap();
        let mut again = Users::load(&path).unwrap();
        assert!(again.accepts("gate", b"first pass"));
        assert!(again.accepts("viewer@home", b"second pass"));
        assert!(!again.accepts("gate", b"second pass"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(HEADER) && !text.contains("pass\n"));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );

        again.set("gate", "third pass").unwrap();
        assert!(again.remove("viewer@home") && !again.remove("viewer@home"));
        again.save(&path).unwrap();
        let last = Users::load(&path).unwrap();
        assert!(last.accepts("gate", b"third pass") && !last.accepts("gate", b"first pass"));
        assert!(!last.accepts("viewer@home", b"second pass"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn several_at_once_do_not_undo_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        let made = Users::parse(&format!("gate:{OF_PASSWORD}")).unwrap();
        let hash = made.hashes["gate"].clone();
        thread::scope(|scope| {
            for number in 0..24 {
                let (path, hash) = (&path, hash.clone());
                scope.spawn(move || {
                    let add = |users: &mut Users| {
                        users.hashes.insert(format!("user-{number}"), hash);
                        Ok(())
                    };
                    Users::change(path, true, add).unwrap();
                });
            }
        });
        assert_eq!(Users::load(&path).unwrap().len(), 24);
    }

    #[test]
    fn a_changed_file_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        Users::default().save(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        Users::default().save(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o400);
    }

    #[test]
    fn bad_lines_are_named() {
        let other = OF_PASSWORD.replace("argon2id", "argon2i");
        let greedy = OF_PASSWORD.replace("m=65536", "m=4294967295");
        for (text, line, reason) in [
            ("gate", 1, "no colon"),
            ("\n\ngate:secret", 3, "not the hash of a password"),
            (":x", 1, "not a user name"),
            (&format!("a b:{OF_PASSWORD}"), 1, "not a user name"),
            (&format!("gate:{other}"), 1, "not a hash of argon2id"),
            (
                &format!("gate:{greedy}"),
                1,
                "parameters beyond 256 MiB, 16 passes and 16 lanes",
            ),
            (
                &format!("gate:{OF_PASSWORD}\ngate:{OF_PASSWORD}"),
                2,
                "a user that is there already",
            ),
            ("gate:$argon2id$v=19", 1, "a hash without salt or value"),
        ] {
            let error = Users::parse(text).unwrap_err();
            assert_eq!(error, UsersError::Line { line, reason }, "{text}");
        }
    }

    #[test]
    fn names_and_passwords_have_limits() {
        let mut users = Users::default();
        for name in ["", "a:b", "a b", "ä", "#a", &"x".repeat(65)] {
            assert!(matches!(
                users.set(name, "good enough"),
                Err(UsersError::Name { .. })
            ));
        }
        for password in ["", "7 bytes", &"x".repeat(1025)] {
            let bytes = password.len();
            assert_eq!(
                users.set("a", password),
                Err(UsersError::Password { bytes })
            );
        }
        assert!(users.is_empty());
    }
}
