//! Key files on a real file system: roles, modes, damage, and the message of every refusal.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use keyfile::{KeyFile, KeyFileError, KeyId, Role};
use tempfile::TempDir;
use zeroize::Zeroizing;

const SECRET: &[u8] = b"the payload of a key";

fn key(role: Role) -> KeyFile {
    let payload = Zeroizing::new(SECRET.to_vec());
    KeyFile::new(role, "tfhe", KeyId::of(b"set"), payload).unwrap()
}

fn created(folder: &TempDir, role: Role) -> PathBuf {
    let path = folder.path().join("test.key");
    key(role).create(&path).unwrap();
    path
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn refusal(path: &Path, role: Role) -> String {
    KeyFile::read(path, role, 1000).unwrap_err().to_string()
}

#[test]
fn a_key_reads_back_whatever_its_role() {
    for role in Role::ALL {
        let folder = TempDir::new().unwrap();
        let path = created(&folder, role);
        assert_eq!(mode_of(&path), if role.is_secret() { 0o600 } else { 0o644 });
        let read = KeyFile::read(&path, role, SECRET.len()).unwrap();
        assert_eq!(read.role(), role);
        assert_eq!(read.algorithm(), "tfhe");
        assert_eq!(read.key_id(), KeyId::of(b"set"));
        assert_eq!(read.payload(), SECRET);
        let info = KeyFile::inspect(&path).unwrap();
        assert_eq!(
            (info.role, &*info.algorithm, info.key_id),
            (role, "tfhe", KeyId::of(b"set"))
        );
        assert_eq!(
            (info.payload_bytes, info.is_lax()),
            (SECRET.len() as u64, false)
        );
        assert_eq!(&**read.into_payload(), SECRET);
    }
}

#[test]
fn an_empty_and_a_long_payload_work() {
    for length in [0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 300_000] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("k");
        let payload = Zeroizing::new(vec![5; length]);
        KeyFile::new(Role::EvaluationKey, "plain", KeyId::of(b""), payload)
            .unwrap()
            .create(&path)
            .unwrap();
        let read = KeyFile::read(&path, Role::EvaluationKey, length).unwrap();
        assert_eq!(read.payload(), vec![5; length]);
        assert_eq!(
            KeyFile::inspect(&path).unwrap().payload_bytes,
            length as u64
        );
    }
}

#[test]
fn roles_and_modes_are_checked_for_every_pair() {
    for written in Role::ALL {
        for expected in Role::ALL {
            for mode in [0o600, 0o400, 0o640, 0o604, 0o610, 0o602, 0o644, 0o777] {
                let folder = TempDir::new().unwrap();
                let path = created(&folder, written);
                set_mode(&path, mode);
                let shown = path.display();
                let result = KeyFile::read(&path, expected, 1000);
                let lax = written.is_secret() && mode & 0o077 != 0;
                if written != expected {
                    assert_eq!(
                        result.unwrap_err().to_string(),
                        format!(
                            "`{shown}` holds the {written}, needed is the {expected}; name the \
                             file of the {expected}"
                        )
                    );
                } else if lax {
                    assert_eq!(
                        result.unwrap_err().to_string(),
                        format!(
                            "the {written} `{shown}` is open to others (mode {mode:04o}); run \
                             `chmod 600 {shown}`"
                        )
                    );
                } else {
                    assert_eq!(result.unwrap().payload(), SECRET);
                }
                assert_eq!(KeyFile::inspect(&path).unwrap().is_lax(), lax);
            }
        }
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    for role in Role::ALL {
        let folder = TempDir::new().unwrap();
        let path = created(&folder, role);
        let good = fs::read(&path).unwrap();
        for offset in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[offset] ^= 1 << bit;
                fs::write(&path, &bad).unwrap();
                assert!(
                    KeyFile::read(&path, role, 1000).is_err(),
                    "{role}: byte {offset} bit {bit}"
                );
                assert!(
                    KeyFile::inspect(&path).is_err(),
                    "{role}: byte {offset} bit {bit}"
                );
            }
        }
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            let error = KeyFile::read(&path, role, 1000).unwrap_err();
            assert!(
                matches!(error, KeyFileError::Truncated { .. }),
                "{role}: {length}: {error}"
            );
            assert!(matches!(
                KeyFile::inspect(&path),
                Err(KeyFileError::Truncated { .. })
            ));
        }
    }
}

#[test]
fn damage_is_told_apart() {
    let folder = TempDir::new().unwrap();
    let path = created(&folder, Role::ClientKey);
    let good = fs::read(&path).unwrap();
    let shown = path.display();
    let again = "copy it again from where it was made, or make new keys";
    let after = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        refusal(&path, Role::ClientKey)
    };
    assert_eq!(
        after(&|bytes| bytes[0] = b'b'),
        format!(
            "`{shown}` is not a key file; check the path; key files are made by `blindsight keys \
             new`"
        )
    );
    assert_eq!(
        after(&|bytes| bytes[8] = 2),
        format!(
            "the key file `{shown}` has version 2, this release reads version 1; use a newer \
             release"
        )
    );
    assert_eq!(
        after(&|bytes| bytes[10] = 9),
        format!("the key file `{shown}` has a bad role; {again}")
    );
    assert_eq!(
        after(&|bytes| bytes.truncate(70)),
        format!("the key file `{shown}` ends early; {again}")
    );
    assert_eq!(
        after(&|bytes| bytes.extend_from_slice(b"xy")),
        format!("the key file `{shown}` has 2 bytes after its end; {again}")
    );
    assert_eq!(
        after(&|bytes| *bytes.last_mut().unwrap() ^= 1),
        format!("the key file `{shown}` is damaged: its checksum does not fit; {again}")
    );
}

#[test]
fn a_large_payload_is_refused_before_memory_is_taken() {
    let folder = TempDir::new().unwrap();
    let path = created(&folder, Role::EvaluationKey);
    let shown = path.display();
    assert_eq!(
        KeyFile::read(&path, Role::EvaluationKey, SECRET.len() - 1)
            .unwrap_err()
            .to_string(),
        format!(
            "the key file `{shown}` holds 20 bytes, at most 19 are allowed here; \
             check that this is the right key; \
             such keys are never so large"
        )
    );
    // A header that claims more than any memory has.
    let mut bytes = fs::read(&path).unwrap();
    bytes[8 + 2 + 1 + 1 + 4 + 16..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let error = KeyFile::read(&path, Role::EvaluationKey, usize::MAX - 1).unwrap_err();
    assert!(
        matches!(
            error,
            KeyFileError::TooLarge {
                bytes: u64::MAX,
                ..
            }
        ),
        "{error}"
    );
    let error = KeyFile::read(&path, Role::EvaluationKey, usize::MAX).unwrap_err();
    assert!(matches!(error, KeyFileError::Truncated { .. }), "{error}");
    assert!(matches!(
        KeyFile::inspect(&path),
        Err(KeyFileError::Truncated { .. })
    ));
}

#[test]
fn nothing_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let path = created(&folder, Role::SigningKey);
    let before = fs::read(&path).unwrap();
    assert_eq!(
        key(Role::ClientKey).create(&path).unwrap_err().to_string(),
        format!(
            "the key file `{}` exists and is never overwritten; name another path, or move the old \
             key away first",
            path.display()
        )
    );
    assert_eq!(fs::read(&path).unwrap(), before);

    let link = folder.path().join("link");
    symlink(folder.path().join("nowhere"), &link).unwrap();
    assert!(matches!(
        key(Role::ClientKey).create(&link),
        Err(KeyFileError::Exists { .. })
    ));
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn other_things_than_files_are_refused_without_hanging() {
    let folder = TempDir::new().unwrap();
    let shown = folder.path().display();
    assert_eq!(
        refusal(folder.path(), Role::ClientKey),
        format!("`{shown}` is not a regular file; name the key file itself")
    );
    assert_eq!(
        refusal(Path::new("/dev/zero"), Role::ClientKey)
            .lines()
            .count(),
        1
    );
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert!(matches!(
        KeyFile::read(&pipe, Role::ClientKey, 1000),
        Err(KeyFileError::NotAFile { .. })
    ));
    assert_eq!(
        refusal(&folder.path().join("none"), Role::ClientKey),
        format!(
            "cannot open the key file `{shown}/none`: No such file or directory (os error 2); \
             check the path; keys are made by `blindsight keys new`"
        )
    );
    assert_eq!(
        key(Role::ClientKey)
            .create(&folder.path().join("none/key"))
            .unwrap_err()
            .to_string(),
        format!(
            "cannot create the key file `{shown}/none/key`: No such file or directory (os error \
             2); check the path"
        )
    );
}

#[test]
fn unfit_algorithm_names_are_refused() {
    for name in ["", "TFHE", "a b", "seventeen-letters", "é"] {
        let error =
            KeyFile::new(Role::ClientKey, name, KeyId::of(b""), Zeroizing::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{name:?} cannot be the name of a key's algorithm; use 1 to 16 characters of a-z, \
                 0-9 and `-`"
            )
        );
    }
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", key(Role::ClientKey));
    assert!(shown.contains("payload: [20 bytes]"), "{shown}");
    assert!(
        !shown.contains("the payload") && !shown.contains("116"),
        "{shown}"
    );
}
