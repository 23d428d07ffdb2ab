//! The frames of a camera that have no receipt, with their bytes: in the spool, or in memory.
//!
//! Capturing puts frames in, sending takes them out in turn, receipts strike them off. The three go
//! on at the same time; each is woken when something has changed.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cipherframe::{KeyId, StreamSpec};
use tokio::sync::watch;
use wire::failure::Failure;
use wire::message::{FrameId, TileHeader};
use wire::trust::Trust;

use crate::blocking::blocking;
use crate::event::{CameraEvent, CameraSummary, Observer};
use crate::outbox::{FrameKey, Outbox, Settled};
use crate::receipts::Arrival;
use crate::spool::{EncryptedFrame, Found, ReadError, Spool, Usage};

/// How long to wait before a spool that cannot be read is tried again.
const READ_RETRY: Duration = Duration::from_secs(1);
/// What has come back says so more than once, and one sending answers them all.
const RECOVERY_SPACING: Duration = Duration::from_secs(1);

/// All frames without a receipt. Cloning gives another handle on the same frames.
#[derive(Clone)]
pub(crate) struct Ledger {
    state: Arc<Mutex<State>>,
    spool: Option<Arc<Mutex<Spool>>>,
    /// Asked without waiting for who reads or writes a file.
    usage: Option<Arc<Usage>>,
    changed: watch::Sender<()>,
    observer: Observer,
    /// Names the camera; session and sequence number are of no meaning.
    camera: FrameId,
    /// Knows which key sets are retired.
    trust: Trust,
}

struct State {
    outbox: Outbox,
    /// Frames that are not in the spool.
    in_memory: HashMap<FrameKey, Arc<EncryptedFrame>>,
    summary: CameraSummary,
    recovery: Recovery,
}

/// When everything on its way was last sent again, and what is to be sent again when.
#[derive(Clone, Copy, Debug, Default)]
struct Recovery {
    last: Option<Instant>,
    next: Option<NextRecovery>,
}

#[derive(Clone, Copy, Debug)]
struct NextRecovery {
    due: Instant,
    /// When the last of the things that have come back did: what is sent later reaches it.
    since: Instant,
}

/// A frame whose turn it is.
pub(crate) struct Turn {
    pub(crate) key: FrameKey,
    pub(crate) frame: Arc<EncryptedFrame>,
    /// Whether it was sent whole before.
    pub(crate) again: bool,
}

impl Ledger {
    /// A ledger over `outbox` and what was found in the spool, for the camera that `camera` names.
    pub(crate) fn new(
        mut outbox: Outbox,
        spool: Option<(Spool, Found)>,
        observer: Observer,
        camera: FrameId,
        trust: Trust,
    ) -> Ledger {
        let mut summary = CameraSummary::default();
        let usage = spool.as_ref().map(|(spool, _)| spool.usage());
        let spool = spool.map(|(spool, found)| {
            found.frames.iter().for_each(|key| outbox.accept(*key));
            summary.recovered = found.frames.len() as u64;
            summary.torn = found.torn;
            Arc::new(Mutex::new(spool))
        });
        let state = State {
            outbox,
            in_memory: HashMap::new(),
            summary,
            recovery: Recovery::default(),
        };
        Ledger {
            state: Arc::new(Mutex::new(state)),
            spool,
            usage,
            changed: watch::Sender::new(()),
            observer,
            camera,
            trust,
        }
    }

    /// Is told of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Whether a frame taken in now would be sent at once.
    pub(crate) fn has_place(&self) -> bool {
        self.state().outbox.has_place()
    }

    /// Whether there is a spool with room for a frame of at most `bytes`.
    pub(crate) fn has_spool_room(&self, bytes: u64) -> bool {
        let usage = self.usage.as_ref();
        usage.is_some_and(|usage| usage.has_room(bytes))
    }

    /// Whether every frame has its receipt or was given up.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().outbox.is_empty()
    }

    /// What was counted so far.
    pub(crate) fn summary(&self) -> CameraSummary {
        let state = self.state();
        let spooled = state.outbox.len().saturating_sub(state.in_memory.len());
        CameraSummary {
            given_up: state.summary.given_up + state.outbox.given_up() - state.outbox.late(),
            late: state.outbox.late(),
            without_receipt: state.outbox.len() as u64,
            spooled: spooled as u64,
            ..state.summary
        }
    }

    /// Changes what is counted.
    pub(crate) fn count(&self, change: impl FnOnce(&mut CameraSummary)) {
        change(&mut self.state().summary);
    }

    /// Takes a frame into the spool.
    ///
    /// # Errors
    /// When there is none, or it cannot be written: nothing has changed then.
    pub(crate) async fn accept_into_spool(
        &self,
        frame: Arc<EncryptedFrame>,
    ) -> Result<io::Result<()>, Failure> {
        let Some(spool) = self.spool.clone() else {
            return Ok(Err(io::ErrorKind::NotFound.into()));
        };
        let key = frame.key();
        let written = blocking(move || locked(&spool).write(&frame)).await?;
        if written.is_ok() {
            self.state().outbox.accept(key);
            self.changed.send_replace(());
        }
        Ok(written)
    }

    /// Keeps a frame in memory.
    pub(crate) fn accept_into_memory(&self, frame: Arc<EncryptedFrame>) {
        let key = frame.key();
        let mut state = self.state();
        state.in_memory.insert(key, frame);
        state.outbox.accept(key);
        drop(state);
        self.changed.send_replace(());
    }

    /// The frame whose turn it is to be sent, if there is one. A frame that the spool does not give
    /// back, or that is under a retired key set, is struck off and counted.
    pub(crate) async fn next_turn(&self) -> Result<Option<Turn>, Failure> {
        loop {
            let (key, sent, in_memory) = {
                let mut state = self.state();
                let Some((key, sent)) = state.outbox.take_turn(Instant::now()) else {
                    return Ok(None);
                };
                (key, sent, state.in_memory.get(&key).cloned())
            };
            let again = sent > 0;
            if let Some(frame) = in_memory {
                return Ok(Some(Turn { key, frame, again }));
            }
            let spool = self.spool.clone();
            let read = blocking(move || spool.and_then(|spool| locked(&spool).read(key))).await?;
            match read {
                Some(Ok(frame)) => match self.uselessness(&frame.header) {
                    None => {
                        let frame = Arc::new(frame);
                        return Ok(Some(Turn { key, frame, again }));
                    }
                    Some(reason) => {
                        if self.give_up(key) {
                            tracing::warn!(
                                seq = key.seq,
                                reason,
                                "a spooled frame is of no use, dropped it"
                            );
                        }
                    }
                },
                Some(Err(ReadError::Io(error))) => {
                    // It may be readable again. Meanwhile the others go on.
                    let until = Instant::now() + READ_RETRY;
                    if self.state().outbox.unreadable(key, until) {
                        tracing::warn!(session = %key.session, seq = key.seq, %error, "a spooled frame cannot be read, trying again every second");
                    }
                    // Who asks when to look again must ask once more.
                    self.changed.send_replace(());
                    continue;
                }
                Some(Err(ReadError::Torn(reason))) => {
                    tracing::warn!(session = %key.session, seq = key.seq, reason, "a spooled frame is torn, dropped it");
                    self.state().summary.torn += 1;
                }
                // Its receipt came meanwhile.
                None => {
                    let mut state = self.state();
                    if state.outbox.contains(key) {
                        state.summary.torn += 1;
                    }
                }
            }
            self.strike_off(key).await?;
        }
    }

    /// Why nobody would take a spooled frame, if that is so: it was made by another version of the
    /// scheme, or under a key set that is retired since.
    fn uselessness(&self, header: &TileHeader) -> Option<String> {
        let key_set = KeyId::from_bytes(header.key_id);
        if self.trust.current().is_retired(key_set) {
            return Some(format!("its key set {key_set} is retired"));
        }
        let own = StreamSpec::from_bytes(&header.spec).map(|spec| spec.fingerprint().0);
        (own != Ok(header.parameters))
            .then(|| "it was encrypted by another version, with other parameters".to_owned())
    }

    /// The lowest sequence number that may still be sent, for a frame that is being sent; `None`
    /// when its receipt has come meanwhile.
    pub(crate) fn oldest_beside(&self, key: FrameKey) -> Option<u64> {
        let state = self.state();
        if !state.outbox.contains(key) {
            return None;
        }
        state.outbox.oldest(key.session)
    }

    /// A frame was sent whole. `random` spreads the waits.
    pub(crate) fn sent(&self, turn: &Turn, now: Instant, random: u8) {
        let mut state = self.state();
        state.outbox.sent(turn.key, now, random);
        if turn.again {
            state.summary.sent_again += 1;
        } else {
            state.summary.frames += 1;
        }
    }

    /// A frame could not be sent whole.
    pub(crate) fn unsent(&self, key: FrameKey) {
        self.state().outbox.unsent(key);
        self.changed.send_replace(());
    }

    /// Deals with what is overdue at `now`, and says when to look again.
    pub(crate) async fn look_after(&self, now: Instant) -> Result<Option<Instant>, Failure> {
        let (expired, given_up) = {
            let mut state = self.state();
            if let Some(recovery) = state.recovery.next.take_if(|next| next.due <= now) {
                state.recovery.last = Some(now);
                let frames = state.outbox.send_all_again(recovery.since);
                if frames > 0 {
                    tracing::info!(frames, "something has come back, sending again");
                }
            }
            let expired = state.outbox.expire(now);
            let gone = |key: &FrameKey| !state.outbox.contains(*key);
            let given_up: Vec<FrameKey> = expired.iter().copied().filter(gone).collect();
            (expired, given_up)
        };
        for key in expired {
            let seq = key.seq;
            if given_up.contains(&key) {
                tracing::warn!(seq, "no receipt in time, gave the frame up");
                self.strike_off(key).await?;
                let frame = self.frame_id(key);
                (self.observer)(CameraEvent::GivenUp { frame });
            } else {
                tracing::warn!(seq, "no receipt in time, sending the frame again");
            }
        }
        let state = self.state();
        let recovery = state.recovery.next.map(|next| next.due);
        let times = [state.outbox.next_deadline(), recovery];
        Ok(times.into_iter().flatten().min())
    }

    /// A receipt, or news of something that has come back.
    pub(crate) async fn settle(&self, arrival: Arrival) -> Result<(), Failure> {
        let (key, logged, at) = match arrival {
            Arrival::Receipt { key, logged, at } => (key, logged, at),
            Arrival::Recovery { at } => {
                self.recover(at);
                return Ok(());
            }
        };
        if !logged {
            return self.refused(key).await;
        }
        let settled = self.state().outbox.receipt(key, at);
        let elapsed = match settled {
            Settled::Confirmed { elapsed } => elapsed,
            Settled::Late => None,
            // A copy of an earlier receipt.
            Settled::Unknown => return Ok(()),
        };
        self.state().summary.confirmed += 1;
        let elapsed_ms = elapsed.map(|elapsed| elapsed.as_millis());
        tracing::debug!(seq = key.seq, ?elapsed_ms, "confirmed");
        let frame = self.frame_id(key);
        (self.observer)(CameraEvent::Confirmed { frame, elapsed });
        self.strike_off(key).await
    }

    /// The viewer has later frames in its log and does not take this one any more.
    async fn refused(&self, key: FrameKey) -> Result<(), Failure> {
        if !self.give_up(key) {
            return Ok(());
        }
        tracing::warn!(
            seq = key.seq,
            "the viewer has later frames already, gave the frame up"
        );
        let frame = self.frame_id(key);
        (self.observer)(CameraEvent::GivenUp { frame });
        self.strike_off(key).await
    }

    /// Counts a frame as given up, if it still has no receipt.
    fn give_up(&self, key: FrameKey) -> bool {
        let mut state = self.state();
        let is_open = state.outbox.contains(key);
        if is_open {
            state.outbox.forget(key);
            state.summary.given_up += 1;
        }
        is_open
    }

    /// Something on the way to the viewer has come back at `now`: all frames on their way are to be
    /// sent again soon.
    pub(crate) fn recover(&self, now: Instant) {
        let mut state = self.state();
        let earliest = state.recovery.last.map(|last| last + RECOVERY_SPACING);
        state.recovery.next = Some(NextRecovery {
            due: earliest.map_or(now, |earliest| earliest.max(now)),
            since: now,
        });
        drop(state);
        self.changed.send_replace(());
    }

    /// The bytes of a frame are not needed any more.
    async fn strike_off(&self, key: FrameKey) -> Result<(), Failure> {
        let in_memory = {
            let mut state = self.state();
            state.outbox.forget(key);
            state.in_memory.remove(&key).is_some()
        };
        if let Some(spool) = self.spool.clone().filter(|_| !in_memory) {
            blocking(move || locked(&spool).remove(key)).await?;
        }
        self.changed.send_replace(());
        Ok(())
    }

    fn frame_id(&self, key: FrameKey) -> FrameId {
        FrameId {
            session: key.session,
            seq: key.seq,
            ..self.camera.clone()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

/// No code that can panic runs under these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
