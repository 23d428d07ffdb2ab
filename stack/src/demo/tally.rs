//! Counts frames and maps of every camera and compares maps with plaintext pooling. Pure but for the clock that times
//! the whole.

mod account;
#[cfg(test)]
mod tests;

use account::Account;
use camera_node::{CameraEvent, CameraSummary};
use cipherframe::{FeatureMap, StreamSpec};
use std::collections::BTreeMap;
use std::time::Instant;
use viewer::ViewerEvent;
use wire::message::FrameId;
use wire::name::Name;

/// The account of a demo. Sequence numbers count each camera's own frames, so each camera has an account of its own.
pub(crate) struct Tally {
    verify: bool,
    cameras: BTreeMap<Name, Account>,
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

/// Figures of one camera, or of all of them together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Counts {
    /// Frames sent.
    pub(crate) frames: u64,
    /// Maps finished.
    pub(crate) maps: u64,
    /// Values of all maps that differ from plaintext pooling; `None` when that was not asked for.
    pub(crate) mismatched_values: Option<u64>,
    /// Maps per second, from the first frame captured to the last map.
    pub(crate) fps: f64,
    /// Frames that gave no map.
    pub(crate) lost: u64,
}

/// The result of a demo.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Summary {
    /// All cameras together.
    pub(crate) total: Counts,
    /// Each camera.
    pub(crate) cameras: BTreeMap<Name, Counts>,
}

impl Tally {
    /// An empty account for each camera.
    pub(crate) fn new(verify: bool, cameras: impl IntoIterator<Item = Name>) -> Self {
        let accounts = cameras.into_iter().map(|name| (name, Account::default()));
        Self {
            verify,
            cameras: accounts.collect(),
        }
    }

    /// Something happened at a camera.
    pub(crate) fn camera(&mut self, event: &CameraEvent) {
        match event {
            CameraEvent::Captured {
                frame, quantised, ..
            } => {
                let quantised = self.verify.then(|| quantised.clone());
                self.account(&frame.camera).captured(frame.seq, quantised);
            }
            CameraEvent::Sent { frame, bytes } => {
                self.account(&frame.camera).sent(frame.seq, *bytes);
            }
            _ => {}
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
            ..
        } = event
        else {
            return None;
        };
        let verify = self.verify;
        let account = self.account(&frame.camera);
        let (bytes_in, mismatched_values) = account.map(frame.seq, &spec, &map, verify);
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

    /// A camera has ended: what it counted is what was sent.
    pub(crate) fn camera_ended(&mut self, camera: &Name, summary: &CameraSummary) {
        self.account(camera).end(summary.frames);
    }

    fn account(&mut self, camera: &Name) -> &mut Account {
        self.cameras.entry(camera.clone()).or_default()
    }

    /// Whether every camera has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.cameras.values().all(|account| account.ended)
    }

    /// Whether every frame of every camera has its map.
    pub(crate) fn is_complete(&self) -> bool {
        self.cameras.values().all(Account::is_complete)
    }

    /// The result. Frames still under way when the user interrupted the demo are not lost.
    pub(crate) fn summary(&self, interrupted: bool) -> Summary {
        let counts = |(name, account): (&Name, &Account)| {
            (name.clone(), account.counts(self.verify, interrupted))
        };
        let cameras: BTreeMap<Name, Counts> = self.cameras.iter().map(counts).collect();
        let sum = |of: fn(&Counts) -> u64| cameras.values().map(of).sum::<u64>();
        let maps = sum(|counts| counts.maps);
        let mismatched_values = sum(|counts| counts.mismatched_values.unwrap_or(0));
        let accounts = || self.cameras.values();
        let began = accounts().filter_map(|account| account.began).min();
        let last_map = accounts().filter_map(|account| account.last_map).max();
        let total = Counts {
            frames: sum(|counts| counts.frames),
            maps,
            mismatched_values: self.verify.then_some(mismatched_values),
            fps: rate(maps, began, last_map),
            lost: sum(|counts| counts.lost),
        };
        Summary { total, cameras }
    }
}

impl Summary {
    /// What went wrong, if anything did.
    pub(crate) fn problem(&self) -> Option<String> {
        let Counts { frames, lost, .. } = self.total;
        match (lost, self.total.mismatched_values.unwrap_or(0)) {
            (0, 0) => None,
            (lost, mismatched) => Some(format!(
                "{lost} of {frames} frames gave no map and {mismatched} values differ from plaintext pooling"
            )),
        }
    }
}

/// Maps per second; 0 where nothing was measured.
fn rate(maps: u64, began: Option<Instant>, last_map: Option<Instant>) -> f64 {
    let seconds = began
        .zip(last_map)
        .map_or(0.0, |(a, b)| b.saturating_duration_since(a).as_secs_f64());
    if seconds > 0.0 {
        maps as f64 / seconds
    } else {
        0.0
    }
}
