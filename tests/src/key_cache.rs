//! Keys for tests, made once per parameter set and kept in the build folder. Never use them for anything else.

use cipherframe::SchemeId;
use client_key::PUBLIC_KEY_FILE;
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

/// `target/test-keys`, found from the test program in `target/<profile>/deps`.
fn cache_folder() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a path");
    program
        .ancestors()
        .nth(3)
        .expect("tests run inside the build folder")
        .join("test-keys")
}
