//! From tiles to whole frames, in the order in which they were captured.
//!
//! Pure: no clock, no network, no keys. A tile is first offered by its header alone ([`Assembler::admit`]), so
//! that repeated or senseless tiles cost no decryption, and then handed in with its values
//! ([`Assembler::insert`]). Tiles may arrive in any order and any number of times.
//!
//! A whole frame is held back until every earlier frame of its session is out, or can no longer come: its header says
//! below which number the camera sends nothing any more. A later session of a camera is the end of its earlier ones.
//! Memory is bounded by the number of frames in progress. One frame too many gives up the latest, for the earlier ones
//! are waited for; its camera has no receipt for it and sends it again.
//!
//! A tile whose plaintext makes no sense still counts as arrived, and the frame still becomes whole. Otherwise
//! the receipt, which the untrusted broker sees, would say something about the plaintext.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use cipherframe::StreamSpec;
use wire::message::{FrameId, TileHeader};

use crate::sessions::{Gap, Sessions, Standing};

mod refusal;
#[cfg(test)]
mod tests;
mod whole;

pub use refusal::TileRefusal;
pub use whole::{IncompleteFrame, MapFailure, WholeFrame};

use refusal::{agree, check_index};

/// A frame that so many tiles have come after without one of its own makes room for others: a camera that still wanted
/// it would have sent it again.
const STALE_AFTER_TILES: u64 = 10_000;

/// What becomes of a tile whose header makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Its values are missing: decrypt it and hand them in.
    Wanted(Arc<StreamSpec>),
    /// Its frame is in progress and has this tile already.
    RepeatedTile,
    /// Its frame was handed out.
    FinishedFrame,
    /// Its frame was not handed out, and later ones were.
    TooLate,
}

/// What a tile was decrypted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents<'a> {
    /// One value for each window, in the order of the tile plan.
    Values(&'a [u8]),
    /// Nothing that an honest worker sends.
    Unreadable,
}

/// The outcome of handing in a tile.
#[derive(Debug, Default)]
pub struct Inserted {
    /// The frames whose turn has come, in their order.
    pub ready: Vec<WholeFrame>,
    /// Frames that can no longer become whole, or were given up to make room.
    pub given_up: Vec<IncompleteFrame>,
    /// How many tiles of its frame have arrived with this one; 0 when it was dropped.
    pub arrived: u32,
}

/// One frame in progress.
#[derive(Debug)]
struct Part {
    /// The header of its first tile, which all others must agree with.
    header: TileHeader,
    /// The highest of what its tiles say: what the camera may still send begins here.
    oldest: u64,
    spec: Arc<StreamSpec>,
    /// One flag for each tile.
    arrived: Vec<bool>,
    arrived_count: u32,
    pool_ms: u64,
    decrypt: Duration,
    bytes: u64,
    unreadable: u32,
    /// One value for each window of the map, row by row.
    values: Vec<u8>,
    /// How many tiles had come when the last one of this frame did.
    touched: u64,
}

/// Puts the tiles of many frames together.
#[derive(Debug)]
pub struct Assembler {
    /// In the order in which their first tiles arrived.
    parts: VecDeque<Part>,
    /// The most frames in progress, at least 1.
    limit: usize,
    sessions: Sessions,
    /// How many tiles have come.
    tiles: u64,
}

impl Assembler {
    /// An assembler that keeps at most `frames_in_progress` frames (at least one), and goes on after what `sessions`
    /// says is in the log.
    #[must_use]
    pub(crate) fn new(frames_in_progress: usize, sessions: Sessions) -> Self {
        let limit = frames_in_progress.max(1);
        Self {
            parts: VecDeque::new(),
            limit,
            sessions,
            tiles: 0,
        }
    }

    /// What is to be done with a tile that has this header. Changes nothing.
    ///
    /// # Errors
    /// The tile cannot be part of its frame.
    pub fn admit(&self, header: &TileHeader) -> Result<Admission, TileRefusal> {
        match self.sessions.standing(&header.frame) {
            Standing::Logged => return Ok(Admission::FinishedFrame),
            Standing::Missed => return Ok(Admission::TooLate),
            Standing::New => {}
        }
        let Some(part) = self.position(&header.frame).map(|at| &self.parts[at]) else {
            let spec = StreamSpec::from_bytes(&header.spec)?;
            let planned = spec.tile_plan().tile_count();
            if header.tiles != planned {
                return Err(TileRefusal::TileCount {
                    said: header.tiles,
                    planned,
                });
            }
            check_index(header)?;
            return Ok(Admission::Wanted(Arc::new(spec)));
        };
        agree(&part.header, header)?;
        check_index(header)?;
        if part.arrived[header.tile as usize] {
            return Ok(Admission::RepeatedTile);
        }
        Ok(Admission::Wanted(part.spec.clone()))
    }

    /// Hands in a decrypted tile. A tile that is not wanted (any more) is dropped. `pool_ms` is the worker's time
    /// for it, `decrypt` that of its decryption, `bytes` the size of its ciphertext.
    ///
    /// # Errors
    /// The tile cannot be part of its frame, or has the wrong number of values.
    pub fn insert(
        &mut self,
        header: &TileHeader,
        pool_ms: u32,
        decrypt: Duration,
        bytes: u64,
        contents: Contents<'_>,
    ) -> Result<Inserted, TileRefusal> {
        let Admission::Wanted(spec) = self.admit(header)? else {
            return Ok(Inserted::default());
        };
        let windows = spec.tile_plan().windows(header.tile).unwrap_or_default();
        if let Contents::Values(values) = contents
            && windows.len() != values.len()
        {
            return Err(TileRefusal::ValueCount {
                windows: windows.len(),
                got: values.len(),
            });
        }
        self.tiles += 1;
        let mut inserted = Inserted::default();
        let at = match self.position(&header.frame) {
            Some(at) => at,
            None => {
                let begins = self.begins(&header.frame);
                if begins {
                    self.end_earlier_sessions(header, &mut inserted);
                }
                let given_up = self.make_room(&header.frame, begins)?;
                inserted.given_up.extend(given_up);
                self.parts.push_back(Part::new(header, spec));
                self.parts.len() - 1
            }
        };
        self.parts[at].fill(header, &windows, contents);
        self.parts[at].touched = self.tiles;
        self.parts[at].pool_ms += u64::from(pool_ms);
        self.parts[at].decrypt += decrypt;
        self.parts[at].bytes += bytes;
        inserted.arrived = self.parts[at].arrived_count;
        self.release(&header.frame, &mut inserted);
        Ok(inserted)
    }

    /// Takes note of a tile that is not wanted again: it still says below which number its camera sends nothing any
    /// more.
    pub fn note_repeated(&mut self, header: &TileHeader) -> Inserted {
        self.tiles += 1;
        let mut inserted = Inserted::default();
        if let Some(at) = self.position(&header.frame) {
            self.parts[at].touched = self.tiles;
        }
        if let Some(at) = self.first(|part| part.is_of_session(&header.frame)) {
            let part = &mut self.parts[at];
            part.oldest = part.oldest.max(header.oldest);
            self.release(&header.frame, &mut inserted);
        }
        inserted
    }

    /// Hands out the frames of a session whose turn has come, and gives up those that the camera has given up.
    fn release(&mut self, of: &FrameId, inserted: &mut Inserted) {
        let settled = self.of_session(of).map(|part| part.oldest).max();
        let settled = settled.unwrap_or(0).max(self.sessions.next(of));
        while let Some(at) = self.first(|part| part.is_of_session(of)) {
            let part = &self.parts[at];
            let seq = part.header.frame.seq;
            let its_turn = seq <= settled.max(self.sessions.next(of));
            if part.is_whole() && its_turn {
                let began = part.header.session_unix_ms;
                inserted.ready.extend(self.hand_out(at));
                self.end_missed_frames(of, began, inserted);
            } else if seq < settled {
                inserted.given_up.extend(self.give_up(at));
            } else {
                return;
            }
        }
    }

    /// Whether this is the first that is seen of a session.
    fn begins(&self, frame: &FrameId) -> bool {
        !self.sessions.knows(frame) && self.of_session(frame).next().is_none()
    }

    /// A camera begins a session when the earlier ones are settled, or lost: what is whole of them is handed out.
    fn end_earlier_sessions(&mut self, new: &TileHeader, inserted: &mut Inserted) {
        let earlier = |part: &Part| {
            part.header.frame.camera == new.frame.camera
                && part.header.session_unix_ms < new.session_unix_ms
                && part.is_whole()
        };
        while let Some(at) = self.first(earlier) {
            inserted.ready.extend(self.hand_out(at));
        }
    }

    /// Gives up the frames of the camera of `of` that cannot be logged any more, because later ones are: of its session,
    /// which began at `began`, or of an earlier one.
    fn end_missed_frames(&mut self, of: &FrameId, began: u64, inserted: &mut Inserted) {
        loop {
            let missed = self.parts.iter().position(|part| {
                let TileHeader {
                    frame,
                    session_unix_ms,
                    ..
                } = &part.header;
                frame.camera == of.camera
                    && (*session_unix_ms < began || self.sessions.standing(frame) != Standing::New)
            });
            let Some(at) = missed else { return };
            inserted.given_up.extend(self.give_up(at));
        }
    }

    /// Gives up a frame if there are too many for one more of the session of `new`.
    ///
    /// Of the session with the most frames, that is the latest one: the earlier ones will be waited for. Frames of
    /// sessions that are over go first, and those of cameras that are gone.
    fn make_room(
        &mut self,
        new: &FrameId,
        begins: bool,
    ) -> Result<Option<IncompleteFrame>, TileRefusal> {
        if self.parts.len() < self.limit {
            return Ok(None);
        }
        let is_past = |part: &Part| {
            begins && part.header.frame.camera == new.camera
                || self.is_over(part)
                || self.tiles - part.touched > STALE_AFTER_TILES
        };
        if let Some(at) = self.parts.iter().position(is_past) {
            return Ok(self.give_up(at));
        }
        let size = |of: &FrameId| self.of_session(of).count();
        let frames = self.parts.iter().map(|part| &part.header.frame);
        let latest = frames.max_by_key(|frame| (size(frame), frame.seq)).cloned();
        // Sessions with as many frames would only displace each other in turn.
        let gives_way = |latest: &FrameId| {
            if same_session(latest, new) {
                latest.seq > new.seq
            } else {
                size(latest) > size(new) + 1
            }
        };
        match latest.filter(gives_way) {
            Some(latest) => Ok(self.position(&latest).and_then(|at| self.give_up(at))),
            None => Err(TileRefusal::NoRoom { limit: self.limit }),
        }
    }

    /// Whether a later session of the camera has begun.
    fn is_over(&self, part: &Part) -> bool {
        let camera = &part.header.frame.camera;
        let mut latest = self.parts.iter().rev();
        let latest = latest.find(|other| other.header.frame.camera == *camera);
        latest.is_some_and(|latest| !latest.is_of_session(&part.header.frame))
    }

    fn hand_out(&mut self, at: usize) -> Option<WholeFrame> {
        let part = self.parts.remove(at)?;
        let TileHeader {
            frame,
            session_unix_ms,
            dropped,
            ..
        } = &part.header;
        let gap = self.sessions.record(frame, *session_unix_ms, *dropped);
        Some(part.into_whole(gap))
    }

    fn give_up(&mut self, at: usize) -> Option<IncompleteFrame> {
        self.parts.remove(at).map(Part::into_incomplete)
    }

    /// Where the part with the lowest sequence number is among those that `wanted` says.
    fn first(&self, wanted: impl Fn(&Part) -> bool) -> Option<usize> {
        let parts = self.parts.iter().enumerate();
        let wanted = parts.filter(|(_, part)| wanted(part));
        wanted
            .min_by_key(|(_, part)| part.header.frame.seq)
            .map(|(at, _)| at)
    }

    fn of_session(&self, of: &FrameId) -> impl Iterator<Item = &Part> {
        let of = of.clone();
        self.parts
            .iter()
            .filter(move |part| part.is_of_session(&of))
    }

    /// How many frames are in progress.
    #[must_use]
    pub fn in_progress(&self) -> usize {
        self.parts.len()
    }

    /// Gives up every frame in progress, oldest first.
    pub fn give_up_all(&mut self) -> Vec<IncompleteFrame> {
        self.parts.drain(..).map(Part::into_incomplete).collect()
    }

    fn position(&self, frame: &FrameId) -> Option<usize> {
        self.parts
            .iter()
            .position(|part| part.header.frame == *frame)
    }
}

impl Part {
    fn new(header: &TileHeader, spec: Arc<StreamSpec>) -> Self {
        let plan = spec.tile_plan();
        let windows = plan.map_width() as usize * plan.map_height() as usize;
        let tiles = header.tiles as usize;
        Self {
            header: header.clone(),
            oldest: header.oldest,
            spec,
            arrived: vec![false; tiles],
            arrived_count: 0,
            pool_ms: 0,
            decrypt: Duration::ZERO,
            bytes: 0,
            unreadable: 0,
            values: vec![0; windows],
            touched: 0,
        }
    }

    /// A tile with this header has arrived, and is that of these windows.
    fn fill(&mut self, header: &TileHeader, windows: &[u32], contents: Contents<'_>) {
        match contents {
            Contents::Values(values) => {
                for (window, value) in windows.iter().zip(values) {
                    self.values[*window as usize] = *value;
                }
            }
            Contents::Unreadable => self.unreadable += 1,
        }
        self.arrived[header.tile as usize] = true;
        self.arrived_count += 1;
        self.oldest = self.oldest.max(header.oldest);
    }

    fn is_whole(&self) -> bool {
        self.arrived_count == self.header.tiles
    }

    fn is_of_session(&self, frame: &FrameId) -> bool {
        same_session(&self.header.frame, frame)
    }

    fn into_whole(self, gap: Gap) -> WholeFrame {
        WholeFrame {
            frame: self.header.frame,
            session_unix_ms: self.header.session_unix_ms,
            tiles: self.header.tiles,
            gap,
            spec: self.spec,
            captured_unix_ms: self.header.captured_unix_ms,
            pool_ms: self.pool_ms,
            decrypt: self.decrypt,
            bytes: self.bytes,
            unreadable: self.unreadable,
            values: self.values,
        }
    }

    fn into_incomplete(self) -> IncompleteFrame {
        let tiles = self.header.tiles;
        IncompleteFrame {
            frame: self.header.frame,
            arrived: self.arrived_count,
            tiles,
        }
    }
}

fn same_session(one: &FrameId, other: &FrameId) -> bool {
    one.camera == other.camera && one.session == other.session
}
