//! Configuration files, trust files and key files, read from a file as the nodes read them.

use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use camera_node::CameraConfig;
use keyfile::{KeyFile, KeyId, Role};
use pooling_worker::WorkerConfig;
use tempfile::TempDir;
use viewer::ViewerConfig;
use wire::identity::{PublicIdentity, SigningIdentity};
use wire::trust::TrustStore;
use zeroize::Zeroizing;

use super::envelopes::refused;
use crate::data_folder::committed;

/// The longest payload that [`key_file`] reads: those of keys that sign are shorter, others are not made here.
const MAX_PAYLOAD_BYTES: usize = 4096;

/// The configuration file of a camera.
pub fn camera_config(data: &[u8]) -> bool {
    loads(data, CameraConfig::load).is_some()
}

/// The configuration file of a worker.
pub fn worker_config(data: &[u8]) -> bool {
    loads(data, WorkerConfig::load).is_some()
}

/// The configuration file of a viewer.
pub fn viewer_config(data: &[u8]) -> bool {
    loads(data, ViewerConfig::load).is_some()
}

/// The configuration file of a broker.
pub fn broker_config(data: &[u8]) -> bool {
    loads(data, broker::BrokerConfig::load).is_some()
}

/// A trust file. Written again, it says the same.
pub fn trust_file(data: &[u8]) -> bool {
    let Some(store) = loads(data, TrustStore::load) else {
        return false;
    };
    let again = TrustStore::parse(Path::new("trust.toml"), &store.to_toml());
    assert_eq!(again.expect("its own text"), store);
    true
}

/// The broker's file of users and the hashes of their passwords.
pub fn users_file(data: &[u8]) -> bool {
    loads(data, broker::Users::load).is_some()
}

/// A key file, in any role, and the identity in it where it is one. With an odd first byte the checksum of the others is
/// put right, or next to nothing would get past it. Written again, it is the same file.
pub fn key_file(data: &[u8]) -> bool {
    let Some((mend, bytes)) = data.split_first() else {
        return false;
    };
    let mut bytes = bytes.to_vec();
    if mend % 2 == 1 {
        mend_checksum(&mut bytes);
    }
    let mut accepted = 0;
    for role in Role::ALL {
        let read = |path: &Path| KeyFile::read(path, role, MAX_PAYLOAD_BYTES);
        let Some(file) = loads(&bytes, read) else {
            continue;
        };
        accepted += 1;
        let again = folder();
        let path = again.path().join("again.key");
        file.create(&path).expect("a new file");
        assert_eq!(fs::read(path).unwrap(), bytes);
        match role {
            Role::SigningKey => drop(SigningIdentity::from_key_file(&file)),
            Role::VerifyingKey => drop(PublicIdentity::from_key_file(&file)),
            _ => {}
        }
    }
    assert!(accepted < 2, "a key in two roles");
    accepted == 1
}

/// Loads `data` from a file that its owner alone can read.
fn loads<T, E: Display>(data: &[u8], load: impl Fn(&Path) -> Result<T, E>) -> Option<T> {
    thread_local! {
        static FOLDER: TempDir = folder();
    }
    let path = FOLDER.with(|folder| folder.path().join("input"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&path).unwrap();
    file.write_all(data).unwrap();
    let loaded = load(&path);
    loaded.map_err(|error| refused(&error)).ok()
}

/// A folder in memory where there is one: inputs come by the thousand.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Writes the checksum that the bytes before and after it have.
fn mend_checksum(bytes: &mut [u8]) {
    let Some(algorithm) = bytes.get(11).copied() else {
        return;
    };
    let checksum = 12 + usize::from(algorithm) + 16 + 8;
    let Some(payload) = bytes.get(checksum + 32..) else {
        return;
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..checksum]).update(payload);
    bytes[checksum..checksum + 32].copy_from_slice(hasher.finalize().as_bytes());
}

pub(super) fn valid_inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let read = |path: &str| {
        let path: PathBuf = committed(path);
        let name = path
            .parent()
            .unwrap()
            .file_name()
            .unwrap()
            .to_string_lossy();
        let stem = path.file_stem().unwrap().to_string_lossy();
        (format!("{name}-{stem}"), fs::read(&path).unwrap())
    };
    match target {
        "camera_config" => [
            "configs/demo/camera.toml",
            "configs/demo/camera-live.toml",
            "configs/lan/camera.toml",
        ]
        .map(read)
        .into(),
        "worker_config" => ["configs/demo/worker.toml", "configs/lan/worker.toml"]
            .map(read)
            .into(),
        "viewer_config" => ["configs/demo/viewer.toml", "configs/lan/viewer.toml"]
            .map(read)
            .into(),
        "broker_config" => ["configs/demo/broker.toml", "configs/lan/broker.toml"]
            .map(read)
            .into(),
        "trust_file" => {
            let identity = SigningIdentity::from_seed("gate".parse().unwrap(), &[1; 32]);
            let key = identity.verifying_key();
            let text = format!(
                "# One node.\n[[node]]\nname = \"gate\"\nrole = \"camera\"\nverifying_key = \"{key}\"\n"
            );
            vec![
                ("nobody".to_owned(), Vec::new()),
                ("one".to_owned(), text.into()),
            ]
        }
        "users_file" => {
            // The password is `password`; a hash of our own would be another one each time.
            let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
            let users = format!("# name:hash\ngate:{hash}\n");
            vec![
                ("nobody".to_owned(), b"\n".to_vec()),
                ("one".to_owned(), users.into()),
            ]
        }
        "key_file" => {
            let identity = SigningIdentity::from_seed("gate".parse().unwrap(), &[1; 32]);
            let other = |role| KeyFile::new(role, "plain", KeyId::of(b""), Zeroizing::default());
            let files = [
                ("signing", identity.to_key_file().unwrap()),
                ("verifying", identity.public().to_key_file().unwrap()),
                ("client", other(Role::ClientKey).unwrap()),
                ("evaluation", other(Role::EvaluationKey).unwrap()),
            ];
            let bytes = |file: &KeyFile| {
                let folder = folder();
                file.create(&folder.path().join("key")).unwrap();
                fs::read(folder.path().join("key")).unwrap()
            };
            let inputs = files.iter().flat_map(|(name, file)| {
                // As it is, and with a checksum that is put right.
                [("", 0), ("-mended", 1)]
                    .map(|(how, mend)| (format!("{name}{how}"), [vec![mend], bytes(file)].concat()))
            });
            inputs.collect()
        }
        _ => panic!("there is no target {target}"),
    }
}
