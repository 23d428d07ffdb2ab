//! The trust store in force, which follows its file.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyfile::KeyId;
use tokio::sync::watch;
use tokio::{task, time};

use super::changes::{Changes, OwnKey, OwnLoss};
use super::{TrustStore, TrustedNode};
use crate::config::ConfigErrors;

/// Between two looks at the file. A change counts after it was seen twice, so within twice this.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The trust store in force. Clones share it.
///
/// It follows the trust file while the node runs. A file that cannot be used changes nothing: the
/// last good one stays in force, and the log says why.
#[derive(Clone, Debug)]
pub struct Trust {
    store: watch::Receiver<Arc<TrustStore>>,
    refused_files: Arc<AtomicU64>,
}

impl Trust {
    /// The store that messages are checked against now. Ask again for the next message.
    #[must_use]
    pub fn current(&self) -> Arc<TrustStore> {
        self.store.borrow().clone()
    }

    /// How often the trust file was changed into one that cannot be used.
    #[must_use]
    pub fn refused_files(&self) -> u64 {
        self.refused_files.load(Ordering::Relaxed)
    }

    /// Waits until `key_set` is retired; for ever when that does not happen.
    pub async fn until_retired(&self, key_set: KeyId) {
        let mut store = self.store.clone();
        let retired = store.wait_for(|store| store.is_retired(key_set));
        if retired.await.is_err() {
            // Nothing follows the file, so the store stays as it is.
            std::future::pending::<()>().await;
        }
    }

    /// `store`, read from the file at `path`, and what becomes of that file until the last clone is
    /// dropped. Needs a tokio runtime.
    pub(crate) fn follow(path: PathBuf, store: TrustStore, own: OwnKey) -> Self {
        let (sender, receiver) = watch::channel(Arc::new(store));
        let refused_files = Arc::new(AtomicU64::new(0));
        let keeper = Keeper {
            path,
            own,
            store: sender,
            refused_files: refused_files.clone(),
            told: None,
        };
        tokio::spawn(keeper.run());
        Self {
            store: receiver,
            refused_files,
        }
    }
}

impl From<TrustStore> for Trust {
    /// A store that follows no file.
    fn from(store: TrustStore) -> Self {
        // The value outlives its sender.
        let (_, store) = watch::channel(Arc::new(store));
        Self {
            store,
            refused_files: Arc::default(),
        }
    }
}

/// What tells one state of a file from another, or why there is none.
type Look = Result<Stamp, io::ErrorKind>;

/// The time of change is there because a copy may carry an old time of modification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

fn look(path: &Path) -> Look {
    let metadata = fs::metadata(path).map_err(|error| error.kind())?;
    Ok(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        bytes: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Which looks ask for reading the file: those that saw something new stand still. So a file that
/// somebody is writing is not read, nor can a change hide in the same tick of the clock.
#[derive(Debug, Default)]
struct Stillness {
    seen: Option<Look>,
    read: Option<Look>,
}

impl Stillness {
    /// Whether to read the file now.
    fn asks(&self, look: Look) -> bool {
        self.seen == Some(look) && self.read != Some(look)
    }

    /// Notes a look, and whether the file was read with it and is good. One that is not is read
    /// again: what stood in the way need not have been the file.
    fn note(&mut self, look: Look, good: bool) {
        self.seen = Some(look);
        if good {
            self.read = Some(look);
        }
    }
}

/// Looks at the file and replaces the store.
struct Keeper {
    path: PathBuf,
    own: OwnKey,
    store: watch::Sender<Arc<TrustStore>>,
    refused_files: Arc<AtomicU64>,
    /// What was wrong with the file and has been told.
    told: Option<ConfigErrors>,
}

impl Keeper {
    async fn run(mut self) {
        // The file may have changed since it was read for the start: it is read once more.
        let mut stillness = Stillness::default();
        loop {
            tokio::select! {
                () = self.store.closed() => return,
                () = time::sleep(LOOK_EVERY) => {}
            }
            let path = self.path.clone();
            let looked = task::spawn_blocking(move || {
                let look = look(&path);
                let read = stillness.asks(look).then(|| TrustStore::load(&path));
                (stillness, look, read)
            });
            let Ok((still, look, read)) = looked.await else {
                // The runtime ends.
                return;
            };
            stillness = still;
            let good = read.is_some_and(|read| self.take(read));
            stillness.note(look, good);
        }
    }

    /// Puts what was read in force, if it is good.
    fn take(&mut self, read: Result<TrustStore, ConfigErrors>) -> bool {
        match read {
            Ok(store) => {
                if self.told.take().is_some() {
                    tracing::info!(file = %self.path.display(), "the trust file is good again");
                }
                self.put_in_force(store);
                true
            }
            Err(errors) => {
                self.refuse(errors);
                false
            }
        }
    }

    fn put_in_force(&self, new: TrustStore) {
        let new = Arc::new(new);
        let old = self.store.borrow().clone();
        if old == new {
            return;
        }
        // First, so that whoever reads the log can rely on it.
        self.store.send_replace(new.clone());
        let Changes {
            enrolled,
            revoked,
            changed,
            retired,
            reinstated,
        } = Changes::between(&old, &new);
        tracing::info!(
            file = %self.path.display(),
            enrolled = %names(&enrolled),
            revoked = %names(&revoked),
            changed = %names(&changed),
            ?retired,
            ?reinstated,
            "a new trust file is in force"
        );
        if let Some(loss) = OwnLoss::between(&self.own, &old, &new) {
            tracing::warn!(
                file = %self.path.display(),
                key = %self.own.id,
                "{loss}; what it signs is refused by nodes whose trust file says the same: give it \
                 its new signing key, or enrol this one again with `blindsight keys enroll`"
            );
        }
    }

    fn refuse(&mut self, errors: ConfigErrors) {
        if self.told.as_ref() == Some(&errors) {
            return;
        }
        self.refused_files.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            problems = %errors.to_string().replace('\n', " | "),
            "the trust file cannot be used and the last good one stays in force; mend it"
        );
        self.told = Some(errors);
    }
}

fn names(nodes: &[&TrustedNode]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
