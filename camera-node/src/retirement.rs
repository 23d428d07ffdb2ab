//! The end of a key set: a camera encrypts nothing more under one that is retired, for somebody else may hold its
//! client key.

use std::path::{Path, PathBuf};

use cipherframe::KeyId;
use tokio_util::sync::{CancellationToken, DropGuard};
use wire::failure::{Failure, FailureKind};
use wire::trust::{Trust, TrustStore};

/// Refuses a key set that is retired in the trust file at `path`.
pub(crate) fn check(trust: &TrustStore, key_set: KeyId, path: &Path) -> Result<(), Failure> {
    if !trust.is_retired(key_set) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Configuration,
        format!(
            "key set {key_set}, which this camera encrypts under, is retired in {}",
            path.display()
        ),
        "give it the key of the new key set, which `blindsight keys export` copies",
    ))
}

/// Stops a running camera when its key set is retired.
pub(crate) struct Retirement {
    trust: Trust,
    key_set: KeyId,
    path: PathBuf,
    stop: CancellationToken,
    _ends_with_this: DropGuard,
}

impl Retirement {
    /// Begins to wait for it. Needs a tokio runtime.
    pub(crate) fn watch(
        trust: Trust,
        key_set: KeyId,
        path: PathBuf,
        shutdown: &CancellationToken,
    ) -> Self {
        let stop = shutdown.child_token();
        let (watched, told) = (trust.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = watched.until_retired(key_set) => told.cancel(),
                () = told.cancelled() => {}
            }
        });
        Self {
            trust,
            key_set,
            path,
            _ends_with_this: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Cancelled when the camera is asked to stop, and when its key set is retired.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Whether the camera may go on under its key set.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        check(&self.trust.current(), self.key_set, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const OWN: KeyId = KeyId::from_bytes([0xab; 16]);

    #[test]
    fn a_retired_key_set_is_refused_with_what_to_do() {
        let mut trust = TrustStore::new();
        trust.retire(KeyId::from_bytes([1; 16])).unwrap();
        assert_eq!(check(&trust, OWN, Path::new("trust.toml")), Ok(()));
        trust.retire(OWN).unwrap();
        let failure = check(&trust, OWN, Path::new("trust.toml")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Configuration);
        assert_eq!(
            failure.to_string(),
            "key set abababababababababababababababab, which this camera encrypts under, is retired in trust.toml\n  \
             help: give it the key of the new key set, which `blindsight keys export` copies"
        );
    }

    #[tokio::test]
    async fn a_camera_stops_when_it_is_asked_to_or_its_key_set_is_retired() {
        let patience = Duration::from_secs(30);
        let watch = |trust: TrustStore, shutdown: &CancellationToken| {
            Retirement::watch(trust.into(), OWN, "trust.toml".into(), shutdown)
        };
        let shutdown = CancellationToken::new();
        let good = watch(TrustStore::new(), &shutdown);
        let early = timeout(Duration::from_millis(50), good.stop().cancelled()).await;
        assert!(early.is_err());
        shutdown.cancel();
        timeout(patience, good.stop().cancelled()).await.unwrap();
        assert_eq!(good.check(), Ok(()));

        let mut retired = TrustStore::new();
        retired.retire(OWN).unwrap();
        let shutdown = CancellationToken::new();
        let bad = watch(retired, &shutdown);
        timeout(patience, bad.stop().cancelled()).await.unwrap();
        assert!(bad.check().is_err() && !shutdown.is_cancelled());
    }
}
