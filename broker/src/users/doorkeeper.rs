//! Who may come in: passwords are compared on threads of their own, a few at a time, and a changed
//! file counts from the next login on.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use tokio::sync::Semaphore;
use tokio::task;
use wire::failure::{Failure, FailureKind};
use zeroize::Zeroizing;

use super::Users;

/// Passwords compared at once, at most: each takes a core, and 19 MiB.
const AT_ONCE: usize = 2;

/// Where there are two cores or fewer one is left to those who are in already.
fn at_once() -> usize {
    match thread::available_parallelism() {
        Ok(cores) if cores.get() > AT_ONCE => AT_ONCE,
        _ => 1,
    }
}

/// Knows the users.
#[derive(Debug)]
pub(crate) struct Doorkeeper {
    list: Arc<Mutex<List>>,
    turns: Arc<Semaphore>,
}

impl Doorkeeper {
    /// Reads the file.
    ///
    /// # Errors
    /// As [`Users::load`], and [`FailureKind::Configuration`] for a file without users.
    pub(crate) fn new(path: &Path) -> Result<Self, Failure> {
        let stamp = Stamp::of(path);
        let users = Users::load(path)?;
        if users.is_empty() {
            return Err(Failure::new(
                FailureKind::Configuration,
                format!("the users file {} holds no user", path.display()),
                format!(
                    "add one with `broker passwd --users {} --user NAME`",
                    path.display()
                ),
            ));
        }
        let list = List {
            path: path.to_owned(),
            stamp,
            users: Arc::new(users),
        };
        Ok(Self {
            list: Arc::new(Mutex::new(list)),
            turns: Arc::new(Semaphore::new(at_once())),
        })
    }

    /// Whether this is the login of a user.
    pub(crate) async fn knows(&self, username: Option<&str>, password: Option<&[u8]>) -> bool {
        let (Some(username), Some(password)) = (username, password) else {
            return false;
        };
        let Ok(turn) = self.turns.clone().acquire_owned().await else {
            return false;
        };
        let username = username.to_owned();
        let password = Zeroizing::new(password.to_vec());
        let list = self.list.clone();
        let compared = task::spawn_blocking(move || {
            // Given back when the work is done, not when nobody waits for it any more.
            let _turn = turn;
            let users = list
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .current();
            users.accepts(&username, &password)
        });
        compared.await.unwrap_or(false)
    }
}

/// The users as they were when the file was last read.
#[derive(Debug)]
struct List {
    path: PathBuf,
    stamp: Option<Stamp>,
    users: Arc<Users>,
}

impl List {
    /// Reads the file again if it has changed. One that cannot be read changes nothing: a slip of
    /// the pen must not lock out a site.
    fn current(&mut self) -> Arc<Users> {
        let stamp = Stamp::of(&self.path);
        if stamp != self.stamp {
            self.stamp = stamp;
            match Users::load(&self.path) {
                Ok(users) => {
                    tracing::info!(users = users.len(), "the users file has changed");
                    self.users = Arc::new(users);
                }
                Err(failure) => {
                    tracing::error!(
                        "{}; {}; the users stay as they were",
                        failure.what,
                        failure.mend
                    );
                }
            }
        }
        self.users.clone()
    }
}

/// What changes when a file is replaced or edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            inode: metadata.ino(),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};
    use std::time::Duration;

    use tokio::time;

    use super::*;

    #[tokio::test]
    async fn a_changed_file_counts_and_a_broken_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        let mut users = Users::default();
        users.set("gate", "first pass").unwrap();
        users.save(&path).unwrap();
        let doorkeeper = Doorkeeper::new(&path).unwrap();
        let knows = |name: &'static str, password: &'static str| {
            let doorkeeper = &doorkeeper;
            async move {
                doorkeeper
                    .knows(Some(name), Some(password.as_bytes()))
                    .await
            }
        };
        assert!(knows("gate", "first pass").await);
        assert!(!knows("gate", "other pass").await);
        assert!(!doorkeeper.knows(Some("gate"), None).await);
        assert!(!doorkeeper.knows(None, None).await);

        users.set("yard", "second pass").unwrap();
        users.set("gate", "third pass").unwrap();
        users.save(&path).unwrap();
        assert!(knows("yard", "second pass").await);
        assert!(!knows("gate", "first pass").await);

        fs::write(&path, "nonsense").unwrap();
        assert!(knows("gate", "third pass").await);
        fs::remove_file(&path).unwrap();
        assert!(knows("gate", "third pass").await);

        users.remove("gate");
        users.save(&path).unwrap();
        assert!(!knows("gate", "third pass").await);
    }

    /// Who asked may be gone before the answer: displaced, or out of time.
    #[tokio::test]
    async fn a_turn_of_somebody_who_left_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        let mut users = Users::default();
        users.set("gate", "right pass").unwrap();
        users.save(&path).unwrap();
        let doorkeeper = Doorkeeper::new(&path).unwrap();
        let turns = doorkeeper.turns.available_permits();
        assert!((1..=AT_ONCE).contains(&turns));
        // Polled, these have their turns, or wait for one; then they are dropped.
        let mut nobody = Context::from_waker(Waker::noop());
        let asked: Vec<_> = (0..3 * AT_ONCE)
            .map(|_| {
                let mut asking = Box::pin(doorkeeper.knows(Some("gate"), Some(b"wrong pass")));
                assert!(asking.as_mut().poll(&mut nobody).is_pending());
                asking
            })
            .collect();
        assert_eq!(doorkeeper.turns.available_permits(), 0);
        drop(asked);
        assert!(doorkeeper.knows(Some("gate"), Some(b"right pass")).await);
        let all = doorkeeper.turns.acquire_many(turns as u32);
        drop(time::timeout(Duration::from_secs(60), all).await.unwrap());
    }

    #[test]
    fn a_file_without_users_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        Users::default().save(&path).unwrap();
        let failure = Doorkeeper::new(&path).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert!(failure.mend.contains("broker passwd --users"));
    }
}
