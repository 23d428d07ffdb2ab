//! Whether a node is ready, and whether it is alive.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::shutdown::Shutdown;
use crate::trust::Trust;

/// Said by a node that is on its way out.
const STOPPING: &str = "asked to stop";

/// What a node needs to be ready, and which of its loops have ended that should not. Clones are of the same node.
#[derive(Clone, Debug)]
pub struct Vitals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shutdown: Shutdown,
    needs: Mutex<Vec<(&'static str, Arc<Met>)>>,
    connections: Mutex<Vec<Connection>>,
    ended: Mutex<Vec<&'static str>>,
    trust: OnceLock<Trust>,
}

#[derive(Debug)]
struct Connection {
    name: &'static str,
    /// What is lacking while it is down.
    lacking: &'static str,
    up: watch::Receiver<bool>,
}

impl Connection {
    fn is_up(&self) -> bool {
        // Whoever kept it up to date is gone when the channel is closed.
        *self.up.borrow() && self.up.has_changed().is_ok()
    }
}

impl Vitals {
    /// A node that needs nothing yet. Once `shutdown` is cancelled it is no longer ready, and its loops may end.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self(Arc::new(Inner {
            shutdown,
            needs: Mutex::default(),
            connections: Mutex::default(),
            ended: Mutex::default(),
            trust: OnceLock::new(),
        }))
    }

    /// The node is not ready until this is met. `lacking` is said meanwhile: a fragment without a final stop.
    #[must_use]
    pub fn need(&self, lacking: &'static str) -> Need {
        let met = Arc::<Met>::default();
        lock(&self.0.needs).push((lacking, met.clone()));
        Need(met)
    }

    /// The node is ready only while this connection is `up`. `name` is its label in metrics.
    pub fn connection(&self, name: &'static str, lacking: &'static str, up: watch::Receiver<bool>) {
        let connection = Connection { name, lacking, up };
        lock(&self.0.connections).push(connection);
    }

    /// The node follows a trust file with this. The first call counts.
    pub fn follows(&self, trust: Trust) {
        // An error only says that it was told before.
        let _ = self.0.trust.set(trust);
    }

    /// How often the trust file was changed into one that cannot be used.
    pub(super) fn refused_trust_files(&self) -> u64 {
        self.0.trust.get().map_or(0, Trust::refused_files)
    }

    /// A loop of the node: once it has ended, however it did, the node is no longer alive, unless it was asked to stop.
    /// `name` is what people call the loop: "the intake".
    pub fn during<L: Future>(
        &self,
        name: &'static str,
        the_loop: L,
    ) -> impl Future<Output = L::Output> + use<L> {
        let running = Running {
            vitals: self.clone(),
            name,
        };
        async move {
            let _running = running;
            the_loop.await
        }
    }

    /// Whether the node was asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.shutdown.is_cancelled()
    }

    /// Returns once the node is asked to stop.
    pub async fn stopping(&self) {
        self.0.shutdown.cancelled().await;
    }

    /// Why the node is not alive. Empty while it is.
    #[must_use]
    pub fn ailments(&self) -> Vec<String> {
        if self.is_stopping() {
            return Vec::new();
        }
        let ended = lock(&self.0.ended);
        ended.iter().map(|name| format!("{name} ended")).collect()
    }

    /// Why the node is not ready. Empty while it is.
    #[must_use]
    pub fn lacking(&self) -> Vec<String> {
        if self.is_stopping() {
            return vec![STOPPING.to_owned()];
        }
        let mut lacking = self.ailments();
        lacking.extend(self.unmet().into_iter().map(str::to_owned));
        let connections = lock(&self.0.connections);
        let down = connections.iter().filter(|connection| !connection.is_up());
        lacking.extend(down.map(|connection| connection.lacking.to_owned()));
        lacking
    }

    /// Whether it has had all that it needs besides its connections: what it lacks later does not make it a node that
    /// starts.
    pub(super) fn has_started(&self) -> bool {
        let needs = lock(&self.0.needs);
        needs
            .iter()
            .all(|(_, need)| need.was_met.load(Ordering::Relaxed))
    }

    fn unmet(&self) -> Vec<&'static str> {
        let needs = lock(&self.0.needs);
        let unmet = needs
            .iter()
            .filter(|(_, need)| !need.is_met.load(Ordering::Relaxed));
        unmet.map(|(lacking, _)| *lacking).collect()
    }

    /// The node's connections by name, and whether each is up.
    pub(super) fn connections(&self) -> Vec<(&'static str, bool)> {
        let connections = lock(&self.0.connections);
        let state = |connection: &Connection| (connection.name, connection.is_up());
        connections.iter().map(state).collect()
    }
}

/// Something that a node needs to be ready.
#[derive(Clone, Debug)]
pub struct Need(Arc<Met>);

#[derive(Debug, Default)]
struct Met {
    is_met: AtomicBool,
    was_met: AtomicBool,
}

impl Need {
    /// Says whether the node has it now.
    pub fn set(&self, met: bool) {
        self.0.is_met.store(met, Ordering::Relaxed);
        self.0.was_met.fetch_or(met, Ordering::Relaxed);
    }
}

/// Dropped when a loop ends.
struct Running {
    vitals: Vitals,
    name: &'static str,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.vitals.0.ended).push(self.name);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A list is whole between any two calls.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_once_it_has_all_that_it_needs() {
        let vitals = Vitals::new(Shutdown::new());
        assert!(vitals.lacking().is_empty());
        let keys = vitals.need("the keys are not loaded");
        let (up, watched) = watch::channel(false);
        vitals.connection("out", "not connected", watched);
        assert_eq!(
            vitals.lacking(),
            ["the keys are not loaded", "not connected"]
        );
        assert!(!vitals.has_started());
        keys.set(true);
        assert_eq!(vitals.lacking(), ["not connected"]);
        assert!(vitals.has_started());
        up.send_replace(true);
        assert!(vitals.lacking().is_empty());
        assert_eq!(vitals.connections(), [("out", true)]);
        up.send_replace(false);
        keys.set(false);
        assert_eq!(
            vitals.lacking(),
            ["the keys are not loaded", "not connected"]
        );
        assert!(vitals.has_started());
    }

    #[test]
    fn a_connection_that_nobody_attends_to_is_down() {
        let vitals = Vitals::new(Shutdown::new());
        let (up, watched) = watch::channel(true);
        vitals.connection("in", "not subscribed", watched);
        assert!(vitals.lacking().is_empty());
        drop(up);
        assert_eq!(vitals.lacking(), ["not subscribed"]);
    }

    #[test]
    fn a_loop_that_ends_unasked_is_an_ailment() {
        let shutdown = Shutdown::new();
        let vitals = Vitals::new(shutdown.clone());
        let intake = vitals.during("the intake", std::future::pending::<()>());
        assert!(vitals.ailments().is_empty());
        drop(intake);
        assert_eq!(vitals.ailments(), ["the intake ended"]);
        assert_eq!(vitals.lacking(), ["the intake ended"]);
        shutdown.cancel();
        assert!(vitals.ailments().is_empty());
        assert_eq!(vitals.lacking(), ["asked to stop"]);
    }
}
