//! Trust files: enrolment, round trips, and every problem with its line.

use super::*;
use crate::identity::SigningIdentity;
use tempfile::TempDir;

fn key(seed: u8) -> VerifyingKey {
    SigningIdentity::from_seed(name("any"), &[seed; 32]).verifying_key()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn store() -> TrustStore {
    let mut store = TrustStore::new();
    store
        .enroll(&name("gate"), NodeRole::Camera, &key(1))
        .unwrap();
    store
        .enroll(&name("worker"), NodeRole::Worker, &key(2))
        .unwrap();
    store
        .enroll(&name("gate"), NodeRole::Camera, &key(3))
        .unwrap();
    store
}

#[test]
fn a_store_survives_its_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("trust.toml");
    TrustStore::new().save(&path).unwrap();
    assert_eq!(TrustStore::load(&path).unwrap(), TrustStore::new());
    store().save(&path).unwrap();
    assert_eq!(TrustStore::load(&path).unwrap(), store());
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn both_keys_of_a_name_are_found() {
    let store = store();
    for seed in [1, 3] {
        let node = store.get(&key(seed).signer_id()).unwrap();
        assert_eq!(
            (node.name(), node.role()),
            (&name("gate"), NodeRole::Camera)
        );
        assert_eq!(node.key(), &key(seed));
        assert_eq!(node.signer_id(), key(seed).signer_id());
    }
    assert_eq!(store.get(&key(4).signer_id()), None);
    assert_eq!(store.nodes().len(), 3);
}

#[test]
fn the_file_is_as_documented() {
    let mut store = TrustStore::new();
    store
        .enroll(&name("gate"), NodeRole::Camera, &key(1))
        .unwrap();
    assert_eq!(
        store.to_toml(),
        format!(
            "# The nodes whose signatures count. `blindsight keys enroll` writes this file.\n\n\
             [[node]]\nname = \"gate\"\nrole = \"camera\"\nverifying_key = \"{}\"\n",
            key(1)
        )
    );
}

#[test]
fn a_key_has_one_node_and_a_name_one_role() {
    let mut store = store();
    assert_eq!(
        store
            .enroll(&name("other"), NodeRole::Viewer, &key(1))
            .unwrap_err()
            .to_string(),
        "this key is enrolled already, for `gate`; nothing is left to do, or give each node its \
         own key"
    );
    assert_eq!(
        store
            .enroll(&name("gate"), NodeRole::Viewer, &key(4))
            .unwrap_err()
            .to_string(),
        "`gate` is enrolled as camera, it cannot be viewer too; choose another name"
    );
    assert_eq!(store, self::store());
}

#[test]
fn all_problems_come_out_at_once() {
    let text = format!(
        "[[node]]\nname = \"gate\"\nrole = \"camera\"\nverifying_key = \"{k}\"\n\
         [[node]]\nname = \"Gate\"\nrole = \"door\"\nverifying_key = \"12\"\ncolour = 1\n\
         [[node]]\nname = \"worker\"\n\
         [[node]]\nname = \"gate\"\nrole = \"viewer\"\nverifying_key = \"{other}\"\n\
         [[node]]\nname = \"viewer\"\nrole = \"viewer\"\nverifying_key = \"{k}\"\n\
         [[node]]\nname = \"weak\"\nrole = \"viewer\"\nverifying_key = \"01{zeros}\"\n",
        k = key(1),
        other = key(2),
        zeros = "00".repeat(31),
    );
    let errors = TrustStore::parse("trust.toml".as_ref(), &text)
        .unwrap_err()
        .to_string();
    let add = "add the 64 hexadecimal digits that `blindsight keys show` prints for the node";
    let expected = [
        "6: node[1].name: the name holds 'G'; use only a-z, 0-9, `_` and `-`".to_owned(),
        "7: node[1].role: `door` is no role; use `camera`, `worker` or `viewer`".into(),
        format!("8: node[1].verifying_key: a verifying key has 64 hexadecimal digits; {add}"),
        "9: node[1].colour: unknown key; use one of `name`, `role`, `verifying_key`, or remove it"
            .into(),
        "10: node[2].role: missing; add `camera`, `worker` or `viewer`".into(),
        format!("10: node[2].verifying_key: missing; {add}"),
        "14: node[3].role: `gate` is enrolled above as camera; choose another name".into(),
        "19: node[4].verifying_key: this key is enrolled above, for `gate`; give each node its own \
         key, once"
            .into(),
        format!(
            "23: node[5].verifying_key: this is a weak Ed25519 key, which proves nothing; {add}"
        ),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|line| format!("trust.toml:{line}"))
        .collect();
    assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("none/trust.toml");
    let error = store().save(&path).unwrap_err();
    assert!(error.to_string().starts_with("cannot create `"), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("; check the folder and who may write there"),
        "{error}"
    );
    assert_eq!(Failure::from(error).kind, FailureKind::Io);
    let occupied = folder.path().join("folder");
    fs::create_dir(&occupied).unwrap();
    assert!(matches!(
        store().save(&occupied),
        Err(TrustError::Io {
            operation: "replace",
            ..
        })
    ));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}
