//! The threads that pool.
//!
//! Each lane has its own, as many as cores, and the operating system shares the cores between the lanes. Where both are
//! at work, the threads of the wide lane give way: a live tile is done in milliseconds and must not wait for a frame
//! that takes minutes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use cipherframe::SchemeId;
use rayon::ThreadPoolBuilder;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::failure::{Failure, FailureKind};
use wire::message::MapTile;

use crate::intake::Job;
use crate::lane::{Lanes, Width};
use crate::pooling::{Crew, pool};
use crate::priority;
use crate::stages::{Outgoing, log_tile};
use crate::summary::Counters;

/// What every pooling thread has.
#[derive(Clone)]
pub(crate) struct Pooling {
    pub(crate) lanes: Arc<Lanes<Job>>,
    pub(crate) outgoing: mpsc::Sender<Outgoing>,
    pub(crate) counters: Arc<Counters>,
    /// No further tile is begun once this is cancelled.
    pub(crate) shutdown: CancellationToken,
    /// The tiles in work are given up once this is set.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Pooling {
    /// Starts `count` threads (0: one for each core) for each lane that a key of `schemes` needs. They end when their
    /// lane is closed or nobody takes maps any more.
    pub(crate) fn start(self, schemes: &BTreeSet<SchemeId>, count: usize) -> Result<(), Failure> {
        let count = match count {
            0 => thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let lanes: BTreeSet<Width> = schemes.iter().map(|scheme| Width::of(*scheme)).collect();
        let gives_way = lanes.len() > 1;
        for width in lanes {
            match width {
                Width::Wide => {
                    let crew = wide_crew(count, gives_way)?;
                    self.clone().spawn(width, 0, crew)?;
                }
                Width::Narrow => {
                    for index in 0..count {
                        self.clone().spawn(width, index, Crew::Alone)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn spawn(self, width: Width, index: usize, crew: Crew) -> Result<(), Failure> {
        let name = format!("{}-{index}", width.as_str());
        spawn(&name, move || self.run(width, &crew))
    }

    /// Pools one tile of a lane after the other.
    fn run(self, width: Width, crew: &Crew) {
        // However this thread ends, the intake must not wait for it.
        let _ends = ClosesLanes(&self.lanes);
        while let Some(job) = self.lanes.of(width).take() {
            if self.shutdown.is_cancelled() {
                return;
            }
            let Some(outgoing) = self.pool(job, crew) else {
                continue;
            };
            if self.outgoing.blocking_send(outgoing).is_err() {
                return;
            }
        }
    }

    /// The map of one tile; `None` when it failed or was given up.
    fn pool(&self, job: Job, crew: &Crew) -> Option<Outgoing> {
        let Job {
            tile,
            spec,
            key,
            in_hand,
        } = job;
        let header = &tile.message().tile;
        let pooled = match pool(header, tile.payload(), &spec, &key, crew, &self.stop) {
            Ok(pooled) => pooled,
            Err(failure) if failure.is_cancelled() => return None,
            Err(failure) => {
                self.counters.failed.count();
                log_tile(header, &failure, "tile failed");
                return None;
            }
        };
        self.counters.pool_ms.add(u64::from(pooled.pool_ms));
        let message = MapTile {
            tile: header.clone(),
            input_hash: tile.payload_hash(),
            pool_ms: pooled.pool_ms,
        };
        Some(Outgoing {
            message,
            payload: pooled.payload,
            _in_hand: in_hand,
        })
    }
}

/// Closes all lanes when it is dropped.
struct ClosesLanes<'a>(&'a Lanes<Job>);

impl Drop for ClosesLanes<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// `count` threads that share each tile.
fn wide_crew(count: usize, gives_way: bool) -> Result<Crew, Failure> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(count)
        .thread_name(|index| format!("wide-crew-{index}"))
        .start_handler(move |_| {
            // Without it live tiles are slower, and nothing else.
            if gives_way && let Err(error) = priority::give_way() {
                tracing::debug!(%error, "the priority of a pooling thread stays as it is");
            }
        })
        .build()
        .map_err(|error| cannot_start(&error))?;
    Ok(Crew::All(pool))
}

/// A named thread that the end of the program does not wait for.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map(drop).map_err(|error| cannot_start(&error))
}

fn cannot_start(error: &dyn std::error::Error) -> Failure {
    Failure::new(
        FailureKind::Io,
        format!("starting the pooling threads failed: {error}"),
        "lower `pool.threads`, or allow this user more threads",
    )
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn the_wide_crew_gives_way_where_there_is_another_lane() {
        let own = || getpriority_process(None).expect("a thread may ask for its own priority");
        for gives_way in [true, false] {
            let Ok(Crew::All(threads)) = wide_crew(2, gives_way) else {
                panic!("two threads");
            };
            for crew in threads.broadcast(|_| own()) {
                // A test that is run at the lowest priority has nowhere to go.
                assert_eq!(crew > own(), gives_way && own() < 19);
            }
        }
    }
}
