//! One connection: from its first byte to the end of its stay.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{self, Instant};
use tokio_rustls::server::TlsStream;

use super::connect::{Connect, ConnectError};
use super::first_packet::{self, FirstPacketError};
use super::relay::{last_words, patience, relay};
use super::{FIRST_PACKET_PATIENCE, Front, Place, REFUSAL_AFTER};
use crate::counters::Refusal;

/// CONNACK packets of MQTT 3.1.1 (3.2.2.3).
const BAD_VERSION: [u8; 4] = [0x20, 2, 0, 1];
const BAD_CLIENT_ID: [u8; 4] = [0x20, 2, 0, 2];
const UNAVAILABLE: [u8; 4] = [0x20, 2, 0, 3];
const NOT_AUTHORISED: [u8; 4] = [0x20, 2, 0, 5];

/// A client that may come in.
pub(super) struct Visitor {
    stream: Stream,
    connect: Connect,
    permit: OwnedSemaphorePermit,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Finds out who has connected, and says no to whoever may not come in. Takes no longer than the
/// time limits together.
pub(super) async fn admit(place: &Place<'_>, mut stream: TcpStream) -> Option<Visitor> {
    // Receipts and confirmations are small and waited for.
    if let Err(error) = stream.set_nodelay(true) {
        place.turn_away(Refusal::Left, error);
        return None;
    }
    let Some((acceptor, limit)) = &place.front.entrance.tls else {
        let (connect, permit) = greet(place, &mut stream).await?;
        return Some(Visitor {
            stream: Stream::Plain(stream),
            connect,
            permit,
        });
    };
    let handshake = acceptor.accept(stream).into_fallible();
    let mut stream = match time::timeout(*limit, handshake).await {
        Ok(Ok(stream)) => Box::new(stream),
        Ok(Err((error, mut stream))) => {
            place.turn_away(Refusal::Handshake, error);
            // rustls has sent the alert; a reset on top of it might keep the client from reading it.
            last_words(&mut stream, &[]).await;
            return None;
        }
        Err(_) => {
            place.turn_away(Refusal::TooSlow, "the TLS handshake");
            return None;
        }
    };
    let (connect, permit) = greet(place, &mut *stream).await?;
    Some(Visitor {
        stream: Stream::Tls(stream),
        connect,
        permit,
    })
}

/// Reads the first packet, and answers it if the answer is no.
async fn greet<S>(place: &Place<'_>, stream: &mut S) -> Option<(Connect, OwnedSemaphorePermit)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let front = place.front;
    let read = time::timeout(FIRST_PACKET_PATIENCE, first_packet::read(stream)).await;
    let connect = match read {
        Ok(Ok(connect)) => connect,
        Ok(Err(error)) => {
            let (reason, words) = answer(&error);
            place.turn_away(reason, format_args!("the first packet: {error}"));
            last_words(stream, words).await;
            return None;
        }
        Err(_) => {
            place.turn_away(Refusal::TooSlow, "the first packet");
            return None;
        }
    };
    // What strangers say of themselves is only ever shown escaped.
    let (user, client) = (connect.username(), connect.client_id());
    let asked = Instant::now();
    if let Some(doorkeeper) = &front.entrance.doorkeeper
        && !doorkeeper.knows(user, connect.password()).await
    {
        let detail = format!("user {user:?}, client {client:?}");
        place.turn_away(Refusal::Credentials, detail);
        time::sleep_until(asked + REFUSAL_AFTER).await;
        last_words(stream, &NOT_AUTHORISED).await;
        return None;
    }
    let Ok(permit) = front.clients.clone().try_acquire_owned() else {
        let detail = format!("client {client:?}, raise `broker.max_connections`");
        place.turn_away(Refusal::Full, detail);
        last_words(stream, &UNAVAILABLE).await;
        return None;
    };
    Some((connect, permit))
}

/// What is wrong with the first packet, and what MQTT 3.1.1 has as an answer.
fn answer(error: &FirstPacketError) -> (Refusal, &'static [u8]) {
    match error {
        FirstPacketError::Io(_) => (Refusal::Left, &[]),
        FirstPacketError::Connect(ConnectError::Version(_)) => (Refusal::Version, &BAD_VERSION),
        FirstPacketError::Connect(ConnectError::ClientId) => (Refusal::Malformed, &BAD_CLIENT_ID),
        FirstPacketError::Tls
        | FirstPacketError::Connect(_)
        | FirstPacketError::NotConnect(_)
        | FirstPacketError::TooLong => (Refusal::Malformed, &[]),
    }
}

impl Visitor {
    /// Lets the client speak to rumqttd for as long as both want.
    pub(super) async fn stay(self, front: &Front) {
        let _one = front.counters.one_client();
        let _permit = self.permit;
        let engine = match introduce(front, &self.connect).await {
            Ok(engine) => engine,
            Err(error) => {
                tracing::warn!(%error, "cannot reach the broker's own port");
                return;
            }
        };
        let patience = patience(self.connect.keep_alive_s);
        match self.stream {
            Stream::Plain(stream) => relay(stream, engine, patience, &front.counters).await,
            Stream::Tls(stream) => relay(*stream, engine, patience, &front.counters).await,
        }
    }
}

/// Connects to rumqttd in the name of the client. Its answer goes to the client.
async fn introduce(front: &Front, connect: &Connect) -> io::Result<TcpStream> {
    let mut engine = TcpStream::connect(front.engine).await?;
    engine.set_nodelay(true)?;
    let (username, password) = front.credential.login();
    engine
        .write_all(&connect.with_login(username, password))
        .await?;
    Ok(engine)
}
