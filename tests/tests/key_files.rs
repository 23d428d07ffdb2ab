//! Key files that a node must not use: exit code and stderr, to the letter.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use cipherframe::SchemeId;
use e2e::data_folder::Checkout;
use e2e::key_cache::key_set;
use e2e::programs::check;

/// Replaces the folder of linked keys, shared by all tests, by copies that may be changed.
fn own_keys(checkout: &Checkout) -> PathBuf {
    let own = checkout.path().join("blindsight-data/tfhe");
    let shared = key_set(SchemeId::Tfhe);
    fs::remove_file(&own).unwrap();
    fs::create_dir(&own).unwrap();
    fs::copy(shared.join("client.key"), own.join("client.key")).unwrap();
    for key in ["evaluation.key", "camera-public.key"] {
        symlink(shared.join(key), own.join(key)).unwrap();
    }
    own
}

#[test]
fn a_key_file_of_another_role() {
    let checkout = Checkout::new(SchemeId::Tfhe);
    let keys = "configs/demo/../../blindsight-data";
    let run = |node: &str, program: &str, held: &str, needed: &str, named: &str| {
        let expected = format!(
            "error: `{keys}/{named}` holds the {held}, needed is the {needed}\n  help: name the file of the {needed}\n"
        );
        let config = format!("configs/demo/{node}.toml");
        check(
            program,
            &["run", "--config", &config],
            checkout.path(),
            78,
            &expected,
        );
    };
    checkout.edit("viewer", "tfhe/client.key", "tfhe/evaluation.key");
    run(
        "viewer",
        "viewer",
        "evaluation key",
        "client key",
        "tfhe/evaluation.key",
    );
    checkout.edit("camera", "tfhe/camera-public.key", "tfhe/client.key");
    run(
        "camera",
        "camera-node",
        "client key",
        "camera public key",
        "tfhe/client.key",
    );
    checkout.edit("worker", "worker/signing.key", "tfhe/client.key");
    run(
        "worker",
        "pooling-worker",
        "client key",
        "signing key",
        "tfhe/client.key",
    );
}

#[test]
fn a_secret_that_others_can_read() {
    let checkout = Checkout::new(SchemeId::Tfhe);
    let keys = own_keys(&checkout);
    let open =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let run = |node: &str, program: &str, role: &str, named: &str, mode: &str| {
        let path = format!("configs/demo/../../blindsight-data/{named}");
        let expected = format!(
            "error: the {role} `{path}` is open to others (mode {mode})\n  help: run `chmod 600 {path}`\n"
        );
        let config = format!("configs/demo/{node}.toml");
        check(
            program,
            &["run", "--config", &config],
            checkout.path(),
            77,
            &expected,
        );
    };
    open(&keys.join("client.key"), 0o644);
    run("viewer", "viewer", "client key", "tfhe/client.key", "0644");
    open(
        &checkout.path().join("blindsight-data/gate/signing.key"),
        0o640,
    );
    run(
        "camera",
        "camera-node",
        "signing key",
        "gate/signing.key",
        "0640",
    );
}
