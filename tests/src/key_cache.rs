//! Keys for tests, made once per parameter set and kept in the build folder. Never use them for anything else.

use cipherframe::SchemeId;
use client_key::{CAMERA_SECRET_KEY_FILE, CLIENT_KEY_FILE, PUBLIC_KEY_FILE};
use std::fs;
use std::path::PathBuf;

/// The folder of a key set of `scheme`: `client.key`, `camera-public.key` and `evaluation.key`.
///
/// # Panics
/// When the build folder cannot be written.
pub fn key_set(scheme: SchemeId) -> PathBuf {
    let name = format!("{scheme}-{}", scheme.get().key_fingerprint());
    let folder = cache_folder().join(name);
    if folder.join(PUBLIC_KEY_FILE).exists() {
        return folder;
    }
    fs::create_dir_all(cache_folder()).expect("the build folder can be written");
    let unfinished = tempfile::tempdir_in(cache_folder()).expect("the build folder can be written");
    let keys = client_key::generate(scheme, &()).expect("keys can be made");
    keys.create_in(unfinished.path())
        .expect("keys can be written");
    // Another test process may have been faster: its keys are as good.
    if fs::rename(unfinished.path(), &folder).is_ok() {
        let _ = unfinished.keep();
    }
    folder
}

/// The camera secret key of the key set of `scheme`, beside its other keys.
///
/// # Panics
/// When the scheme has none, or the build folder cannot be written.
pub fn camera_secret_key(scheme: SchemeId) -> PathBuf {
    let folder = key_set(scheme);
    let path = folder.join(CAMERA_SECRET_KEY_FILE);
    if !path.exists() {
        let key = client_key::camera_secret_key(&folder.join(CLIENT_KEY_FILE));
        let unfinished =
            tempfile::tempdir_in(cache_folder()).expect("the build folder can be written");
        let made = unfinished.path().join(CAMERA_SECRET_KEY_FILE);
        let key = key.expect("the scheme has a camera secret key");
        key.create(&made).expect("keys can be written");
        // Whole or not at all; another test process makes the very same file.
        fs::rename(&made, &path).expect("the build folder can be written");
    }
    path
}

/// `target/test-keys`, found from the test program in `target/<profile>/deps`.
fn cache_folder() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a path");
    program
        .ancestors()
        .nth(3)
        .expect("tests run inside the build folder")
        .join("test-keys")
}
