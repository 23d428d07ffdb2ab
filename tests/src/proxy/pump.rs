//! One way of one connection.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::Flow;

const CHUNK: usize = 16 << 10;
/// Chunks that were taken and not passed on yet: as much as a delayed way carries.
const QUEUE: usize = 64;
/// How often a trickling way passes something on.
const TICK: Duration = Duration::from_millis(20);

/// Bytes, and when they came.
type Chunk = (Instant, Vec<u8>);

/// What to do with bytes that are there.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Pass on so many of them, then.
    Give { at: Instant, bytes: usize },
    /// Nothing, until the flow changes.
    Wait,
    /// Close the connection.
    Close,
}

/// What `flow` asks for, when `bytes` that came at `came` are there and `given` went through since it was switched on.
fn step(flow: Flow, came: Instant, now: Instant, bytes: usize, given: u64) -> Step {
    match flow {
        Flow::Pass => Step::Give { at: now, bytes },
        Flow::Delay(delay) => {
            let at = came + delay;
            Step::Give { at, bytes }
        }
        Flow::Trickle { bytes_per_s } => Step::Give {
            at: now + TICK,
            bytes: bytes.min((bytes_per_s as usize / 50).max(1)),
        },
        Flow::Truncate { after } => match after.saturating_sub(given) {
            0 => Step::Close,
            left => Step::Give {
                at: now,
                bytes: bytes.min(left as usize),
            },
        },
        Flow::Stall => Step::Wait,
    }
}

/// Passes bytes on until the reading side ends. An error means that the connection is of no use any more.
pub(super) async fn pump(
    mut from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    (flow, passed): (watch::Receiver<Flow>, &AtomicU64),
) -> io::Result<()> {
    let (sender, queue) = mpsc::channel(QUEUE);
    let take = async move {
        loop {
            let mut chunk = vec![0; CHUNK];
            let taken = from.read(&mut chunk).await?;
            chunk.truncate(taken);
            if taken == 0 || sender.send((Instant::now(), chunk)).await.is_err() {
                return Ok::<_, io::Error>(());
            }
        }
    };
    tokio::try_join!(take, give(queue, to, flow, passed)).map(drop)
}

async fn give(
    mut queue: mpsc::Receiver<Chunk>,
    mut to: WriteHalf<'_>,
    mut flow: watch::Receiver<Flow>,
    passed: &AtomicU64,
) -> io::Result<()> {
    // Since the flow was switched.
    let mut given = 0;
    while let Some((came, chunk)) = queue.recv().await {
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            // Fails when the proxy is gone, and everything ends.
            if flow.has_changed().map_err(io::Error::other)? {
                given = 0;
            }
            let now_flows = *flow.borrow_and_update();
            match step(now_flows, came, Instant::now(), rest.len(), given) {
                Step::Close => return Err(io::ErrorKind::ConnectionAborted.into()),
                Step::Wait => {
                    flow.changed().await.map_err(io::Error::other)?;
                    given = 0;
                }
                Step::Give { at, bytes } => {
                    tokio::select! {
                        biased;
                        () = sleep_until(at) => {}
                        // Looked at again, under the new flow.
                        Ok(()) = flow.changed() => {
                            given = 0;
                            continue;
                        }
                    }
                    to.write_all(&rest[..bytes]).await?;
                    rest = &rest[bytes..];
                    given += bytes as u64;
                    passed.fetch_add(bytes as u64, Ordering::SeqCst);
                }
            }
        }
        if let Flow::Truncate { after } = *flow.borrow()
            && given >= after
        {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flow_has_its_step() {
        let now = Instant::now();
        let came = now - Duration::from_millis(10);
        let give = |at, bytes| Step::Give { at, bytes };
        let late = Duration::from_millis(200);
        let slow = Flow::Trickle { bytes_per_s: 1000 };
        let part = Flow::Truncate { after: 30 };
        let cases = [
            (Flow::Pass, 0, give(now, 100)),
            (Flow::Delay(late), 0, give(came + late, 100)),
            (slow, 0, give(now + TICK, 20)),
            (part, 0, give(now, 30)),
            (part, 25, give(now, 5)),
            (part, 30, Step::Close),
            (part, 99, Step::Close),
            (Flow::Stall, 0, Step::Wait),
        ];
        for (flow, given, expected) in cases {
            assert_eq!(step(flow, came, now, 100, given), expected, "{flow:?}");
        }
    }
}
