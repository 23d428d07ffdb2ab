//! `blindsight keys`: made, shown, handed out and enrolled, and never overwritten.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use cipherframe::SchemeId;
use e2e::programs::{Outcome, run};
use keyfile::{KeyFile, Role};
use wire::identity::{PublicIdentity, SigningIdentity};
use wire::role::NodeRole;
use wire::trust::{Cameras, TrustStore};

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

    // Nor is anything written where a link leads to.
    let trap = folder.join("trap");
    fs::create_dir(&trap).unwrap();
    symlink(folder.join("elsewhere"), trap.join("signing.key")).unwrap();
    let error =
        "error: trap/signing.key exists and is never overwritten\n  help: choose an empty folder\n";
    let export = "export --scheme plain --for viewer --name viewer --to trap";
    refused(folder, export, 74, error);
    assert!(!folder.join("elsewhere").exists());
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

#[test]
fn a_node_makes_its_own_signing_key_and_hands_out_the_verifying_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keys(folder, "new --scheme plain");
    let made = keys(folder, "identity --name roof --to roof-keys");
    assert_eq!(
        (made.code, made.stdout.as_str(), made.stderr.as_str()),
        (
            0,
            "roof-keys/signing.key\nroof-keys/verifying.key\n",
            "roof-keys/signing.key stays here; enrol roof-keys/verifying.key where the messages of `roof` are checked, \
             with `blindsight keys enroll`\n"
        )
    );
    let own = folder.join("roof-keys");
    assert_eq!((mode(&own), mode(&own.join("signing.key"))), (0o700, 0o600));
    let identity = SigningIdentity::load(&own.join("signing.key")).unwrap();
    let public = PublicIdentity::load(&own.join("verifying.key")).unwrap();
    assert_eq!(public, identity.public());

    let before = contents(&own);
    let exists = |file: &str| {
        format!(
            "error: roof-keys/{file} exists and is never overwritten\n  help: choose an empty folder\n"
        )
    };
    let again = "identity --name roof --to roof-keys";
    refused(folder, again, 74, &exists("signing.key"));
    assert_eq!(contents(&own), before);
    fs::remove_file(own.join("signing.key")).unwrap();
    refused(folder, again, 74, &exists("verifying.key"));
    assert_eq!(fs::read_dir(&own).unwrap().count(), 1);

    let enroll = "enroll --role worker --key roof-keys/verifying.key --camera gate --camera yard";
    assert_eq!(
        said(folder, enroll),
        "roof is enrolled as worker for `gate`, `yard` in blindsight-data/trust.toml\n"
    );
    let trust = TrustStore::load(&folder.join("blindsight-data/trust.toml")).unwrap();
    let enrolled = trust.get(&identity.signer_id()).unwrap();
    let only = Cameras::Only(vec!["gate".parse().unwrap(), "yard".parse().unwrap()]);
    assert_eq!(
        (enrolled.name(), enrolled.cameras()),
        (identity.name(), &only)
    );
    // A further key is kept to the same cameras.
    let further = keys(folder, "identity --name roof --to roof-new");
    assert_eq!(further.code, 0);
    assert_eq!(
        said(folder, "enroll --role worker --key roof-new/verifying.key"),
        "roof is enrolled as worker for `gate`, `yard` in blindsight-data/trust.toml\n"
    );
    let other = keys(folder, "identity --name side --to side-keys");
    assert_eq!(other.code, 0);
    refused(
        folder,
        "enroll --role camera --key side-keys/verifying.key --camera side",
        78,
        "error: a camera signs for itself only\n  help: leave the list of cameras out\n",
    );
}

#[test]
fn a_node_or_one_of_its_keys_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keys(folder, "new --scheme plain");
    keys(folder, "identity --name gate --to new");
    said(folder, "enroll --role camera --key new/verifying.key");
    let trust = || TrustStore::load(&folder.join("blindsight-data/trust.toml")).unwrap();
    let key = |path: &str| {
        SigningIdentity::load(&folder.join(path))
            .unwrap()
            .verifying_key()
    };
    let (old, new) = (
        key("blindsight-data/gate/signing.key"),
        key("new/signing.key"),
    );
    let file = "blindsight-data/trust.toml";
    let elsewhere = |who: &str| {
        format!(
            "running nodes that use this file follow within seconds; every other trust file that lists it must be \
             changed too: {who}\n"
        )
    };

    let one = keys(folder, "revoke --key blindsight-data/gate/signing.key");
    assert_eq!(
        (one.code, one.stdout, one.stderr),
        (
            0,
            format!("gate is revoked as camera in {file}: key {old}\ngate keeps 1 key\n"),
            elsewhere("workers check what a camera signs")
        )
    );
    assert!(trust().get(&old.signer_id()).is_none());
    assert!(trust().get(&new.signer_id()).is_some());
    // What is in the data folder is not enrolled again by the way.
    let again = keys(folder, "new --scheme plain");
    assert_eq!(again.code, 0);
    assert!(trust().get(&old.signer_id()).is_none());

    let rest = keys(folder, "revoke --name gate");
    assert_eq!(
        (rest.code, rest.stdout),
        (
            0,
            format!("gate is revoked as camera in {file}: key {new}\n")
        )
    );
    let worker = keys(
        folder,
        &format!("revoke --key {}", key("blindsight-data/worker/signing.key")),
    );
    assert_eq!(
        (worker.code, worker.stderr),
        (0, elsewhere("viewers check what a worker signs"))
    );
    assert_eq!(trust().nodes().len(), 1);

    let before = contents(folder);
    refused(
        folder,
        "revoke --name gate",
        78,
        "error: `gate` is not enrolled\n  help: choose one of `viewer`\n",
    );
    refused(
        folder,
        &format!("revoke --key {new}"),
        78,
        "error: this key is not enrolled\n  help: choose one of `viewer`\n",
    );
    assert_eq!(keys(folder, "revoke").code, 2);
    let nobody = keys(folder, "revoke --trust blindsight-data/trust.toml");
    assert_eq!(nobody.code, 2, "{}", nobody.stderr);
    assert_eq!(
        keys(folder, &format!("revoke --name viewer --key {new}")).code,
        2
    );
    assert_eq!(
        keys(folder, "revoke --name viewer --trust nowhere.toml").code,
        78
    );
    assert_eq!(contents(folder), before);
}

#[test]
fn a_key_set_is_rotated_and_the_old_one_retired() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    refused(
        folder,
        "rotate --scheme plain",
        78,
        "error: there is no key set of scheme plain in blindsight-data\n  help: make the first with `blindsight keys new \
         --scheme plain`, or mend --dir\n",
    );
    keys(folder, "new --scheme plain");
    let before = contents(&folder.join("blindsight-data/plain"));
    let id = |set: &str| {
        let file = format!("blindsight-data/{set}/client.key");
        KeyFile::inspect(&folder.join(file)).unwrap().key_id
    };
    let made = keys(folder, "rotate --scheme plain");
    let new = "blindsight-data/plain-2";
    assert_eq!(
        (made.code, made.stdout),
        (
            0,
            format!("{new}/client.key\n{new}/camera-public.key\n{new}/evaluation.key\n")
        )
    );
    let (first, second) = (id("plain"), id("plain-2"));
    assert_ne!(first, second);
    // After what it says while it makes them.
    let advice = made.stderr.find("key set ").unwrap();
    assert_eq!(
        made.stderr[advice..],
        format!(
            "key set {second} stands beside {first}; hand it out in this order:\n  \
             1. add {new}/client.key to `decrypt.client_keys` of each viewer and {new}/evaluation.key to \
             `pool.evaluation_keys` of each worker, and restart them\n  \
             2. give each camera {new}/camera-public.key as `stream.public_key` and restart it\n  \
             3. blindsight keys retire --key-set {first}, in every trust file\n"
        )
    );
    assert_eq!(mode(&folder.join(new)), 0o700);
    assert_eq!(contents(&folder.join("blindsight-data/plain")), before);

    // The newest is handed out, unless another one is asked for.
    let export = "export --scheme plain --for camera --name gate";
    said(folder, &format!("{export} --to newest"));
    said(folder, &format!("{export} --set 1 --to first"));
    for (to, expected) in [("newest", second), ("first", first)] {
        let info = KeyFile::inspect(&folder.join(to).join("camera-public.key"));
        assert_eq!(info.unwrap().key_id, expected, "{to}");
    }
    assert_eq!(
        keys(folder, &format!("{export} --set 3 --to third")).code,
        74
    );

    let trust = || TrustStore::load(&folder.join("blindsight-data/trust.toml")).unwrap();
    let retired = keys(
        folder,
        "retire --key-set blindsight-data/plain/evaluation.key",
    );
    assert_eq!(
        (retired.code, retired.stdout, retired.stderr.as_str()),
        (
            0,
            format!("key set {first} is retired in blindsight-data/trust.toml\n"),
            "running nodes that use this file follow within seconds; retire it in the trust files of all other workers, \
             viewers and cameras too\n"
        )
    );
    assert_eq!(trust().retired(), [first]);
    refused(
        folder,
        &format!("retire --key-set {first}"),
        78,
        &format!("error: the key set {first} is retired already\n  help: nothing is left to do\n"),
    );
    refused(
        folder,
        "retire --key-set blindsight-data/gate/signing.key",
        2,
        "error: blindsight-data/gate/signing.key is a signing key, which is of no key set\n  help: give a client, camera \
         or evaluation key, or revoke the node with `blindsight keys revoke`\n",
    );
    assert_eq!(trust().nodes().len(), 3);
}
