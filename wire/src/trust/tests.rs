//! Trust files: enrolment, round trips, and every problem with its line.

use std::fs;
use std::thread;

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
    let cameras = Cameras::Only(vec![name("gate"), name("yard")]);
    store
        .enroll_for(&name("viewer"), NodeRole::Viewer, &key(5), cameras)
        .unwrap();
    store.retire(KeyId::from_bytes([0xab; 16])).unwrap();
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
fn changes_at_the_same_time_do_not_undo_each_other() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("trust.toml");
    let changes = 24_u8;
    thread::scope(|scope| {
        for seed in 1..=changes {
            let path = &path;
            scope.spawn(move || {
                let name = name(&format!("gate-{seed}"));
                let enroll =
                    |store: &mut TrustStore| store.enroll(&name, NodeRole::Camera, &key(seed));
                TrustStore::change_or_create(path, enroll).unwrap();
            });
        }
    });
    let enrolled = TrustStore::load(&path).unwrap();
    assert_eq!(enrolled.nodes().len(), usize::from(changes));
    // What is refused changes nothing.
    let before = fs::read_to_string(&path).unwrap();
    let failure = TrustStore::change(&path, |store| {
        store.revoke_name(&name("gate-1"))?;
        store.revoke_name(&name("nobody"))
    });
    assert_eq!(failure.unwrap_err().kind, FailureKind::Configuration);
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    let missing = TrustStore::change(&folder.path().join("none.toml"), |_| Ok(()));
    assert!(missing.is_err());
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
    assert_eq!(store.nodes().len(), 4);
}

#[test]
fn the_file_is_as_documented() {
    let mut store = TrustStore::new();
    store
        .enroll(&name("gate"), NodeRole::Camera, &key(1))
        .unwrap();
    let cameras = Cameras::Only(vec![name("gate"), name("yard")]);
    store
        .enroll_for(&name("worker"), NodeRole::Worker, &key(2), cameras)
        .unwrap();
    store.retire(KeyId::from_bytes([0xab; 16])).unwrap();
    assert_eq!(
        store.to_toml(),
        format!(
            "# The nodes whose signatures count. `blindsight keys enroll` writes this file.\n\n\
             [[node]]\nname = \"gate\"\nrole = \"camera\"\nverifying_key = \"{}\"\n\n\
             [[node]]\nname = \"worker\"\nrole = \"worker\"\nverifying_key = \"{}\"\n\
             cameras = [\"gate\", \"yard\"]\n\n\
             [[retired_key_set]]\nid = \"{}\"\n",
            key(1),
            key(2),
            "ab".repeat(16)
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
fn workers_and_viewers_may_be_kept_to_some_cameras() {
    let store = store();
    let viewer = store.get(&key(5).signer_id()).unwrap();
    assert_eq!(viewer.cameras().to_string(), "`gate`, `yard`");
    for (camera, allowed) in [("gate", true), ("yard", true), ("roof", false)] {
        assert_eq!(viewer.cameras().allow(&name(camera)), allowed);
    }
    let worker = store.get(&key(2).signer_id()).unwrap();
    assert_eq!(worker.cameras().to_string(), "all cameras");
    assert!(worker.cameras().allow(&name("roof")));

    let mut new = store.clone();
    let mut refused = |role, names| {
        let cameras = Cameras::Only(names);
        let error = new.enroll_for(&name("new"), role, &key(6), cameras);
        error.unwrap_err().to_string()
    };
    assert_eq!(
        refused(NodeRole::Camera, vec![name("new")]),
        "a camera signs for itself only; leave the list of cameras out"
    );
    assert_eq!(
        refused(NodeRole::Worker, vec![]),
        "the list of cameras is empty; name a camera, or leave the list out for all of them"
    );
    assert_eq!(new, store);
}

#[test]
fn a_name_or_one_of_its_keys_is_revoked() {
    let mut store = store();
    let taken = store.revoke_key(&key(1)).unwrap();
    assert_eq!((taken.name(), taken.key()), (&name("gate"), &key(1)));
    assert!(store.get(&key(1).signer_id()).is_none());
    assert!(store.get(&key(3).signer_id()).is_some());
    assert_eq!(
        store.revoke_key(&key(1)).unwrap_err().to_string(),
        "this key is not enrolled; choose one of `gate`, `viewer`, `worker`"
    );
    let mut store = self::store();
    assert_eq!(store.revoke_name(&name("gate")).unwrap().len(), 2);
    assert_eq!(
        store.revoke_name(&name("gate")).unwrap_err().to_string(),
        "`gate` is not enrolled; choose one of `viewer`, `worker`"
    );
    assert_eq!(store.nodes().len(), 2);
    assert_eq!(
        TrustStore::new()
            .revoke_name(&name("gate"))
            .unwrap_err()
            .to_string(),
        "`gate` is not enrolled; this trust file enrols nobody, name another"
    );
}

#[test]
fn a_key_set_is_retired_once() {
    let (mut store, other) = (store(), KeyId::from_bytes([0xcd; 16]));
    assert!(store.is_retired(KeyId::from_bytes([0xab; 16])));
    assert!(!store.is_retired(other));
    store.retire(other).unwrap();
    assert!(store.is_retired(other));
    let error = store.retire(other).unwrap_err().to_string();
    let id = "cd".repeat(16);
    assert_eq!(
        error,
        format!("the key set {id} is retired already; nothing is left to do")
    );
    assert_eq!(store.retired().len(), 2);
}

#[test]
fn problems_of_lists_and_key_sets_come_out_too() {
    let text = format!(
        "[[node]]\nname = \"gate\"\nrole = \"camera\"\nverifying_key = \"{}\"\n\
         cameras = [\"gate\"]\n\
         [[node]]\nname = \"worker\"\nrole = \"worker\"\nverifying_key = \"{}\"\ncameras = []\n\
         [[node]]\nname = \"viewer\"\nrole = \"viewer\"\nverifying_key = \"{}\"\n\
         cameras = [\"gate\",\n\"Yard\"]\n\
         [[retired_key_set]]\nid = \"{id}\"\n\
         [[retired_key_set]]\nid = \"{id}\"\n\
         [[retired_key_set]]\nid = \"12\"\n\
         [[retired_key_set]]\n",
        key(1),
        key(2),
        key(3),
        id = "ab".repeat(16),
    );
    let errors = TrustStore::parse("trust.toml".as_ref(), &text)
        .unwrap_err()
        .to_string();
    let add = "add the key id that `blindsight keys show` prints for a key of the set";
    let expected = [
        "5: node[0].cameras: a camera signs for itself only; leave the list of cameras out"
            .to_owned(),
        "10: node[1].cameras: the list of cameras is empty; name a camera, or leave the list out \
         for all of them"
            .into(),
        "16: node[2].cameras[1]: the name holds 'Y'; use only a-z, 0-9, `_` and `-`".into(),
        "20: retired_key_set[1].id: this key set is retired above; name it once".into(),
        format!("22: retired_key_set[2].id: a key id has 32 hexadecimal digits; {add}"),
        format!("23: retired_key_set[3].id: missing; {add}"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|line| format!("trust.toml:{line}"))
        .collect();
    assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
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
        "9: node[1].colour: unknown key; use one of `name`, `role`, `verifying_key`, `cameras`, or remove it"
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
    assert!(
        error.to_string().starts_with("cannot open the folder of `"),
        "{error}"
    );
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
        Err(TrustError::File(ChangeError::Io {
            operation: "replace",
            ..
        }))
    ));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}
