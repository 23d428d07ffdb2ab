//! The MQTT broker of Blindsight: rumqttd, embedded, with what it lacks around it.
//!
//! rumqttd logs a port that is taken and lives on, cannot be stopped, and may go deaf without
//! ending. Here a port that is taken is an error of [`Broker::start`], ready means that a published
//! message came back, [`Broker::stop`] closes the listener and every connection, and [`run`] ends
//! with an error when messages stop coming back.
//!
//! The broker holds no keys and needs none: what passes through it is encrypted and signed by the
//! nodes. It does not know who its clients are, so it listens on loopback addresses only.

mod config;
mod engine;
mod listen;
mod ring_log;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::time;
use wire::failure::{Failure, FailureKind};
use wire::mqtt;
use wire::shutdown::Shutdown;

pub use config::{BrokerConfig, BrokerToml, DEFAULT_RING_LOG_BYTES};
pub use listen::bind;

use engine::Engine;

/// How long a started broker may take to send back its first message.
const READY_DEADLINE: Duration = Duration::from_secs(10);
/// How long one attempt at an echo may take while starting; the listener may not be open at the
/// first.
const READY_ATTEMPT: Duration = Duration::from_secs(2);
const READY_RETRY: Duration = Duration::from_millis(20);
/// How often a running broker is asked for an echo, and how long that may take.
const WATCH_EVERY: Duration = Duration::from_secs(10);
const WATCH_PATIENCE: Duration = Duration::from_secs(10);
/// Missing echoes in a row after which the broker counts as deaf.
const WATCH_MISSES: u32 = 2;
/// One identifier for all echoes, which follow each other.
const ECHO_CALLER: &str = "broker";

/// A running broker. Dropping it closes its connections without waiting for that.
#[derive(Debug)]
pub struct Broker {
    engine: Engine,
}

impl Broker {
    /// Starts a broker on the address of `listener` and returns once a published message came back.
    ///
    /// `listener` reserves the port, which may have been 0; the address it got wins over
    /// `config.listen`. rumqttd can only bind by itself, so the port is free for a moment in
    /// between. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`FailureKind::Configuration`] for an address that is not loopback, [`FailureKind::Io`] when
    /// the port was taken in between, [`FailureKind::Unavailable`] when no message comes back
    /// within 10 s.
    pub async fn start(config: BrokerConfig, listener: TcpListener) -> Result<Self, Failure> {
        let address = listen::release(listener)?;
        let surely_kept_bytes = config.surely_kept_bytes();
        let mut broker = Self {
            engine: Engine::start(&config, address).await?,
        };
        tokio::select! {
            failure = broker.engine.died() => return Err(failure),
            answered = first_echo(address) => answered?,
        }
        tracing::info!(listen = %address, name = config.name, surely_kept_bytes, "broker is ready");
        Ok(broker)
    }

    /// The address that clients connect to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.engine.address()
    }

    /// Closes the listener and all connections, and returns when they are closed, within 3 s.
    ///
    /// rumqttd has no way to end its router: that thread, and the messages it still holds, stay
    /// until the process ends. They are idle and bounded by `ring_log_bytes` for each filter.
    pub async fn stop(self) {
        self.engine.stop().await;
    }

    /// Returns when the broker is of no use any more.
    async fn failed(&mut self) -> Failure {
        let address = self.addr();
        tokio::select! {
            failure = self.engine.died() => failure,
            failure = watch(address) => failure,
        }
    }
}

/// Runs a broker until `shutdown` is cancelled or it is of no use any more.
///
/// # Errors
/// Those of [`Broker::start`]; later [`FailureKind::Unavailable`] when messages stop coming back,
/// so that a supervisor starts it again.
pub async fn run(
    config: BrokerConfig,
    listener: TcpListener,
    shutdown: Shutdown,
) -> Result<(), Failure> {
    let mut broker = tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        started = Broker::start(config, listener) => started?,
    };
    let ended = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        failure = broker.failed() => Err(failure),
    };
    broker.stop().await;
    ended
}

async fn first_echo(address: SocketAddr) -> Result<(), Failure> {
    let attempts = async {
        while mqtt::echo(address, ECHO_CALLER, READY_ATTEMPT)
            .await
            .is_err()
        {
            time::sleep(READY_RETRY).await;
        }
    };
    time::timeout(READY_DEADLINE, attempts).await.map_err(|_| {
        Failure::new(
            FailureKind::Unavailable,
            format!("the broker started on {address} but no published message came back"),
            "run again with `[log] level = \"debug\"` and look at what rumqttd says",
        )
    })
}

/// Asks for an echo again and again; returns when too many in a row are missing.
async fn watch(address: SocketAddr) -> Failure {
    let mut misses = 0;
    loop {
        time::sleep(WATCH_EVERY).await;
        match mqtt::echo(address, ECHO_CALLER, WATCH_PATIENCE).await {
            Ok(_) => misses = 0,
            Err(failure) => {
                misses += 1;
                tracing::warn!(misses, "no echo: {}", failure.what);
                if misses >= WATCH_MISSES {
                    return failure;
                }
            }
        }
    }
}
