//! The MQTT broker of Blindsight: rumqttd, embedded, with what it lacks around it.
//!
//! rumqttd logs a port that is taken and lives on, cannot be stopped, may go deaf without ending,
//! and lets strangers in. Here clients connect to a front of our own, with TLS and a list of users
//! where they are configured; ready means that a published message came back, [`Broker::stop`]
//! closes the listener and every connection, and [`run`] ends with an error when messages stop
//! coming back.
//!
//! The broker holds no keys of the nodes and needs none: what passes through it is encrypted and
//! signed by them. Without TLS and without users it listens on loopback addresses only.

mod config;
mod counters;
mod credential;
mod engine;
mod figures;
mod front;
mod listen;
mod open_files;
mod ring_log;
mod tls;
mod users;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task;
use tokio::time;
use wire::failure::{Failure, FailureKind};
use wire::mqtt::Echo;
use wire::shutdown::Shutdown;
use wire::telemetry::Telemetry;

pub use config::{BrokerConfig, BrokerToml, DEFAULT_RING_LOG_BYTES, TlsConfig};
pub use counters::{Counters, Refusal};
#[doc(hidden)]
pub use front::rewritten_first_packet;
pub use listen::bind;
pub use users::{Users, UsersError};

use credential::Credential;
use engine::Engine;
use figures::{EchoNotes, Echoes, Sizes};
use front::Entrance;
use listen::Guard;
use users::Doorkeeper;

/// How long a started broker may take to send back its first message.
const READY_DEADLINE: Duration = Duration::from_secs(10);
/// How long one attempt at an echo may take while starting; the listener may not be open at the
/// first.
const READY_ATTEMPT: Duration = Duration::from_secs(2);
const READY_RETRY: Duration = Duration::from_millis(20);
const WATCH: Watch = Watch {
    every: Duration::from_secs(10),
    patience: Duration::from_secs(10),
};
/// Missing echoes in a row after which the broker counts as deaf.
const WATCH_MISSES: u32 = 2;
/// How often it is looked whether the front has noticed a connection.
const FRONT_LOOK: Duration = Duration::from_millis(10);

/// A running broker. Dropping it closes its connections without waiting for that.
#[derive(Debug)]
pub struct Broker {
    engine: Engine,
    probe: Probe,
}

impl Broker {
    /// Starts a broker on `listener` and returns once a published message came back.
    ///
    /// The address of `listener`, whose port may have been 0, wins over `config.listen`. Needs a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`FailureKind::Configuration`] for an address that others can reach without TLS, or without
    /// users and client certificates; those of the certificates', keys' and users' files;
    /// [`FailureKind::Unavailable`] when no message comes back within 10 s.
    pub async fn start(config: BrokerConfig, listener: TcpListener) -> Result<Self, Failure> {
        Self::start_counting(config, listener, Arc::default()).await
    }

    /// As [`Broker::start`]; what comes in at the door is counted in `counters`.
    async fn start_counting(
        config: BrokerConfig,
        listener: TcpListener,
        counters: Arc<Counters>,
    ) -> Result<Self, Failure> {
        let address = listen::guarded_address(&listener, config.guard())?;
        let surely_kept_bytes = config.surely_kept_bytes();
        let files = config.clone();
        let entrance = match task::spawn_blocking(move || files.entrance()).await {
            Ok(entrance) => entrance?,
            Err(error) => {
                let mend = "report this with the configuration";
                return Err(Failure::new(FailureKind::Bug, error.to_string(), mend));
            }
        };
        let credential = Credential::new()?;
        let engine =
            Engine::start(&config, listener, entrance, &credential, counters.clone()).await?;
        let probe = Probe {
            watch: WATCH,
            echo: Echo::new(config.max_packet_bytes)?,
            front: reachable(address),
            engine: engine.address(),
            credential,
            counters,
        };
        let mut broker = Self { engine, probe };
        tokio::select! {
            failure = broker.engine.died() => return Err(failure),
            answered = broker.probe.first_echo() => answered?,
        }
        let (tls, users) = (config.tls.is_some(), config.users.is_some());
        let (listen, name) = (address, config.name);
        tracing::info!(%listen, name, tls, users, surely_kept_bytes, "broker is ready");
        Ok(broker)
    }

    /// The address that clients connect to; one of this machine where it listens on all of them.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.probe.front
    }

    /// What has come in at the door so far.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        self.probe.counters.clone()
    }

    /// Closes the listener and all connections, and returns when they are closed, within 3 s.
    ///
    /// rumqttd has no way to end its router: that thread, and the messages it still holds, stay
    /// until the process ends. They are idle and bounded by `ring_log_bytes` for each filter.
    pub async fn stop(self) {
        self.engine.stop().await;
    }

    /// Returns when the broker is of no use any more.
    async fn failed(&mut self, notes: &EchoNotes<'_>) -> Failure {
        tokio::select! {
            failure = self.engine.died() => failure,
            failure = self.probe.watch(notes) => failure,
        }
    }
}

impl BrokerConfig {
    fn guard(&self) -> Guard {
        Guard {
            tls: self.tls.is_some(),
            clients_known: self.users.is_some()
                || self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()),
        }
    }

    /// Reads the files of TLS and of the users.
    fn entrance(&self) -> Result<Entrance, Failure> {
        let tls = self.tls.as_ref().map(|tls| {
            let acceptor = tls::acceptor(tls);
            acceptor.map(|acceptor| (acceptor, tls.handshake_timeout))
        });
        let doorkeeper = self.users.as_deref().map(Doorkeeper::new);
        Ok(Entrance {
            tls: tls.transpose()?,
            doorkeeper: doorkeeper.transpose()?,
        })
    }
}

/// An address of this machine where `address` means all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut reachable = address;
    match address {
        SocketAddr::V4(all) if all.ip().is_unspecified() => {
            reachable.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        SocketAddr::V6(all) if all.ip().is_unspecified() => {
            reachable.set_ip(Ipv6Addr::LOCALHOST.into());
        }
        _ => {}
    }
    reachable
}

/// Runs a broker until `shutdown` is cancelled or it is of no use any more, and shows how it is as
/// `config.telemetry` says.
///
/// # Errors
/// Those of [`Broker::start`]; [`FailureKind::Configuration`] when the system does not allow as many
/// open files as the clients need; an address for metrics that cannot be listened on; later
/// [`FailureKind::Unavailable`] when messages stop coming back, so that a supervisor starts it
/// again.
pub async fn run(
    config: BrokerConfig,
    listener: TcpListener,
    shutdown: Shutdown,
) -> Result<(), Failure> {
    open_files::allow(&config)?;
    let echoes = Arc::new(Echoes::default());
    let counters = Arc::new(Counters::default());
    let (sizes, heard, counted) = (Sizes::of(&config), echoes.clone(), counters.clone());
    let figures = move || figures::families(sizes, &heard, &counted);
    let needs = ["messages to itself do not come back"];
    let telemetry = Telemetry::start("broker", &config.telemetry, needs, figures, &shutdown);
    let (_telemetry, [works]) = telemetry.await?;
    let notes = EchoNotes {
        echoes: &echoes,
        works,
    };
    let mut broker = tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        started = Broker::start_counting(config, listener, counters) => started?,
    };
    notes.works.set(true);
    let ended = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        failure = broker.failed(&notes) => Err(failure),
    };
    broker.stop().await;
    ended
}

/// How a running broker is watched.
#[derive(Clone, Copy, Debug)]
struct Watch {
    /// How often it is asked for an echo.
    every: Duration,
    /// How long that may take.
    patience: Duration,
}

/// Asks the running broker whether it still works.
#[derive(Debug)]
struct Probe {
    watch: Watch,
    /// One for all echoes, which follow each other.
    echo: Echo,
    front: SocketAddr,
    engine: SocketAddr,
    credential: Credential,
    counters: Arc<Counters>,
}

impl Probe {
    async fn first_echo(&self) -> Result<(), Failure> {
        let attempts = async {
            while self.ask(READY_ATTEMPT).await.is_err() {
                time::sleep(READY_RETRY).await;
            }
        };
        time::timeout(READY_DEADLINE, attempts).await.map_err(|_| {
            let address = self.front;
            Failure::new(
                FailureKind::Unavailable,
                format!("the broker started on {address} but no published message came back"),
                "run again with `[log] level = \"debug\"` and look at what rumqttd says",
            )
        })
    }

    /// Asks again and again; returns when too many answers in a row are missing.
    async fn watch(&self, notes: &EchoNotes<'_>) -> Failure {
        let mut misses = 0;
        loop {
            time::sleep(self.watch.every).await;
            match self.ask(self.watch.patience).await {
                Ok(after) => {
                    misses = 0;
                    notes.answered(after);
                }
                Err(failure) => {
                    misses += 1;
                    notes.missing();
                    tracing::warn!(misses, "no echo: {}", failure.what);
                    if misses >= WATCH_MISSES {
                        return failure;
                    }
                }
            }
        }
    }

    /// The front accepts connections, and rumqttd sends back what it is sent.
    ///
    /// The echo goes to rumqttd itself: over TLS it would take a client certificate, a user, and a
    /// place that clients may need.
    async fn ask(&self, patience: Duration) -> Result<Duration, Failure> {
        let noticed = async {
            let before = self.counters.connections();
            let connection = TcpStream::connect(self.front).await;
            while connection.is_ok() && self.counters.connections() == before {
                time::sleep(FRONT_LOOK).await;
            }
            connection
        };
        if !matches!(time::timeout(patience, noticed).await, Ok(Ok(_))) {
            return Err(Failure::new(
                FailureKind::Unavailable,
                format!("the broker accepts no connection on {}", self.front),
                "restart the broker",
            ));
        }
        let login = Some(self.credential.login());
        self.echo.ask(self.engine, login, patience).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A broker that is watched closely.
    async fn watched() -> Broker {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let broker = Broker::start(BrokerConfig::default(), listener).await;
        let mut broker = broker.unwrap();
        broker.probe.watch = Watch {
            every: Duration::from_millis(20),
            patience: Duration::from_secs(5),
        };
        broker
    }

    async fn works(notes: impl AsyncFnOnce(&EchoNotes<'_>)) -> bool {
        let shutdown = Shutdown::new();
        let config = BrokerConfig::default().telemetry;
        let needs = ["messages to itself do not come back"];
        let telemetry = Telemetry::start("broker", &config, needs, Vec::new, &shutdown);
        let (telemetry, [works]) = telemetry.await.unwrap();
        works.set(true);
        let echoes = Echoes::default();
        notes(&EchoNotes {
            echoes: &echoes,
            works,
        })
        .await;
        telemetry.vitals().lacking().is_empty()
    }

    #[tokio::test]
    async fn a_broker_that_has_gone_deaf_ends() {
        let mut broker = watched().await;
        // It accepts and never says a word.
        let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
        broker.probe.engine = deaf.local_addr().unwrap();
        broker.probe.watch.patience = Duration::from_millis(200);
        let works = works(async |notes| {
            let failure = time::timeout(Duration::from_secs(60), broker.failed(notes));
            let failure = failure.await.expect("it goes on");
            assert_eq!(failure.kind, FailureKind::Unavailable);
            assert!(failure.what.contains("no answer within 0.2 s"), "{failure}");
        });
        assert!(!works.await);
    }

    #[tokio::test]
    async fn a_broker_that_answers_goes_on() {
        let mut broker = watched().await;
        let works = works(async |notes| {
            let failure = time::timeout(Duration::from_secs(1), broker.failed(notes));
            assert!(failure.await.is_err());
        });
        assert!(works.await);
    }
}
