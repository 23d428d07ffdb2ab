//! `blindsight keys`: made, shown, handed out and enrolled, and never overwritten.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cipherframe::SchemeId;
use e2e::programs::{Outcome, run};
use keyfile::{KeyFile, Role};
use wire::identity::SigningIdentity;
use wire::role::NodeRole;
use wire::trust::TrustStore;

fn keys(folder: &Path, args: &str) -> Outcome {
    let args: Vec<&str> = args.split_whitespace().collect();
    run("blindsight", &[&["keys"], &args[..]].concat(), folder)
}

/// The stdout of a command that has to work.
fn said(folder: &Path, args: &str) -> String {
    let outcome = keys(folder, args);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{args}");
    outcome.stdout
}

/// A command that has to be refused.
fn refused(folder: &Path, args: &str, code: i32, stderr: &str) {
    let outcome = keys(folder, args);
    assert_eq!(
        (outcome.stderr.as_str(), outcome.code),
        (stderr, code),
        "{args}"
    );
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Every file below `folder` with its bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn new_keys_are_made_once_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let made = keys(
        folder,
        "new --dir site --scheme plain --camera gate --camera yard",
    );
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(
        made.stdout,
        "site/plain/client.key\nsite/plain/camera-public.key\nsite/plain/evaluation.key\nsite/gate/signing.key\n\
         site/yard/signing.key\nsite/worker/signing.key\nsite/viewer/signing.key\n"
    );
    let site = folder.join("site");
    for private in ["plain/client.key", "gate/signing.key", "viewer/signing.key"] {
        assert_eq!(mode(&site.join(private)), 0o600, "{private}");
    }
    for private in ["", "plain", "gate"] {
        assert_eq!(mode(&site.join(private)), 0o700, "{private}");
    }
    let trust = TrustStore::load(&site.join("trust.toml")).unwrap();
    let enrolled: Vec<_> = trust
        .nodes()
        .iter()
        .map(|node| (node.name().as_str(), node.role()))
        .collect();
    let (camera, worker, viewer) = (NodeRole::Camera, NodeRole::Worker, NodeRole::Viewer);
    assert_eq!(
        enrolled,
        [
            ("gate", camera),
            ("yard", camera),
            ("worker", worker),
            ("viewer", viewer)
        ]
    );

    let before = contents(&site);
    let again = keys(folder, "new --dir site --scheme plain");
    assert_eq!((again.code, again.stdout.as_str()), (0, ""));
    assert_eq!(
        again.stderr,
        "nothing to make: site has all of these keys\n"
    );
    assert_eq!(contents(&site), before);
}

#[test]
fn a_key_is_shown_without_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keys(folder, "new --scheme plain");
    let client = "blindsight-data/plain/client.key";
    let id = KeyFile::inspect(&folder.join(client)).unwrap().key_id;
    assert_eq!(
        said(folder, &format!("show {client}")),
        format!(
            "{client}\n  role       client key\n  algorithm  plain\n  key id     {id}\n  size       0 bytes\n"
        )
    );
    let signing = "blindsight-data/gate/signing.key";
    let identity = SigningIdentity::load(&folder.join(signing)).unwrap();
    let shown = said(folder, &format!("show {signing}"));
    assert_eq!(
        shown,
        format!(
            "{signing}\n  role       signing key\n  algorithm  ed25519\n  key id     {}\n  size       36 bytes\n  node       \
             gate\n  verifies   {}\n",
            identity.signer_id(),
            identity.verifying_key()
        )
    );
    let file = KeyFile::read(&folder.join(signing), Role::SigningKey, 64).unwrap();
    let seed: String = file.payload()[4..]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(!shown.contains(&seed[..16]));
    fs::write(folder.join("notes.txt"), "no key").unwrap();
    refused(
        folder,
        "show notes.txt",
        65,
        "error: `notes.txt` is not a key file\n  help: check the path; key files are made by `blindsight keys new`\n",
    );
}

#[test]
fn each_node_gets_its_own_keys_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keys(folder, "new --scheme plain");
    for (role, name, key) in [
        ("camera", "gate", "camera-public.key"),
        ("worker", "worker", "evaluation.key"),
        ("viewer", "viewer", "client.key"),
    ] {
        let export = format!("export --scheme plain --for {role} --name {name} --to for-{name}");
        let expected =
            ["signing.key", key, "trust.toml"].map(|file| format!("for-{name}/{file}\n"));
        assert_eq!(said(folder, &export), expected.concat());
        let own = folder.join(format!("for-{name}"));
        assert_eq!(fs::read_dir(&own).unwrap().count(), 3);
        assert_eq!(mode(&own.join("signing.key")), 0o600);
        let identity = SigningIdentity::load(&own.join("signing.key")).unwrap();
        assert_eq!(identity.name().as_str(), name);

        let before = contents(&own);
        let error = format!(
            "error: for-{name}/signing.key exists and is never overwritten\n  help: choose an empty folder\n"
        );
        refused(folder, &export, 74, &error);
        assert_eq!(contents(&own), before);
    }
    assert_eq!(mode(&folder.join("for-viewer/client.key")), 0o600);
}

#[test]
fn a_camera_secret_key_is_made_only_when_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keys(folder, "new --scheme bfv");
    let kept = fs::read_dir(folder.join("blindsight-data/bfv")).unwrap();
    assert_eq!(kept.count(), 3);
    said(
        folder,
        "export --scheme bfv --for camera --name gate --to public",
    );
    assert!(!folder.join("public/camera-secret.key").exists());

    let export = "export --scheme bfv --for camera --key-mode secret --name gate --to secret";
    let made = keys(folder, export);
    assert_eq!(
        (made.code, made.stdout.as_str()),
        (
            0,
            "secret/signing.key\nsecret/camera-secret.key\nsecret/trust.toml\n"
        )
    );
    let client = folder.join("blindsight-data/bfv/client.key");
    let client = KeyFile::read(&client, Role::ClientKey, 1 << 20).unwrap();
    assert_eq!(
        made.stderr,
        format!(
            "secret/camera-secret.key decrypts the frames and maps of every camera of key set {}; give it to no node \
             but `gate`\n",
            client.key_id()
        )
    );
    let path = folder.join("secret/camera-secret.key");
    assert_eq!(mode(&path), 0o600);
    let secret = KeyFile::read(&path, Role::CameraSecretKey, 1 << 20).unwrap();
    assert_eq!(
        (secret.algorithm(), secret.key_id(), secret.payload()),
        ("bfv", client.key_id(), client.payload())
    );
    assert_eq!(fs::read_dir(folder.join("secret")).unwrap().count(), 3);
    assert_eq!(
        fs::read_dir(folder.join("blindsight-data/bfv"))
            .unwrap()
            .count(),
        3
    );
    let exists = "error: secret/signing.key exists and is never overwritten\n  help: choose an empty folder\n";
    refused(folder, export, 74, exists);
}

#[test]
fn key_mode_secret_is_for_cameras_of_a_scheme_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let export = "export --key-mode secret --name gate --to out";
    refused(
        folder,
        &format!("{export} --for camera"),
        2,
        "error: cameras use scheme tfhe with its public key only\n  help: leave --key-mode out, or use --scheme bfv\n",
    );
    refused(
        folder,
        &format!("{export} --for worker --scheme bfv"),
        2,
        "error: a worker has no key mode\n  help: leave --key-mode out\n",
    );
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    // Nor does the code give one.
    for scheme in [SchemeId::Plain, SchemeId::Tfhe] {
        let client = e2e::key_cache::key_set(scheme).join("client.key");
        let error = client_key::camera_secret_key(&client).unwrap_err();
        let reason = format!(
            "key file {}: cameras use scheme {scheme} with its public key only; set `key_mode = \"public\"`",
            client.display()
        );
        assert_eq!(error.to_string(), reason);
    }
}

#[test]
fn a_node_made_elsewhere_is_enrolled_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keys(folder, "new --scheme plain");
    keys(folder, "new --dir far --scheme plain --camera roof");
    let enroll = "enroll --role camera --key far/roof/signing.key";
    assert_eq!(
        said(folder, enroll),
        "roof is enrolled as camera in blindsight-data/trust.toml\n"
    );
    let trust = TrustStore::load(&folder.join("blindsight-data/trust.toml")).unwrap();
    let roof = SigningIdentity::load(&folder.join("far/roof/signing.key")).unwrap();
    let enrolled = trust.get(&roof.signer_id()).unwrap();
    assert_eq!(
        (enrolled.name().as_str(), enrolled.role()),
        ("roof", NodeRole::Camera)
    );

    refused(
        folder,
        enroll,
        78,
        "error: this key is enrolled already, for `roof`\n  help: nothing is left to do, or give each node its own \
         key\n",
    );
    // Anyone may know a verifying key, but it does not say whose it is.
    let key = SigningIdentity::load(&folder.join("far/viewer/signing.key"))
        .unwrap()
        .verifying_key();
    refused(
        folder,
        &format!("enroll --role camera --key {key}"),
        2,
        "error: a key in hex digits does not say whose it is\n  help: add --name NAME\n",
    );
    let as_gate = format!("enroll --role viewer --name gate --key {key}");
    refused(
        folder,
        &as_gate,
        78,
        "error: `gate` is enrolled as camera, it cannot be viewer too\n  help: choose another name\n",
    );
    let named = format!("enroll --role viewer --name desk --key {key}");
    assert_eq!(
        said(folder, &named),
        "desk is enrolled as viewer in blindsight-data/trust.toml\n"
    );
}
