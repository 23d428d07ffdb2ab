//! One connection: from its first byte to the end of its stay.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time;
use tokio_rustls::server::TlsStream;

use super::connect::{Connect, ConnectError};
use super::first_packet::{self, FirstPacketError};
use super::relay::{last_words, patience, relay};
use super::{FIRST_PACKET_PATIENCE, Front, Turned};
use crate::counters::Refusal;

/// CONNACK packets of MQTT 3.1.1 (3.2.2.3).
const BAD_VERSION: [u8; 4] = [0x20, 2, 0, 1];
const BAD_CLIENT_ID: [u8; 4] = [0x20, 2, 0, 2];
const UNAVAILABLE: [u8; 4] = [0x20, 2, 0, 3];
const NOT_AUTHORISED: [u8; 4] = [0x20, 2, 0, 5];

/// What a TLS handshake begins with, and what an MQTT client without TLS does.
const TLS_HANDSHAKE: u8 = 0x16;

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

/// Finds out who has connected. Takes no longer than the two time limits together.
pub(super) async fn admit(front: &Arc<Front>, stream: TcpStream) -> Result<Visitor, Turned> {
    // Receipts and confirmations are small and waited for.
    stream
        .set_nodelay(true)
        .map_err(|error| Turned::away(Refusal::Left, error))?;
    let Some((acceptor, limit)) = &front.entrance.tls else {
        let mut stream = stream;
        let (connect, permit) = greet(front, &mut stream).await?;
        return Ok(Visitor {
            stream: Stream::Plain(stream),
            connect,
            permit,
        });
    };
    let handshake = acceptor.accept(stream).into_fallible();
    let mut stream = match time::timeout(*limit, handshake).await {
        Ok(Ok(stream)) => Box::new(stream),
        Ok(Err((error, mut stream))) => {
            // rustls has sent the alert; a reset on top of it might keep the client from reading it.
            last_words(&mut stream, &[]).await;
            return Err(Turned::away(Refusal::Handshake, error));
        }
        Err(_) => return Err(Turned::away(Refusal::TooSlow, "the TLS handshake")),
    };
    let (connect, permit) = greet(front, &mut *stream).await?;
    Ok(Visitor {
        stream: Stream::Tls(stream),
        connect,
        permit,
    })
}

/// Reads the first packet and answers it if the answer is no.
async fn greet<S>(
    front: &Arc<Front>,
    stream: &mut S,
) -> Result<(Connect, OwnedSemaphorePermit), Turned>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let read = time::timeout(FIRST_PACKET_PATIENCE, first_packet::read(stream)).await;
    let connect = match read {
        Ok(Ok(connect)) => connect,
        Ok(Err(error)) => return Err(answer(error, stream).await),
        Err(_) => return Err(Turned::away(Refusal::TooSlow, "the first packet")),
    };
    if let Some(doorkeeper) = &front.entrance.doorkeeper
        && !doorkeeper
            .knows(connect.username(), connect.password())
            .await
    {
        // What strangers say of themselves is only ever shown escaped.
        let (user, client) = (connect.username(), connect.client_id());
        let turned = Turned::away(
            Refusal::Credentials,
            format_args!("user {user:?}, client {client:?}"),
        );
        last_words(stream, &NOT_AUTHORISED).await;
        return Err(turned);
    }
    match front.clients.clone().try_acquire_owned() {
        Ok(permit) => Ok((connect, permit)),
        Err(_) => {
            last_words(stream, &UNAVAILABLE).await;
            let client = connect.client_id();
            Err(Turned::away(
                Refusal::Full,
                format_args!("client {client:?}; raise `broker.max_connections`"),
            ))
        }
    }
}

async fn answer<S>(error: FirstPacketError, stream: &mut S) -> Turned
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reason, words) = match &error {
        FirstPacketError::Io(_) => return Turned::away(Refusal::Left, error),
        FirstPacketError::NotConnect(TLS_HANDSHAKE) => {
            let detail = "the first packet is of TLS, and `[tls]` is not configured";
            return Turned::away(Refusal::Malformed, detail);
        }
        FirstPacketError::Connect(ConnectError::Version(_)) => (Refusal::Version, &BAD_VERSION[..]),
        FirstPacketError::Connect(ConnectError::ClientId) => {
            (Refusal::Malformed, &BAD_CLIENT_ID[..])
        }
        FirstPacketError::Connect(_)
        | FirstPacketError::NotConnect(_)
        | FirstPacketError::TooLong => (Refusal::Malformed, &[][..]),
    };
    let turned = Turned::away(reason, format_args!("the first packet: {error}"));
    if !words.is_empty() {
        last_words(stream, words).await;
    }
    turned
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
