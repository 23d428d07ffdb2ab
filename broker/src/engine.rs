//! rumqttd in a thread with a runtime of its own: what is dropped with that runtime is every
//! connection.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant};

use rumqttd::protocol::v4::V4;
use rumqttd::{ConnectionSettings, LinkType, Router, RouterConfig, Server, ServerSettings};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time;
use tokio_util::sync::{CancellationToken, DropGuard};
use wire::failure::{Failure, FailureKind};

use crate::config::BrokerConfig;
use crate::listen::bind_failure;
use crate::ring_log::Parts;

/// Packets that are read from one connection at a time.
const READ_BATCH: usize = 8;
/// Packets of QoS 0 that are handed to one connection at a time.
const WRITE_BATCH: u64 = 8;
/// How long a client may take to send its CONNECT packet.
const CONNECT_TIMEOUT_MS: u16 = 10_000;
/// How long binding a port that was just given back is tried.
const BIND_DEADLINE: Duration = Duration::from_secs(1);
const BIND_RETRY: Duration = Duration::from_millis(20);
/// How long closing all connections may take.
const STOP_DEADLINE: Duration = Duration::from_secs(3);

/// The thread and how to end it.
#[derive(Debug)]
pub(crate) struct Engine {
    address: SocketAddr,
    ended: oneshot::Receiver<Option<Failure>>,
    // Cancelled, or dropped, it ends the thread.
    stop: DropGuard,
}

impl Engine {
    /// Starts the thread and returns once the port is bound.
    pub(crate) async fn start(config: &BrokerConfig, address: SocketAddr) -> Result<Self, Failure> {
        let settings = server_settings(config, address);
        let router = router_config(config);
        let token = CancellationToken::new();
        let stop = token.clone();
        let (bound_sender, bound) = oneshot::channel();
        let (ended_sender, ended) = oneshot::channel();
        let thread = thread::Builder::new().name("broker".to_owned());
        let spawned = thread.spawn(move || {
            // The receiver is gone when nobody waits for the end.
            let _ = ended_sender.send(serve(router, settings, bound_sender, &stop));
        });
        spawned.map_err(|error| thread_failure(&error))?;
        let mut engine = Self {
            address,
            ended,
            stop: token.drop_guard(),
        };
        match bound.await {
            Ok(()) => Ok(engine),
            Err(_) => Err(engine.died().await),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when the thread has ended though nobody asked for it.
    pub(crate) async fn died(&mut self) -> Failure {
        match (&mut self.ended).await {
            Ok(Some(failure)) => failure,
            Ok(None) | Err(_) => Failure::new(
                FailureKind::Bug,
                "the broker's thread ended",
                "start the broker again and report this with its log",
            ),
        }
    }

    /// Ends the thread and waits until its connections are closed.
    pub(crate) async fn stop(self) {
        self.stop.disarm().cancel();
        if time::timeout(STOP_DEADLINE, self.ended).await.is_err() {
            tracing::warn!("the broker's connections did not close in time");
        }
    }
}

/// Serves until stopped (`None`) or failed. All connections are closed when this returns.
fn serve(
    router: RouterConfig,
    settings: ServerSettings,
    bound: oneshot::Sender<()>,
    stop: &CancellationToken,
) -> Option<Failure> {
    let address = settings.listen;
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Some(thread_failure(&error)),
    };
    let mut server = Server::new(settings, Router::new(0, router).spawn(), V4);
    runtime.block_on(async {
        tokio::select! {
            () = stop.cancelled() => None,
            error = listen(&mut server, bound) => Some(bind_failure(address, &error)),
        }
    })
}

/// Accepts connections; returns only when the port cannot be bound. `bound` learns when it is.
async fn listen(server: &mut Server<V4>, bound: oneshot::Sender<()>) -> io::Error {
    let started = Instant::now();
    let mut bound = Some(bound);
    loop {
        let error = {
            let mut accepting = pin!(server.start(LinkType::Remote));
            tokio::select! {
                biased;
                ended = &mut accepting => ended,
                // rumqttd binds when first polled. Still running after that, it accepts.
                () = std::future::ready(()) => {
                    if let Some(bound) = bound.take() {
                        // The receiver is gone when the start was given up.
                        let _ = bound.send(());
                    }
                    accepting.await
                }
            }
        };
        let error = match error {
            Err(error) => io_error(&error),
            Ok(()) => io::Error::other("rumqttd stopped accepting connections"),
        };
        let in_use = error.kind() == io::ErrorKind::AddrInUse;
        if !in_use || started.elapsed() > BIND_DEADLINE {
            return error;
        }
        time::sleep(BIND_RETRY).await;
    }
}

/// The I/O error inside an error of rumqttd, whose type has no public name.
fn io_error(error: &(dyn Error + 'static)) -> io::Error {
    match error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
    {
        Some(source) => io::Error::new(source.kind(), source.to_string()),
        None => io::Error::other(error.to_string()),
    }
}

fn thread_failure(error: &io::Error) -> Failure {
    Failure::io(
        "starting the broker's thread",
        error,
        "close other programs and try again",
    )
}

fn server_settings(config: &BrokerConfig, listen: SocketAddr) -> ServerSettings {
    ServerSettings {
        name: config.name.clone(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: CONNECT_TIMEOUT_MS,
            max_payload_size: config.max_packet_bytes,
            max_inflight_count: READ_BATCH,
            auth: None,
            external_auth: None,
            dynamic_filters: false,
        },
    }
}

fn router_config(config: &BrokerConfig) -> RouterConfig {
    let parts = Parts::of(config);
    RouterConfig {
        max_connections: config.max_connections,
        max_outgoing_packet_count: WRITE_BATCH,
        max_segment_size: parts.bytes,
        max_segment_count: parts.count,
        ..RouterConfig::default()
    }
}
