//! Small files with secrets that are no key files of ours: passwords, and private keys of TLS.
//!
//! They are held to what key files are held to: nobody but the owner may have any right to them.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::failure::{Failure, FailureKind};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// Reads a file that only its owner may have any right to. `what` names it in messages: "the
/// password file".
///
/// # Errors
/// [`FailureKind::Permissions`] for a lax mode, [`FailureKind::BadData`] for what is no file or
/// larger than [`MAX_BYTES`], and when reading fails.
pub fn read(what: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let shown = path.display();
    let io = |error| {
        let mend = "check the path and who may read it";
        Failure::io(format_args!("reading {what} {shown}"), &error, mend)
    };
    let bad = |what: String| Failure::new(FailureKind::BadData, what, "check the path");
    // Without NONBLOCK a pipe would hang the open.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)
        .map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(bad(format!("{what} {shown} is not a file")));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Failure::new(
            FailureKind::Permissions,
            format!("{what} {shown} is open to others (mode {mode:04o})"),
            format!("run `chmod 600 {shown}`, and change what is in it if others may have read it"),
        ));
    }
    // Read into memory of its final size: a vector that grows would leave copies behind.
    let room = usize::try_from(metadata.len().min(MAX_BYTES)).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(bad(format!(
            "{what} {shown} is larger than {MAX_BYTES} bytes"
        )));
    }
    Ok(bytes)
}

/// Reads the first line of a file with a password, without the end of the line.
///
/// # Errors
/// As [`read`], and [`FailureKind::BadData`] when the line is empty or not UTF-8.
pub fn password(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let what = "the password file";
    let bytes = read(what, path)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let bad = |reason: &str| {
        Failure::new(
            FailureKind::BadData,
            format!("{what} {} {reason}", path.display()),
            "write the password into its first line",
        )
    };
    match std::str::from_utf8(line) {
        Ok("") => Err(bad("has no password in its first line")),
        Ok(password) => Ok(Zeroizing::new(password.to_owned())),
        Err(_) => Err(bad("is not UTF-8 text")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(folder: &tempfile::TempDir, text: &[u8], mode: u32) -> std::path::PathBuf {
        let path = folder.path().join("secret");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn the_first_line_is_the_password() {
        let folder = tempfile::tempdir().unwrap();
        for (text, expected) in [
            (&b"one two"[..], "one two"),
            (b"pass\n", "pass"),
            (b"pass\r\nsecond\n", "pass"),
            ("pässe\n".as_bytes(), "pässe"),
        ] {
            let path = file(&folder, text, 0o600);
            assert_eq!(*password(&path).unwrap(), expected);
        }
    }

    #[test]
    fn refusals_say_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        for (text, mode, kind, said) in [
            (
                &b"x"[..],
                0o640,
                FailureKind::Permissions,
                "is open to others (mode 0640)",
            ),
            (
                b"x",
                0o604,
                FailureKind::Permissions,
                "is open to others (mode 0604)",
            ),
            (
                b"\nx",
                0o600,
                FailureKind::BadData,
                "has no password in its first line",
            ),
            (
                b"",
                0o400,
                FailureKind::BadData,
                "has no password in its first line",
            ),
            (b"\xff\n", 0o600, FailureKind::BadData, "is not UTF-8 text"),
        ] {
            let path = file(&folder, text, mode);
            let failure = password(&path).unwrap_err();
            assert_eq!(failure.kind, kind);
            let expected = format!("the password file {} {said}", path.display());
            assert_eq!(failure.what, expected);
        }
        let failure = password(folder.path()).unwrap_err();
        let expected = format!(
            "the password file {} is not a file",
            folder.path().display()
        );
        assert_eq!(failure.what, expected);
        let missing = password(&folder.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind, FailureKind::Io);
    }

    #[test]
    fn a_file_without_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, &vec![b'x'; MAX_BYTES as usize + 1], 0o600);
        assert_eq!(password(&path).unwrap_err().kind, FailureKind::BadData);
        let pipe = password(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(pipe.what, "the password file /dev/zero is not a file");
    }
}
