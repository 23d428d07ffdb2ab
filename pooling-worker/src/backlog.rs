//! Tiles that wait to be pooled: turn and turn about between cameras, first come first served within each.
//!
//! Pure: no threads and no clock. Bounded in bytes and not in tiles, because tiles of one scheme are thirty times as
//! long as those of another.

use std::collections::VecDeque;

/// What waits in one lane, by camera `C`.
#[derive(Debug)]
pub(crate) struct Backlog<C, T> {
    /// The cameras with something waiting. The one in front has the next turn.
    turns: VecDeque<Turn<C, T>>,
    /// The bytes of everything that waits.
    bytes: usize,
    /// The most bytes that may wait, unless a single tile has more.
    bound: usize,
}

#[derive(Debug)]
struct Turn<C, T> {
    camera: C,
    /// Never empty; the first to come is in front.
    waiting: VecDeque<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    bytes: usize,
    tile: T,
}

impl<C: PartialEq, T> Backlog<C, T> {
    /// An empty backlog in which tiles of `bound` bytes together may wait.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            turns: VecDeque::new(),
            bytes: 0,
            bound,
        }
    }

    /// The bytes of everything that waits.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Whether a tile of `bytes` may be pushed. Where nothing waits every tile may, or it would wait for ever.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.is_empty() || self.bytes.saturating_add(bytes) <= self.bound
    }

    /// Puts a tile behind the others of its camera. Ask [`Backlog::has_room`] before.
    pub(crate) fn push(&mut self, camera: C, bytes: usize, tile: T) {
        self.bytes = self.bytes.saturating_add(bytes);
        let tile = Waiting { bytes, tile };
        match self.turns.iter_mut().find(|turn| turn.camera == camera) {
            Some(turn) => turn.waiting.push_back(tile),
            None => self.turns.push_back(Turn {
                camera,
                waiting: VecDeque::from([tile]),
            }),
        }
    }

    /// Takes the oldest tile of the camera whose turn it is, which then comes after all others that wait.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let mut turn = self.turns.pop_front()?;
        let popped = turn.waiting.pop_front()?;
        if !turn.waiting.is_empty() {
            self.turns.push_back(turn);
        }
        self.bytes = self.bytes.saturating_sub(popped.bytes);
        Some(popped.tile)
    }
}

#[cfg(test)]
mod tests;
