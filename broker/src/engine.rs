//! rumqttd, and the front before it, in a thread with a runtime of its own: what is dropped with
//! that runtime is every connection.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rumqttd::protocol::v4::V4;
use rumqttd::{ConnectionSettings, LinkType, Router, RouterConfig, Server, ServerSettings};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time;
use tokio_util::sync::{CancellationToken, DropGuard};
use wire::failure::{Failure, FailureKind};

use crate::config::BrokerConfig;
use crate::counters::Counters;
use crate::credential::Credential;
use crate::front::{Entrance, Front};
use crate::ring_log::Parts;

/// Packets that are read from one connection at a time.
const READ_BATCH: usize = 8;
/// Packets of QoS 0 that are handed to one connection at a time.
const WRITE_BATCH: u64 = 8;
/// How long the front may take to send a client's CONNECT packet.
const CONNECT_TIMEOUT_MS: u16 = 10_000;
/// Connections beside the clients': the watchdog's echoes, also while one is being replaced.
const OWN_CONNECTIONS: usize = 4;
/// Threads that carry bytes.
const THREADS: usize = 2;
/// How often a port that somebody else was quicker to take is given up for another one.
const PORT_ATTEMPTS: usize = 20;
/// How long closing all connections may take.
const STOP_DEADLINE: Duration = Duration::from_secs(3);
/// How long passwords that are being compared may hold that up.
const THREADS_DEADLINE: Duration = Duration::from_secs(1);

/// The thread and how to end it.
#[derive(Debug)]
pub(crate) struct Engine {
    /// Where rumqttd listens, behind the front.
    address: SocketAddr,
    ended: oneshot::Receiver<Option<Failure>>,
    // Cancelled, or dropped, it ends the thread.
    stop: DropGuard,
}

impl Engine {
    /// Starts the thread and returns once rumqttd and the front accept connections.
    pub(crate) async fn start(
        config: &BrokerConfig,
        listener: TcpListener,
        entrance: Entrance,
        credential: &Credential,
        counters: Arc<Counters>,
    ) -> Result<Self, Failure> {
        let serving = Serving {
            config: config.clone(),
            listener,
            entrance,
            credential: credential.clone(),
            counters,
        };
        let token = CancellationToken::new();
        let stop = token.clone();
        let (bound_sender, bound) = oneshot::channel();
        let (ended_sender, ended) = oneshot::channel();
        let thread = thread::Builder::new().name("broker".to_owned());
        let spawned = thread.spawn(move || {
            // The receiver is gone when nobody waits for the end.
            let _ = ended_sender.send(serving.run(bound_sender, &stop));
        });
        spawned.map_err(|error| thread_failure(&error))?;
        let mut engine = Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ended,
            stop: token.drop_guard(),
        };
        match bound.await {
            Ok(address) => {
                engine.address = address;
                Ok(engine)
            }
            Err(_) => Err(engine.died().await),
        }
    }

    /// Where rumqttd listens. Nobody gets in there without the credential.
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

/// What the thread serves.
struct Serving {
    config: BrokerConfig,
    listener: TcpListener,
    entrance: Entrance,
    credential: Credential,
    counters: Arc<Counters>,
}

impl Serving {
    /// Serves until stopped (`None`) or failed. All connections are closed when this returns.
    fn run(self, bound: oneshot::Sender<SocketAddr>, stop: &CancellationToken) -> Option<Failure> {
        let threads = runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("broker")
            .enable_all()
            .build();
        let runtime = match threads {
            Ok(runtime) => runtime,
            Err(error) => return Some(thread_failure(&error)),
        };
        let ended = runtime.block_on(async {
            tokio::select! {
                () = stop.cancelled() => None,
                failure = self.serve(bound) => Some(failure),
            }
        });
        runtime.shutdown_timeout(THREADS_DEADLINE);
        ended
    }

    /// rumqttd, and once its port is open the front.
    async fn serve(self, bound: oneshot::Sender<SocketAddr>) -> Failure {
        let Self {
            config,
            listener,
            entrance,
            credential,
            counters,
        } = self;
        let (engine_sender, engine) = oneshot::channel();
        let front = async {
            let Ok(address) = engine.await else {
                return std::future::pending().await;
            };
            let front = Front::new(&config, entrance, address, credential.clone(), counters);
            // The receiver is gone when the start was given up.
            let _ = bound.send(address);
            match front.run(listener).await {
                Ok(()) => io::Error::other("the front stopped accepting connections"),
                Err(error) => error,
            }
        };
        let error = tokio::select! {
            error = rumqttd(&config, &credential, engine_sender) => error,
            error = front => error,
        };
        Failure::io("serving clients", &error, "start the broker again")
    }
}

/// Accepts connections on a free port of loopback; returns only when there is none. `bound` learns
/// the port.
async fn rumqttd(
    config: &BrokerConfig,
    credential: &Credential,
    bound: oneshot::Sender<SocketAddr>,
) -> io::Error {
    let router = Router::new(0, router_config(config)).spawn();
    let mut bound = Some(bound);
    let mut attempts = 0;
    loop {
        let address = match free_port() {
            Ok(address) => address,
            Err(error) => return error,
        };
        let settings = server_settings(config, credential, address);
        let mut server = Server::new(settings, router.clone(), V4);
        let error = {
            let mut accepting = pin!(server.start(LinkType::Remote));
            tokio::select! {
                biased;
                ended = &mut accepting => ended,
                // rumqttd binds when first polled. Still running after that, it accepts.
                () = std::future::ready(()) => {
                    if let Some(bound) = bound.take() {
                        // The receiver is gone when the start was given up.
                        let _ = bound.send(address);
                    }
                    accepting.await
                }
            }
        };
        let error = match error {
            Err(error) => io_error(&error),
            Ok(()) => io::Error::other("rumqttd stopped accepting connections"),
        };
        attempts += 1;
        let again = error.kind() == io::ErrorKind::AddrInUse && attempts < PORT_ATTEMPTS;
        if bound.is_none() || !again {
            return error;
        }
    }
}

/// A port that is free now: rumqttd binds by itself, and does not tell which port it got.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
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

fn server_settings(
    config: &BrokerConfig,
    credential: &Credential,
    listen: SocketAddr,
) -> ServerSettings {
    let credential = credential.clone();
    let mut settings = ServerSettings {
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
    };
    settings.set_auth_handler(move |_, username, password| {
        std::future::ready(credential.is(&username, &password))
    });
    settings
}

fn router_config(config: &BrokerConfig) -> RouterConfig {
    let parts = Parts::of(config);
    RouterConfig {
        max_connections: config.max_connections + OWN_CONNECTIONS,
        max_outgoing_packet_count: WRITE_BATCH,
        max_segment_size: parts.bytes,
        max_segment_count: parts.count,
        custom_segment: Some(Parts::exceptions(config)),
        ..RouterConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
    use tokio::net::TcpStream;
    use wire::mqtt::Echo;

    use super::*;
    use crate::listen::bind;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn echo(config: &BrokerConfig) -> Echo {
        Echo::new(config.max_packet_bytes).unwrap()
    }

    /// An engine that lets everybody in, and where its front is.
    async fn start(config: &BrokerConfig, credential: &Credential) -> (Engine, SocketAddr) {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let front = listener.local_addr().unwrap();
        let entrance = Entrance {
            tls: None,
            doorkeeper: None,
        };
        let engine = Engine::start(config, listener, entrance, credential, Arc::default());
        (engine.await.unwrap(), front)
    }

    /// What a client leaves on the topic of the echoes does not make the broker look deaf.
    #[tokio::test]
    async fn a_large_message_on_the_topic_of_the_echo_is_passed_over() {
        let config = BrokerConfig::default();
        let credential = Credential::new().unwrap();
        let (engine, front) = start(&config, &credential).await;
        let echo = echo(&config);
        for bytes in [11 << 10, config.max_packet_bytes - 100] {
            let mut options = MqttOptions::new("client", "127.0.0.1", front.port());
            let limit = config.max_packet_bytes;
            options.set_max_packet_size(limit, limit);
            let (client, mut eventloop) = AsyncClient::new(options, 10);
            let left = client.publish(echo.topic(), QoS::AtLeastOnce, true, vec![7; bytes]);
            left.await.unwrap();
            while !matches!(
                eventloop.poll().await.unwrap(),
                Event::Incoming(Packet::PubAck(_))
            ) {}
            let answered = echo.ask(engine.address(), Some(credential.login()), PATIENCE);
            answered.await.unwrap();
        }
        engine.stop().await;
    }

    /// Whoever finds the port behind the front is not past it.
    #[tokio::test]
    async fn rumqttd_lets_nobody_in_but_the_front() {
        let config = BrokerConfig::default();
        let credential = Credential::new().unwrap();
        let (engine, front) = start(&config, &credential).await;
        assert_ne!(engine.address(), front);
        let (username, password) = credential.login();
        let stranger = echo(&config);
        for login in [
            None,
            Some((username, "")),
            Some((username, &password[1..])),
            Some(("gate", password)),
        ] {
            let refused = stranger.ask(engine.address(), login, PATIENCE).await;
            let refused = refused.unwrap_err().what;
            assert!(!refused.contains("no answer within"), "{refused}");
        }
        let login = Some((username, password));
        let echo = echo(&config);
        echo.ask(engine.address(), login, PATIENCE).await.unwrap();
        echo.ask(front, None, PATIENCE).await.unwrap();
        let (address, behind) = (front, engine.address());
        engine.stop().await;
        assert!(TcpStream::connect(address).await.is_err());
        assert!(TcpStream::connect(behind).await.is_err());
    }
}
