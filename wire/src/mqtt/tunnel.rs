//! From rumqttc to a TLS connection, by way of a socket that only this process can reach.
//!
//! rumqttc dials by itself, either TCP or a socket in the file system. So for each connection there
//! is a folder with mode 0700 and a random name that holds such a socket; both are gone once
//! rumqttc has connected, a moment later.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time;
use tokio_rustls::client::TlsStream;

use crate::random;

/// What is carried at a time, in each direction.
const CHUNK_BYTES: usize = 64 << 10;
/// How long the broker may take to close its end once ours is closed.
const LINGER: Duration = Duration::from_secs(1);

/// A TLS connection that rumqttc may be pointed at.
#[derive(Debug)]
pub(super) struct Tunnel {
    path: String,
    task: JoinHandle<io::Result<()>>,
}

impl Tunnel {
    /// Puts `connection` behind a socket. Sending one chunk may take as long as `patience`.
    pub(super) fn open(connection: TlsStream<TcpStream>, patience: Duration) -> io::Result<Self> {
        let folder = PrivateFolder::new()?;
        let path = folder.0.join("mqtt");
        let listener = UnixListener::bind(&path)?;
        let path = path
            .into_os_string()
            .into_string()
            .map_err(|_| io::Error::other("the path of the temporary folder is not UTF-8"))?;
        let task = tokio::spawn(async move {
            let accepted = time::timeout(patience, listener.accept()).await;
            // One connection each; nobody else has to find the socket.
            drop(folder);
            drop(listener);
            let (socket, _) = accepted.map_err(|_| io::ErrorKind::TimedOut)??;
            relay(socket, connection, patience).await
        });
        Ok(Self { path, task })
    }

    /// The socket.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Why the connection ended, if it does so within `patience` and not in good order.
    pub(super) async fn error(&mut self, patience: Duration) -> Option<io::Error> {
        match time::timeout(patience, &mut self.task).await {
            Ok(Ok(Err(error))) => Some(error),
            _ => None,
        }
    }
}

/// A folder that nobody else may look into. It goes when this is dropped.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn new() -> io::Result<Self> {
        let random = random::bytes::<16>().map_err(io::Error::other)?;
        let name = format!("blindsight-{:032x}", u128::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // What stays behind is an empty folder of ours.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Carries bytes both ways until one end closes.
async fn relay(
    socket: UnixStream,
    connection: TlsStream<TcpStream>,
    patience: Duration,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = socket.into_split();
    let (mut from_broker, mut to_broker) = tokio::io::split(connection);
    tokio::select! {
        sent = carry(&mut from_client, &mut to_broker, Some(patience)) => sent?,
        // The client may take its time: it reads when it has room.
        received = carry(&mut from_broker, &mut to_client, None) => return received,
    }
    // All that the client had to say is on its way. To close with the broker's answers unread would
    // reset the connection, and the last words might be lost with it.
    close(&mut to_broker).await?;
    let mut rest = tokio::io::sink();
    let drained = tokio::io::copy(&mut from_broker, &mut rest);
    let _ = time::timeout(LINGER, drained).await;
    Ok(())
}

/// Closes our end. A broker that reads nothing must not hold this up for ever.
async fn close(to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let closed = time::timeout(LINGER, to.shutdown()).await;
    closed.map_err(|_| io::ErrorKind::TimedOut)?
}

/// Carries bytes one way until there are no more.
async fn carry(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    patience: Option<Duration>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut chunk).await?;
        let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        let write = async {
            to.write_all(bytes).await?;
            to.flush().await
        };
        match patience {
            Some(patience) => time::timeout(patience, write)
                .await
                .map_err(|_| io::ErrorKind::TimedOut)??,
            None => write.await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    /// To a peer that reads nothing: even the last words find no room.
    struct Stuck;

    impl AsyncWrite for Stuck {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_broker_that_reads_nothing_does_not_hold_up_the_end() {
        let closed = time::timeout(Duration::from_secs(60), close(&mut Stuck)).await;
        let error = closed.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
