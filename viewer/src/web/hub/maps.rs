//! The latest maps of a camera, as many as fit.

use std::collections::VecDeque;
use std::sync::Arc;

use cipherframe::{FeatureMap, StreamSpec};
use wire::message::{FrameId, SessionId};

use crate::event::MapScore;

/// Maps that are kept of a camera, in bytes of values. A map of 48x27 windows takes 1296.
const KEPT_BYTES: usize = 8 << 20;
/// Maps that are kept of a camera, in number.
const KEPT_MAPS: usize = 20_000;

/// A map as the pages show it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) frame: FrameId,
    pub(crate) spec: StreamSpec,
    pub(crate) map: FeatureMap,
    pub(crate) score: Option<MapScore>,
    pub(crate) captured_unix_ms: u64,
    pub(crate) shown_unix_ms: u64,
    pub(crate) latency_ms: u64,
    pub(crate) pool_ms: u64,
    pub(crate) bytes: u64,
}

impl Shown {
    /// Whether it is the map of this frame.
    pub(super) fn is_of(&self, session: SessionId, seq: u64) -> bool {
        self.frame.session == session && self.frame.seq == seq
    }

    /// What it takes in memory, nearly.
    pub(super) fn size(&self) -> usize {
        self.map.values().len()
    }
}

/// The maps that are kept, the oldest first.
#[derive(Default)]
pub(super) struct LatestMaps {
    kept: VecDeque<Arc<Shown>>,
    bytes: usize,
}

impl LatestMaps {
    pub(super) fn add(&mut self, shown: Arc<Shown>) {
        self.bytes += shown.size();
        self.kept.push_back(shown);
        while self.kept.len() > 1 && (self.bytes > KEPT_BYTES || self.kept.len() > KEPT_MAPS) {
            let gone = self.kept.pop_front();
            self.bytes -= gone.map_or(0, |gone| gone.size());
        }
    }

    pub(super) fn latest(&self) -> Option<&Arc<Shown>> {
        self.kept.back()
    }

    /// The newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Shown>> {
        self.kept.iter().rev()
    }
}
