//! Counts frames and maps and compares maps with plaintext pooling. Pure but for the clock that times the whole.

use camera_node::{CameraEvent, CameraSummary};
use cipherframe::{FeatureMap, QuantisedFrame, StreamSpec, max_pool};
use std::collections::BTreeMap;
use std::time::Instant;
use viewer::ViewerEvent;
use wire::message::FrameId;

/// Frames whose map is waited for at the most. Those of a running stream are few; the others are lost.
const REMEMBERED: usize = 64;

/// The account of a demo.
pub(crate) struct Tally {
    verify: bool,
    /// Frames on their way, with what is needed to verify their maps.
    under_way: BTreeMap<u64, UnderWay>,
    frames: u64,
    maps: u64,
    mismatched_values: u64,
    began: Option<Instant>,
    last_map: Option<Instant>,
}

struct UnderWay {
    quantised: Option<QuantisedFrame>,
    bytes: u64,
}

/// One finished map.
pub(crate) struct MapLine {
    /// The frame.
    pub(crate) frame: FrameId,
    /// The stream.
    pub(crate) spec: StreamSpec,
    /// The map.
    pub(crate) map: FeatureMap,
    /// From capture to map.
    pub(crate) latency_ms: u64,
    /// The worker's time.
    pub(crate) pool_ms: u64,
    /// Bytes from the camera, envelopes included.
    pub(crate) bytes_in: u64,
    /// Bytes of the map tiles' ciphertext.
    pub(crate) bytes_out: u64,
    /// Values that differ from plaintext pooling; `None` when that was not asked for.
    pub(crate) mismatched_values: Option<u64>,
}

/// The result of a demo.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Summary {
    /// Frames published.
    pub(crate) frames: u64,
    /// Maps finished.
    pub(crate) maps: u64,
    /// Values of all maps that differ from plaintext pooling; `None` when that was not asked for.
    pub(crate) mismatched_values: Option<u64>,
    /// Maps per second, from the first frame published to the last map.
    pub(crate) fps: f64,
    /// Frames that gave no map.
    pub(crate) lost: u64,
}

impl Tally {
    /// An empty account.
    pub(crate) fn new(verify: bool) -> Self {
        Self {
            verify,
            under_way: BTreeMap::new(),
            frames: 0,
            maps: 0,
            mismatched_values: 0,
            began: None,
            last_map: None,
        }
    }

    /// Something happened at the camera.
    pub(crate) fn camera(&mut self, event: &CameraEvent) {
        if let CameraEvent::Published {
            frame,
            quantised,
            bytes,
            ..
        } = event
        {
            self.began.get_or_insert_with(Instant::now);
            self.frames += 1;
            let quantised = self.verify.then(|| quantised.clone());
            if self.under_way.len() >= REMEMBERED {
                self.under_way.pop_first();
            }
            self.under_way.insert(
                frame.seq,
                UnderWay {
                    quantised,
                    bytes: *bytes,
                },
            );
        }
    }

    /// Something happened at the viewer: a line for each finished map.
    pub(crate) fn viewer(&mut self, event: ViewerEvent) -> Option<MapLine> {
        let ViewerEvent::Map {
            frame,
            spec,
            map,
            latency_ms,
            pool_ms,
            bytes,
        } = event
        else {
            return None;
        };
        let sent = self.under_way.remove(&frame.seq);
        self.maps += 1;
        self.last_map = Some(Instant::now());
        let mismatched_values = self.verify.then(|| {
            // A map of a frame that was never sent is wrong in every value.
            let quantised = sent.as_ref().and_then(|sent| sent.quantised.as_ref());
            quantised.map_or(map.values().len() as u64, |frame| {
                mismatches(frame, &spec, &map)
            })
        });
        self.mismatched_values += mismatched_values.unwrap_or(0);
        let bytes_in = sent.map_or(0, |sent| sent.bytes);
        Some(MapLine {
            frame,
            spec,
            map,
            latency_ms,
            pool_ms,
            bytes_in,
            bytes_out: bytes,
            mismatched_values,
        })
    }

    /// The camera has ended: what it counted is what was published.
    pub(crate) fn camera_ended(&mut self, summary: &CameraSummary) {
        self.frames = summary.frames;
    }

    /// Whether every published frame has its map.
    pub(crate) fn is_complete(&self) -> bool {
        self.maps >= self.frames
    }

    /// The result. Frames still under way when the user interrupted the demo are not lost.
    pub(crate) fn summary(&self, interrupted: bool) -> Summary {
        let missing = self.frames.saturating_sub(self.maps);
        let seconds = self
            .began
            .zip(self.last_map)
            .map_or(0.0, |(a, b)| (b - a).as_secs_f64());
        Summary {
            frames: self.frames,
            maps: self.maps,
            mismatched_values: self.verify.then_some(self.mismatched_values),
            fps: if seconds > 0.0 {
                self.maps as f64 / seconds
            } else {
                0.0
            },
            lost: if interrupted { 0 } else { missing },
        }
    }
}

impl Summary {
    /// What went wrong, if anything did.
    pub(crate) fn problem(&self) -> Option<String> {
        match (self.lost, self.mismatched_values.unwrap_or(0)) {
            (0, 0) => None,
            (lost, mismatched) => Some(format!(
                "{lost} of {} frames gave no map and {mismatched} values differ from plaintext pooling",
                self.frames
            )),
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

#[cfg(test)]
mod tests {
    use super::*;
    use cipherframe::{Frame, PoolSpec, Quantiser, SchemeId};
    use wire::message::SessionId;

    fn spec() -> StreamSpec {
        let pool = PoolSpec::new(2, 2, 0).unwrap();
        StreamSpec::new(
            SchemeId::Plain,
            4,
            2,
            Quantiser::from_bits(4).unwrap(),
            pool,
        )
        .unwrap()
    }

    fn frame_id(seq: u64) -> FrameId {
        FrameId {
            site: "demo".parse().unwrap(),
            camera: "gate".parse().unwrap(),
            session: SessionId::from_bytes([7; 16]),
            seq,
        }
    }

    fn published(seq: u64) -> CameraEvent {
        let frame = Frame::new(4, 2, vec![0, 16, 32, 48, 64, 80, 96, 112]).unwrap();
        let quantised = spec().quantiser().quantise(&frame);
        CameraEvent::Published {
            frame: frame_id(seq),
            spec: spec(),
            quantised,
            bytes: 9,
        }
    }

    fn map(seq: u64, values: [u8; 2]) -> ViewerEvent {
        let map = FeatureMap::new(2, 1, 15, values.to_vec()).unwrap();
        let (latency_ms, pool_ms, bytes) = (3, 2, 1);
        ViewerEvent::Map {
            frame: frame_id(seq),
            spec: spec(),
            map,
            latency_ms,
            pool_ms,
            bytes,
        }
    }

    #[test]
    fn equal_maps_match_and_each_wrong_value_counts() {
        let mut tally = Tally::new(true);
        tally.camera(&published(0));
        tally.camera(&published(1));
        assert_eq!(
            tally.viewer(map(0, [5, 7])).unwrap().mismatched_values,
            Some(0)
        );
        assert_eq!(
            tally.viewer(map(1, [5, 6])).unwrap().mismatched_values,
            Some(1)
        );
        let summary = tally.summary(false);
        assert_eq!((summary.lost, summary.mismatched_values), (0, Some(1)));
        assert!(summary.problem().unwrap().contains("1 values differ"));
    }

    #[test]
    fn a_frame_without_a_map_is_lost_unless_the_user_interrupted() {
        let mut tally = Tally::new(false);
        tally.camera(&published(0));
        assert!(!tally.is_complete());
        assert_eq!(tally.summary(false).lost, 1);
        assert_eq!(tally.summary(true).problem(), None);
        assert_eq!(
            tally.viewer(map(0, [0, 0])).unwrap().mismatched_values,
            None
        );
        assert!(tally.is_complete());
    }

    #[test]
    fn a_map_of_no_frame_is_wrong_in_every_value() {
        let mut tally = Tally::new(true);
        assert_eq!(
            tally.viewer(map(0, [5, 7])).unwrap().mismatched_values,
            Some(2)
        );
    }
}
