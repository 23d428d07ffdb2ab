//! Bytes both ways between a client and rumqttd, with bounded memory and an end.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time;

use crate::counters::Counters;

/// What is carried at a time, in each direction.
const CHUNK_BYTES: usize = 64 << 10;
/// How long the other end may take to close once this one has.
const LINGER: Duration = Duration::from_secs(2);
/// What a client may be late with its ping, besides the half of its keep-alive that MQTT grants.
const GRACE: Duration = Duration::from_secs(5);

/// How long a client may be silent.
pub(super) fn patience(keep_alive_s: u16) -> Duration {
    Duration::from_millis(1500 * u64::from(keep_alive_s)) + GRACE
}

/// Carries bytes until one end closes, or until the client has been silent for `patience`.
///
/// A client that does not read stops what flows to it and nothing else; it has to go on pinging.
/// rumqttd watches over that too, but its end of the connection is not seen here while a chunk
/// waits to be taken.
pub(super) async fn relay<S>(client: S, engine: TcpStream, patience: Duration, counters: &Counters)
where
    S: AsyncRead + AsyncWrite,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_engine, mut to_engine) = engine.into_split();
    let client_left = tokio::select! {
        _ = inward(&mut from_client, &mut to_engine, patience, counters) => true,
        _ = outward(&mut from_engine, &mut to_client, counters) => false,
    };
    if client_left {
        // Its last messages are on their way. To close with rumqttd's answers unread would reset
        // that connection, and they might be lost with it.
        let _ = to_engine.shutdown().await;
        drain(&mut from_engine).await;
    } else {
        let _ = time::timeout(LINGER, to_client.shutdown()).await;
        drain(&mut from_client).await;
    }
}

async fn inward<S: AsyncRead + AsyncWrite>(
    from: &mut ReadHalf<S>,
    to: &mut OwnedWriteHalf,
    patience: Duration,
    counters: &Counters,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = time::timeout(patience, from.read(&mut chunk)).await;
        let length = read.map_err(|_| io::ErrorKind::TimedOut)??;
        if length == 0 {
            return Ok(());
        }
        counters.count_in(length);
        to.write_all(&chunk[..length]).await?;
    }
}

async fn outward<S: AsyncRead + AsyncWrite>(
    from: &mut OwnedReadHalf,
    to: &mut WriteHalf<S>,
    counters: &Counters,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        counters.count_out(length);
        to.write_all(&chunk[..length]).await?;
        to.flush().await?;
    }
}

/// Sends `bytes` as the last there are, and waits a moment until the other end has closed too.
pub(super) async fn last_words(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), bytes: &[u8]) {
    let say = async {
        stream.write_all(bytes).await?;
        stream.shutdown().await
    };
    if matches!(time::timeout(LINGER, say).await, Ok(Ok(()))) {
        drain(stream).await;
    }
}

/// Reads what still comes, and throws it away.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) {
    let mut nowhere = tokio::io::sink();
    let _ = time::timeout(LINGER, tokio::io::copy(stream, &mut nowhere)).await;
}
