//! Files that readers see whole or not at all: written under another name, and renamed.
//!
//! What a process that was killed left behind is called `NAME.PROCESS.new`, and is in nobody's way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;

/// Writes a file in place of the one that is there; `mode` is less the umask. After a power cut it
/// may be empty. Blocks.
///
/// # Errors
/// What the file system says; then the file is as it was.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    replace(path, bytes, mode, |_| Ok(()))
}

/// As [`write()`], and once this returns the file outlives a power cut.
///
/// # Errors
/// As [`write()`]; where only its folder cannot be synced, the file is there.
pub fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    replace(path, bytes, mode, File::sync_all)?;
    // Only then does the new name outlive it too.
    File::open(folder_of(path))?.sync_all()
}

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn replace(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    settle: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // The number of the process keeps two that share a folder apart.
    name.push(format!(".{}.new", process::id()));
    let unfinished = path.with_file_name(name);
    // Of a process with the same number, maybe with another mode.
    let _ = fs::remove_file(&unfinished);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            settle(&file)
        })
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The first error is the one worth telling.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    type Write = fn(&Path, &[u8], u32) -> io::Result<()>;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        for write in [write as Write, write_durably] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            let unfinished = folder.path().join(format!("file.{}.new", process::id()));
            fs::write(&unfinished, "half").unwrap();
            fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o666)).unwrap();
            for text in ["first", "second"] {
                write(&path, text.as_bytes(), 0o600).unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), text);
            }
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        for write in [write as Write, write_durably] {
            let folder = tempfile::tempdir().unwrap();
            let in_the_way = folder.path().join("file");
            fs::create_dir(&in_the_way).unwrap();
            assert!(write(&in_the_way, b"text", 0o600).is_err());
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            assert!(write(&folder.path().join("no/file"), b"text", 0o600).is_err());
        }
    }
}
