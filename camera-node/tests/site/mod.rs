//! What a camera needs, in a folder.

use std::fs;

use keyfile::{KeyFile, KeyId, Role};
use wire::identity::SigningIdentity;
use wire::role::NodeRole;
use wire::trust::TrustStore;

/// Everything a camera needs but a broker, in a folder of its own.
pub(crate) fn site() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let identity = SigningIdentity::from_seed("gate".parse().unwrap(), &[3; 32]);
    identity
        .to_key_file()
        .unwrap()
        .create(&at("signing.key"))
        .unwrap();
    let mut trust = TrustStore::new();
    trust
        .enroll(identity.name(), NodeRole::Camera, &identity.verifying_key())
        .unwrap();
    trust.save(&at("trust.toml")).unwrap();
    let key_id = KeyId::from_bytes([4; 16]);
    let key = KeyFile::new(Role::CameraPublicKey, "plain", key_id, Vec::new().into()).unwrap();
    key.create(&at("camera-public.key")).unwrap();
    fs::create_dir(at("frames")).unwrap();
    image::GrayImage::new(8, 8)
        .save(at("frames/1.png"))
        .unwrap();
    root
}

/// A configuration of a camera at that site, with a folder of frames.
pub(crate) fn configuration(folder: &str, scheme: &str) -> String {
    format!(
        r#"[node]
site = "demo"
name = "gate"
signing_key = "signing.key"
trust = "trust.toml"
[mqtt]
url = "mqtt://127.0.0.1:9"
[source]
folder = "{folder}"
[stream]
scheme = "{scheme}"
size = "8x8"
public_key = "camera-public.key"
"#
    )
}
