//! What clients really connect to: TLS, who they are, and how many; behind it rumqttd on a port of
//! loopback that lets nobody in but this front.
//!
//! rumqttd alone lets a silent client hold up others, takes whatever comes as a first packet, and
//! keeps no list of users. So the front reads the first packet by itself, and rumqttd sees a client
//! only once it is known, by a CONNECT packet that was written anew.

mod connect;
mod first_packet;
mod relay;
mod seldom;
mod visitor;
mod waiting;

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time;
use tokio_rustls::TlsAcceptor;

use crate::config::BrokerConfig;
use crate::counters::{Counters, One, Refusal};
use crate::credential::Credential;
use crate::users::Doorkeeper;
use seldom::Seldom;
use waiting::Waiting;

/// Connections that may be silent at once. A client needs its place for a few round trips.
const WAITING_PLACES: usize = 32;
/// How long the first packet may take.
const FIRST_PACKET_PATIENCE: Duration = Duration::from_secs(10);
/// When a wrong password is answered, counted from the first packet: who guesses must not do so
/// faster, nor learn from the time what was compared. Meanwhile a guess takes one of the places.
const REFUSAL_AFTER: Duration = Duration::from_secs(1);
/// How long to wait when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How clients get in.
pub(crate) struct Entrance {
    /// TLS and how long its handshake may take; without it, plain TCP.
    pub(crate) tls: Option<(TlsAcceptor, Duration)>,
    /// Who knows the users; without it, anybody is let in.
    pub(crate) doorkeeper: Option<Doorkeeper>,
}

/// What rumqttd would see of a connection that begins with `bytes`; `None` if the front does not take it. For fuzzing.
pub async fn rewritten_first_packet(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let packet = first_packet::read(&mut bytes).await.ok()?;
    Some(packet.with_login("user", "password"))
}

/// The front of one broker.
pub(crate) struct Front {
    entrance: Entrance,
    engine: SocketAddr,
    credential: Credential,
    counters: Arc<Counters>,
    waiting: Mutex<Waiting>,
    /// One permit for each client that may be connected.
    clients: Arc<Semaphore>,
    seldom: Seldom,
}

impl Front {
    pub(crate) fn new(
        config: &BrokerConfig,
        entrance: Entrance,
        engine: SocketAddr,
        credential: Credential,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            entrance,
            engine,
            credential,
            counters,
            waiting: Mutex::new(Waiting::new(WAITING_PLACES)),
            clients: Arc::new(Semaphore::new(config.max_connections)),
            seldom: Seldom::default(),
        }
    }

    /// Accepts connections until dropped.
    pub(crate) async fn run(self, listener: std::net::TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let front = Arc::new(self);
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => front.clone().welcome(stream, peer),
                Err(error) => {
                    // Out of file descriptors, or the connection went away again.
                    if let Some(more) = front.seldom.accept_error() {
                        tracing::warn!(%error, more, "cannot accept a connection");
                    }
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn welcome(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        self.counters.count_connection();
        let (number, displaced) = self.waiting_room().enter(peer.ip());
        tokio::spawn(async move {
            let admitted = {
                let place = Place {
                    front: &self,
                    number,
                    peer,
                    turned_away: AtomicBool::new(false),
                    _one: self.counters.one_waiting(),
                };
                tokio::select! {
                    biased;
                    () = displaced.cancelled() => {
                        place.turn_away(Refusal::Displaced, "");
                        None
                    }
                    admitted = visitor::admit(&place, stream) => admitted,
                }
            };
            if let Some(visitor) = admitted {
                visitor.stay(&self).await;
            }
        });
    }

    fn waiting_room(&self) -> std::sync::MutexGuard<'_, Waiting> {
        // Nothing in there can be half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those that wait, given back when dropped.
struct Place<'f> {
    front: &'f Front,
    number: u64,
    peer: SocketAddr,
    turned_away: AtomicBool,
    _one: One<'f>,
}

impl Place<'_> {
    /// Counts that the client is not let in, and says so in the log; the first reason counts.
    fn turn_away(&self, reason: Refusal, detail: impl Display) {
        if self.turned_away.swap(true, Ordering::Relaxed) {
            return;
        }
        self.front.counters.count_refused(reason);
        let (peer, label) = (self.peer, reason.label());
        match self.front.seldom.refusal(reason) {
            Some(more) if reason != Refusal::Left => {
                tracing::warn!(%peer, reason = label, %detail, more, "turned a client away");
            }
            _ => tracing::debug!(%peer, reason = label, %detail, "turned a client away"),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.front.waiting_room().leave(self.number);
    }
}
