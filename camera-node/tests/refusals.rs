//! What `camera-node run` refuses: exit code and message, to the letter.

mod site;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use keyfile::{KeyFile, KeyId, Role};

use site::{configuration, site};

/// Runs the camera; checks its exit code and what it says, with `DIR` for the site's folder.
fn check(site: &Path, configuration: &str, options: &[&str], exit_code: i32, expected: &str) {
    let path = site.join("camera.toml");
    fs::write(&path, configuration).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_camera-node"))
        .args(["run", "--config"])
        .arg(&path)
        .args(options)
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr)
        .unwrap()
        .replace(site.to_str().unwrap(), "DIR");
    assert_eq!(said, expected);
    assert_eq!(output.status.code(), Some(exit_code));
    assert_eq!(output.stdout, b"");
}

#[test]
fn a_missing_folder() {
    check(
        site().path(),
        &configuration("nowhere", "tfhe"),
        &[],
        74,
        "error: the folder DIR/nowhere does not exist\n  \
         help: check the path and give a folder of images or videos\n",
    );
}

#[test]
fn a_folder_without_images() {
    let site = site();
    fs::remove_file(site.path().join("frames/1.png")).unwrap();
    check(
        site.path(),
        &configuration("frames", "tfhe"),
        &[],
        65,
        "error: there is no image or video in the folder DIR/frames\n  \
         help: put image or video files into it or into folders directly below it\n",
    );
}

#[test]
fn a_wrong_configuration_key() {
    let text = configuration("frames", "tfhe").replace("size =", "sizes =");
    check(
        site().path(),
        &text,
        &[],
        78,
        "error: 2 problems in the configuration\n\
         DIR/camera.toml:10: stream.size: missing; add it, for example `size = \"16x16\"`\n\
         DIR/camera.toml:12: stream.sizes: unknown key; use one of `scheme`, `size`, `feature`, \
         `bits`, `levels`, `kernel`, `stride`, `padding`, `key_mode`, `public_key`, `secret_key`, or remove it\n  \
         help: docs/ref/configuration.md describes every key\n",
    );
}

#[test]
fn the_scheme_that_hides_nothing() {
    check(
        site().path(),
        &configuration("frames", "plain"),
        &[],
        78,
        "error: the scheme `plain` hides nothing: broker and worker would see every frame\n  \
         help: set `stream.scheme = \"tfhe\"`, or pass `--insecure-plain` for a dry run\n",
    );
}

#[test]
fn a_key_of_another_scheme() {
    check(
        site().path(),
        &configuration("frames", "tfhe"),
        &["--insecure-plain"],
        78,
        "error: DIR/camera-public.key is a key of the scheme `plain`, the stream uses `tfhe`\n  \
         help: mend `stream.scheme` or `stream.public_key`\n",
    );
}

#[test]
fn a_key_of_another_role() {
    let text = configuration("frames", "tfhe").replace("camera-public.key", "signing.key");
    let site = site();
    let refused = KeyFile::read(
        &site.path().join("signing.key"),
        Role::CameraPublicKey,
        1 << 20,
    )
    .unwrap_err();
    let shown = refused.what().replace(site.path().to_str().unwrap(), "DIR");
    let expected = format!("error: {shown}\n  help: {}\n", refused.mend());
    assert!(shown.contains("signing key"), "{shown}");
    check(site.path(), &text, &[], 78, &expected);
}

/// The configuration in key mode `secret`, with `file` for the key.
fn secret_configuration(scheme: &str, file: &str) -> String {
    let keys = format!("key_mode = \"secret\"\nsecret_key = \"{file}\"");
    configuration("frames", scheme).replace("public_key = \"camera-public.key\"", &keys)
}

#[test]
fn key_mode_secret_of_a_scheme_without_it() {
    check(
        site().path(),
        &secret_configuration("tfhe", "camera-secret.key"),
        &[],
        78,
        "error: 1 problem in the configuration\n\
         DIR/camera.toml:13: stream.key_mode: cameras use scheme tfhe with its public key only; \
         set `key_mode = \"public\"`\n  \
         help: docs/ref/configuration.md describes every key\n",
    );
}

#[test]
fn a_public_key_in_key_mode_secret() {
    check(
        site().path(),
        &secret_configuration("bfv", "camera-public.key"),
        &[],
        78,
        "error: `DIR/camera-public.key` holds the camera public key, needed is the camera secret \
         key\n  help: name the file of the camera secret key\n",
    );
}

#[test]
fn a_camera_secret_key_that_others_can_read() {
    let site = site();
    let path = site.path().join("camera-secret.key");
    let key_id = KeyId::from_bytes([4; 16]);
    let key = KeyFile::new(Role::CameraSecretKey, "bfv", key_id, vec![0; 16].into()).unwrap();
    key.create(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    check(
        site.path(),
        &secret_configuration("bfv", "camera-secret.key"),
        &[],
        77,
        "error: the camera secret key `DIR/camera-secret.key` is open to others (mode 0640)\n  \
         help: run `chmod 600 DIR/camera-secret.key`\n",
    );
}

#[test]
fn frames_too_large_for_what_may_be_on_its_way() {
    let text = configuration("frames", "plain").replace("8x8", "512x512");
    check(
        site().path(),
        &format!("{text}[delivery]\nbytes_on_the_way = 65536\n"),
        &["--insecure-plain"],
        78,
        "error: a frame takes up to 425856 bytes on its way, `delivery.bytes_on_the_way` allows \
         65536\n  \
         help: use a smaller `stream.size` or fewer levels, or raise `delivery.bytes_on_the_way` \
         together with the broker's `ring_log_bytes`\n",
    );
}
