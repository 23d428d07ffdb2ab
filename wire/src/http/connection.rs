//! Connections that nobody can keep open: each has deadlines and a number of bytes that it may send.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{self, Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::peers::{PeerPlace, Peers};

/// What the connections of a server may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at once. More wait until one has ended.
    pub connections: usize,
    /// Connections of one IPv4 address or one IPv6 network (/64) at once. More are closed.
    pub per_peer: usize,
    /// How long it may take until the first byte of an answer: a peer that never finishes its request does not keep the
    /// place of another for long.
    pub first_answer: Duration,
    /// How long a connection may last, whatever happens on it.
    pub lifetime: Duration,
    /// The bytes of all requests of a connection.
    pub request_bytes: usize,
}

/// How long accepting rests after a failure, such as too many open files.
const REST: Duration = Duration::from_millis(500);

/// Accepts connections with limits.
#[derive(Debug)]
pub struct LimitedListener {
    listener: TcpListener,
    limits: ConnectionLimits,
    places: Arc<Semaphore>,
    peers: Arc<Peers>,
    closed: CancellationToken,
}

impl LimitedListener {
    /// Accepts from `listener`. What was accepted ends, whatever happens on it, once `closed` is cancelled.
    #[must_use]
    pub fn new(listener: TcpListener, limits: ConnectionLimits, closed: CancellationToken) -> Self {
        Self {
            listener,
            limits,
            places: Arc::new(Semaphore::new(limits.connections)),
            peers: Arc::default(),
            closed,
        }
    }
}

impl Listener for LimitedListener {
    type Io = LimitedStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // The semaphore is never closed; without a place there would be no limit, and that is all.
        let place = self.places.clone().acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let Some(of_peer) = self.peers.enter(peer.ip(), self.limits.per_peer) else {
                        tracing::debug!(%peer, "a connection was closed: this peer has too many");
                        continue;
                    };
                    let places = Places {
                        _of_all: place,
                        _of_peer: Some(of_peer),
                    };
                    let closed = self.closed.clone();
                    return (
                        LimitedStream::new(stream, self.limits, places, closed),
                        peer,
                    );
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    time::sleep(REST).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a connection takes up, until it is dropped.
#[derive(Debug, Default)]
struct Places {
    _of_all: Option<OwnedSemaphorePermit>,
    _of_peer: Option<PeerPlace>,
}

/// A connection with deadlines and a limit on what it reads.
#[derive(Debug)]
pub struct LimitedStream<S> {
    stream: S,
    /// That of the first answer, then the end of the lifetime.
    deadline: Pin<Box<Sleep>>,
    ends: Instant,
    answered: bool,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    left: usize,
    _places: Places,
}

impl<S> LimitedStream<S> {
    fn new(stream: S, limits: ConnectionLimits, places: Places, closed: CancellationToken) -> Self {
        let ends = Instant::now() + limits.lifetime;
        let first_answer = limits.first_answer.min(limits.lifetime);
        Self {
            stream,
            deadline: Box::pin(time::sleep(first_answer)),
            ends,
            answered: false,
            closed: Box::pin(closed.cancelled_owned()),
            left: limits.request_bytes,
            _places: places,
        }
    }

    /// Fails once the time is over or the server has ended, and wakes the task then.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.closed.as_mut().poll(context).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LimitedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        if self.left == 0 {
            let too_long = "the requests are too long";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, too_long)));
        }
        let before = buffer.filled().len();
        // What is read beyond the limit is the last that is read.
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let count = buffer.filled().len().saturating_sub(before);
        self.left = self.left.saturating_sub(count);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LimitedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if !self.answered && matches!(written, Poll::Ready(Ok(_))) {
            self.answered = true;
            let ends = self.ends;
            self.deadline.as_mut().reset(ends);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits {
        connections: 2,
        per_peer: 1,
        first_answer: Duration::from_secs(5),
        lifetime: Duration::from_secs(10),
        request_bytes: 16 << 10,
    };

    fn connection(limits: ConnectionLimits) -> (DuplexStream, LimitedStream<DuplexStream>) {
        let (client, server) = duplex(1024);
        let closed = CancellationToken::new();
        let server = LimitedStream::new(server, limits, Places::default(), closed);
        (client, server)
    }

    #[tokio::test]
    async fn a_connection_without_an_answer_ends_at_the_first_deadline() {
        let first_answer = Duration::from_millis(50);
        let lifetime = Duration::from_secs(3600);
        let (_client, mut server) = connection(ConnectionLimits {
            first_answer,
            lifetime,
            ..LIMITS
        });
        let began = Instant::now();
        let error = server.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= first_answer);
        let error = server.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_answered_one_ends_with_its_lifetime() {
        let first_answer = Duration::from_millis(50);
        let lifetime = 3 * first_answer;
        let (_client, mut server) = connection(ConnectionLimits {
            first_answer,
            lifetime,
            ..LIMITS
        });
        let began = Instant::now();
        server.write_all(b"x").await.unwrap();
        let error = server.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= lifetime);
    }

    #[tokio::test]
    async fn an_endless_request_is_cut_off() {
        let (mut client, mut server) = connection(LIMITS);
        let endless =
            tokio::spawn(async move { while client.write_all(&[b'a'; 512]).await.is_ok() {} });
        let mut read = Vec::new();
        let error = server.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(
            (LIMITS.request_bytes..2 * LIMITS.request_bytes).contains(&read.len()),
            "{}",
            read.len()
        );
        drop(server);
        endless.await.unwrap();
    }

    #[tokio::test]
    async fn one_peer_does_not_take_all_places_and_all_end_with_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let closed = CancellationToken::new();
        let mut listener = LimitedListener::new(listener, LIMITS, closed.clone());
        let _first = TcpStream::connect(address).await.unwrap();
        let (mut served, _) = listener.accept().await;
        let mut second = TcpStream::connect(address).await.unwrap();
        let next = tokio::spawn(async move { listener.accept().await });
        assert_eq!(second.read(&mut [0]).await.unwrap(), 0, "it is closed");

        let waits = tokio::spawn(async move { served.read_u8().await });
        closed.cancel();
        let error = waits.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        // The place of the first one is free again.
        let _third = TcpStream::connect(address).await.unwrap();
        next.await.unwrap();
    }
}
