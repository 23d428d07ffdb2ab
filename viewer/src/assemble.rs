//! From tiles to whole frames.
//!
//! Pure: no clock, no network, no keys. A tile is first offered by its header alone ([`Assembler::admit`]), so
//! that repeated or senseless tiles cost no decryption, and then handed in with its values
//! ([`Assembler::insert`]). Tiles may arrive in any order and any number of times. Memory is bounded by the
//! number of frames in progress: one frame too many gives up the oldest.
//!
//! A tile whose plaintext makes no sense still counts as arrived, and the frame still becomes whole. Otherwise
//! the receipt, which the untrusted broker sees, would say something about the plaintext.

use std::collections::VecDeque;
use std::sync::Arc;

use cipherframe::StreamSpec;
use wire::message::{FrameId, TileHeader};

use crate::window::{FinishedFrames, Standing};

mod refusal;
#[cfg(test)]
mod tests;
mod whole;

pub use refusal::TileRefusal;
pub use whole::{IncompleteFrame, MapFailure, WholeFrame};

use refusal::{agree, check_index};

/// What becomes of a tile whose header makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Its values are missing: decrypt it and hand them in.
    Wanted(Arc<StreamSpec>),
    /// Its frame is in progress and has this tile already.
    RepeatedTile,
    /// Its frame is finished.
    FinishedFrame,
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
    /// The frame that this tile made whole.
    pub whole: Option<WholeFrame>,
    /// The frame that was given up to make room for this tile's frame.
    pub given_up: Option<IncompleteFrame>,
}

/// One frame in progress.
#[derive(Debug)]
struct Part {
    /// The header of its first tile, which all others must agree with.
    header: TileHeader,
    spec: Arc<StreamSpec>,
    /// One flag for each tile.
    arrived: Vec<bool>,
    arrived_count: u32,
    pool_ms: u64,
    bytes: u64,
    unreadable: u32,
    /// One value for each window of the map, row by row.
    values: Vec<u8>,
}

/// Puts the tiles of many frames together.
#[derive(Debug)]
pub struct Assembler {
    /// In the order in which their first tiles arrived.
    parts: VecDeque<Part>,
    /// The most frames in progress, at least 1.
    limit: usize,
    finished: FinishedFrames,
}

impl Assembler {
    /// An assembler that keeps at most `frames_in_progress` frames (at least one) that are not whole yet.
    #[must_use]
    pub fn new(frames_in_progress: usize) -> Self {
        let limit = frames_in_progress.max(1);
        Self {
            parts: VecDeque::new(),
            limit,
            finished: FinishedFrames::default(),
        }
    }

    /// What is to be done with a tile that has this header. Changes nothing.
    ///
    /// # Errors
    /// The tile cannot be part of its frame.
    pub fn admit(&self, header: &TileHeader) -> Result<Admission, TileRefusal> {
        match self.finished.standing(&header.frame) {
            Standing::Finished => return Ok(Admission::FinishedFrame),
            Standing::TooOld { oldest } => return Err(TileRefusal::TooOld { oldest }),
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
    /// for it, `bytes` the size of its ciphertext.
    ///
    /// # Errors
    /// The tile cannot be part of its frame, or has the wrong number of values.
    pub fn insert(
        &mut self,
        header: &TileHeader,
        pool_ms: u32,
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
        let mut given_up = None;
        let at = self.position(&header.frame).unwrap_or_else(|| {
            if self.parts.len() >= self.limit {
                given_up = self.parts.pop_front().map(Part::into_incomplete);
            }
            self.parts.push_back(Part::new(header, spec));
            self.parts.len() - 1
        });
        let part = &mut self.parts[at];
        match contents {
            Contents::Values(values) => {
                for (window, value) in windows.into_iter().zip(values) {
                    part.values[window as usize] = *value;
                }
            }
            Contents::Unreadable => part.unreadable += 1,
        }
        part.arrived[header.tile as usize] = true;
        part.arrived_count += 1;
        part.pool_ms += u64::from(pool_ms);
        part.bytes += bytes;
        let mut whole = None;
        if part.arrived_count == part.header.tiles {
            self.finished.record(&header.frame);
            whole = self.parts.remove(at).map(Part::into_whole);
        }
        Ok(Inserted { whole, given_up })
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
            spec,
            arrived: vec![false; tiles],
            arrived_count: 0,
            pool_ms: 0,
            bytes: 0,
            unreadable: 0,
            values: vec![0; windows],
        }
    }

    fn into_whole(self) -> WholeFrame {
        WholeFrame {
            frame: self.header.frame,
            spec: self.spec,
            captured_unix_ms: self.header.captured_unix_ms,
            pool_ms: self.pool_ms,
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
