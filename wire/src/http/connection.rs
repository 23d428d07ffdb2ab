//! Connections that nobody can keep open: each has a deadline and a number of bytes that it may send.

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
use tokio::time::{self, Sleep};

/// What the connections of a server may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at once. More wait until one has ended.
    pub connections: usize,
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
}

impl LimitedListener {
    /// Accepts from `listener`.
    #[must_use]
    pub fn new(listener: TcpListener, limits: ConnectionLimits) -> Self {
        Self {
            listener,
            limits,
            places: Arc::new(Semaphore::new(limits.connections)),
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
                    return (LimitedStream::new(stream, self.limits, place), peer);
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

/// A connection with a deadline and a limit on what it reads.
#[derive(Debug)]
pub struct LimitedStream<S> {
    stream: S,
    deadline: Pin<Box<Sleep>>,
    left: usize,
    _place: Option<OwnedSemaphorePermit>,
}

impl<S> LimitedStream<S> {
    fn new(stream: S, limits: ConnectionLimits, place: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            stream,
            deadline: Box::pin(time::sleep(limits.lifetime)),
            left: limits.request_bytes,
            _place: place,
        }
    }

    /// Fails once the time is over, and wakes the task then.
    fn check_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
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
        self.check_time(context)?;
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
        self.check_time(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_time(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_time(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits {
        connections: 1,
        lifetime: Duration::from_secs(10),
        request_bytes: 16 << 10,
    };

    #[tokio::test]
    async fn a_connection_ends_at_its_deadline() {
        let (_client, server) = duplex(64);
        let lifetime = Duration::from_millis(50);
        let mut server = LimitedStream::new(server, ConnectionLimits { lifetime, ..LIMITS }, None);
        let began = time::Instant::now();
        let error = server.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= lifetime);
        let error = server.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_endless_request_is_cut_off() {
        let (mut client, server) = duplex(1024);
        let mut server = LimitedStream::new(server, LIMITS, None);
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
}
