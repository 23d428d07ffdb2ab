//! What a running node makes of changes to its trust file.

use super::*;
use crate::identity::SigningIdentity;
use crate::name::Name;
use crate::role::NodeRole;
use std::time::Instant;
use tempfile::TempDir;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn identity(node: &str, seed: u8) -> SigningIdentity {
    SigningIdentity::from_seed(name(node), &[seed; 32])
}

fn own() -> OwnKey {
    OwnKey {
        name: name("worker"),
        role: NodeRole::Worker,
        id: identity("worker", 2).signer_id(),
    }
}

fn store() -> TrustStore {
    let mut store = TrustStore::new();
    for (node, role, seed) in [
        ("gate", NodeRole::Camera, 1),
        ("worker", NodeRole::Worker, 2),
    ] {
        let key = identity(node, seed).verifying_key();
        store.enroll(&name(node), role, &key).unwrap();
    }
    store
}

fn stamp(inode: u64) -> Look {
    Ok(Stamp {
        device: 1,
        inode,
        bytes: 10,
        modified: (5, 0),
        changed: (5, 0),
    })
}

#[test]
fn a_file_is_read_when_something_new_stands_still() {
    let mut stillness = Stillness::default();
    let mut reads = |look: Look, good: bool| {
        let asks = stillness.asks(look);
        stillness.note(look, asks && good);
        asks
    };
    // As it was at the start: read once.
    assert_eq!(
        [(); 4].map(|()| reads(stamp(1), true)),
        [false, true, false, false]
    );
    // Replaced, and replaced again before the second look.
    assert!(!reads(stamp(2), true));
    assert!(!reads(stamp(3), true));
    assert!(reads(stamp(3), true));
    assert!(!reads(stamp(3), true));
    // Gone, which no reading will change, until it is back.
    let gone = Err(io::ErrorKind::NotFound);
    assert_eq!([(); 3].map(|()| reads(gone, false)), [false, true, true]);
    assert_eq!(
        [(); 3].map(|()| reads(stamp(3), true)),
        [false, false, false]
    );
    // Bad, then mended in place without a new stamp (as after an error of the disk).
    assert_eq!(
        [(); 3].map(|()| reads(stamp(4), false)),
        [false, true, true]
    );
    assert_eq!(
        [(); 3].map(|()| reads(stamp(4), true)),
        [true, false, false]
    );
}

#[test]
fn every_way_to_change_a_file_shows() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("trust.toml");
    assert_eq!(look(&path), Err(io::ErrorKind::NotFound));
    store().save(&path).unwrap();
    let first = look(&path);
    assert_eq!(look(&path), first);
    // Another file of the same length and times, as `cp --preserve` leaves it.
    let copy = folder.path().join("copy");
    fs::copy(&path, &copy).unwrap();
    let times = fs::FileTimes::new().set_modified(fs::metadata(&path).unwrap().modified().unwrap());
    fs::File::options()
        .write(true)
        .open(&copy)
        .unwrap()
        .set_times(times)
        .unwrap();
    fs::rename(&copy, &path).unwrap();
    let second = look(&path);
    assert_ne!(second, first);
    // Written in place, with as many bytes and the old time.
    std::thread::sleep(Duration::from_millis(20));
    fs::write(&path, store().to_toml()).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_times(times).unwrap();
    assert_ne!(look(&path), second);
}

/// A keeper of `store()`, and what it puts in force.
fn keeper() -> (Keeper, watch::Receiver<Arc<TrustStore>>) {
    let (sender, receiver) = watch::channel(Arc::new(store()));
    let keeper = Keeper {
        path: "trust.toml".into(),
        own: own(),
        store: sender,
        refused_files: Arc::default(),
        told: None,
    };
    (keeper, receiver)
}

fn read(text: &str) -> Result<TrustStore, ConfigErrors> {
    TrustStore::parse("trust.toml".as_ref(), text)
}

#[test]
fn a_bad_file_changes_nothing_and_counts_once() {
    let (mut keeper, in_force) = keeper();
    let counted = keeper.refused_files.clone();
    let counted = || counted.load(Ordering::Relaxed);
    for (text, count) in [
        ("[[node", 1),
        ("[[node", 1),
        ("colour = 1\n", 2),
        ("colour = 1\n", 2),
    ] {
        assert!(!keeper.take(read(text)));
        assert_eq!((counted(), &**in_force.borrow()), (count, &store()));
    }
    // Nobody enrolled is a good file all the same.
    assert!(keeper.take(read("")));
    assert_eq!((counted(), &**in_force.borrow()), (2, &TrustStore::new()));
    assert!(!keeper.take(read("colour = 1\n")));
    assert_eq!((counted(), &**in_force.borrow()), (3, &TrustStore::new()));
}

#[test]
fn a_node_learns_that_its_own_key_does_not_count_any_more() {
    let loss = |new: &TrustStore| OwnLoss::between(&own(), &store(), new);
    assert_eq!(loss(&store()), None);
    let mut new = store();
    new.revoke_name(&name("gate")).unwrap();
    assert_eq!(loss(&new), None, "another node's");
    new.revoke_name(&name("worker")).unwrap();
    assert_eq!(loss(&new), Some(OwnLoss::Revoked));
    // A file that never listed this node takes nothing from it.
    assert_eq!(OwnLoss::between(&own(), &new, &new), None);
    let key = identity("worker", 3).verifying_key();
    new.enroll(&name("worker"), NodeRole::Worker, &key).unwrap();
    assert_eq!(loss(&new), Some(OwnLoss::Replaced));
    new.revoke_name(&name("worker")).unwrap();
    let key = identity("worker", 2).verifying_key();
    new.enroll(&name("worker"), NodeRole::Viewer, &key).unwrap();
    assert_eq!(loss(&new), Some(OwnLoss::Changed));
}

#[test]
fn changes_are_named() {
    let (old, mut new) = (store(), store());
    new.revoke_name(&name("gate")).unwrap();
    let roof = identity("roof", 4);
    new.enroll(roof.name(), NodeRole::Camera, &roof.verifying_key())
        .unwrap();
    let key_set = KeyId::from_bytes([9; 16]);
    new.retire(key_set).unwrap();
    let changes = Changes::between(&old, &new);
    assert_eq!(names(&changes.enrolled), "roof");
    assert_eq!(names(&changes.revoked), "gate");
    assert_eq!(names(&changes.changed), "");
    assert_eq!(
        (changes.retired, changes.reinstated),
        (vec![key_set], vec![])
    );
    let back = Changes::between(&new, &old);
    assert_eq!((back.retired, back.reinstated), (vec![], vec![key_set]));
    assert_eq!(
        (names(&back.enrolled), names(&back.revoked)),
        ("gate".into(), "roof".into())
    );
    // The same key in another role.
    let worker = new.revoke_name(&name("worker")).unwrap().remove(0);
    new.enroll(worker.name(), NodeRole::Viewer, worker.key())
        .unwrap();
    assert_eq!(names(&Changes::between(&old, &new).changed), "worker");
}

/// Waits until `wanted` holds of the store in force.
async fn until(trust: &Trust, wanted: impl Fn(&TrustStore) -> bool) {
    let began = Instant::now();
    while !wanted(&trust.current()) {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            trust.current()
        );
        time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_running_node_follows_its_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("trust.toml");
    store().save(&path).unwrap();
    let gate = identity("gate", 1).signer_id();
    let trust = Trust::follow(path.clone(), store(), own());
    let clone = trust.clone();
    assert!(clone.current().get(&gate).is_some());

    let mut revoked = store();
    revoked.revoke_name(&name("gate")).unwrap();
    revoked.save(&path).unwrap();
    until(&clone, |store| store.get(&gate).is_none()).await;

    fs::write(&path, "[[node]]\nname = \"Gate\"\n").unwrap();
    let began = Instant::now();
    while trust.refused_files() == 0 {
        assert!(began.elapsed() < Duration::from_secs(30));
        time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(*trust.current(), revoked);

    let key_set = KeyId::from_bytes([9; 16]);
    let mut retired = revoked;
    retired.retire(key_set).unwrap();
    retired.save(&path).unwrap();
    let told = time::timeout(Duration::from_secs(30), trust.until_retired(key_set)).await;
    told.expect("it is retired");
    let other = trust.until_retired(KeyId::from_bytes([8; 16]));
    assert!(
        time::timeout(Duration::from_millis(50), other)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_change_between_reading_and_following_is_not_missed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("trust.toml");
    TrustStore::new().save(&path).unwrap();
    let trust = Trust::follow(path, store(), own());
    until(&trust, |store| store.nodes().is_empty()).await;
}

#[tokio::test]
async fn a_store_without_a_file_stays_as_it_is() {
    let trust = Trust::from(store());
    let waiting = trust.until_retired(KeyId::from_bytes([9; 16]));
    assert!(
        time::timeout(Duration::from_millis(50), waiting)
            .await
            .is_err()
    );
    assert_eq!((&*trust.current(), trust.refused_files()), (&store(), 0));
}
