//! The account of one camera.

use super::{Counts, rate};
use cipherframe::{FeatureMap, QuantisedFrame, StreamSpec, max_pool};
use std::collections::BTreeMap;
use std::time::Instant;

/// Frames whose map is waited for at the most. Those of a running stream are few; the others are lost.
const REMEMBERED: usize = 64;

/// What one camera sent and what became of it.
#[derive(Default)]
pub(super) struct Account {
    /// Frames on their way by sequence number, with what is needed to verify their maps.
    under_way: BTreeMap<u64, UnderWay>,
    frames: u64,
    maps: u64,
    mismatched_values: u64,
    pub(super) began: Option<Instant>,
    pub(super) last_map: Option<Instant>,
    pub(super) ended: bool,
}

struct UnderWay {
    quantised: Option<QuantisedFrame>,
    bytes: u64,
}

impl Account {
    /// Frame `seq` was captured and will be sent. `quantised` is kept if its map is to be verified.
    pub(super) fn captured(&mut self, seq: u64, quantised: Option<QuantisedFrame>) {
        self.began.get_or_insert_with(Instant::now);
        self.frames += 1;
        if self.under_way.len() >= REMEMBERED {
            self.under_way.pop_first();
        }
        let bytes = 0;
        self.under_way.insert(seq, UnderWay { quantised, bytes });
    }

    /// Frame `seq` was sent in so many bytes.
    pub(super) fn sent(&mut self, seq: u64, bytes: u64) {
        if let Some(frame) = self.under_way.get_mut(&seq) {
            frame.bytes = bytes;
        }
    }

    /// The map of frame `seq` is finished: the bytes that the camera sent for it, and with `verify` how many values
    /// differ from plaintext pooling.
    pub(super) fn map(
        &mut self,
        seq: u64,
        spec: &StreamSpec,
        map: &FeatureMap,
        verify: bool,
    ) -> (u64, Option<u64>) {
        let sent = self.under_way.remove(&seq);
        self.maps += 1;
        self.last_map = Some(Instant::now());
        let mismatched_values = verify.then(|| {
            // A map of a frame that was never sent is wrong in every value.
            let quantised = sent.as_ref().and_then(|sent| sent.quantised.as_ref());
            quantised.map_or(map.values().len() as u64, |frame| {
                mismatches(frame, spec, map)
            })
        });
        self.mismatched_values += mismatched_values.unwrap_or(0);
        (sent.map_or(0, |sent| sent.bytes), mismatched_values)
    }

    /// The camera has ended and sent `frames` frames whole.
    pub(super) fn end(&mut self, frames: u64) {
        self.frames = frames;
        self.ended = true;
    }

    /// Whether every sent frame has its map.
    pub(super) fn is_complete(&self) -> bool {
        self.maps >= self.frames
    }

    /// The figures. Frames still under way when the user interrupted the demo are not lost.
    pub(super) fn counts(&self, verify: bool, interrupted: bool) -> Counts {
        let missing = self.frames.saturating_sub(self.maps);
        Counts {
            frames: self.frames,
            maps: self.maps,
            mismatched_values: verify.then_some(self.mismatched_values),
            fps: rate(self.maps, self.began, self.last_map),
            lost: if interrupted { 0 } else { missing },
        }
    }
}

/// How many values of `map` differ from plaintext pooling of `frame`.
fn mismatches(frame: &QuantisedFrame, spec: &StreamSpec, map: &FeatureMap) -> u64 {
    let all = map.values().len() as u64;
    let Ok(reference) = max_pool(frame, spec.pool()) else {
        return all;
    };
    if (reference.width(), reference.height()) != (map.width(), map.height()) {
        return all;
    }
    reference
        .values()
        .iter()
        .zip(map.values())
        .filter(|(a, b)| a != b)
        .count() as u64
}
