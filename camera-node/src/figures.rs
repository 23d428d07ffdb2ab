//! What a camera shows of itself: metrics, and reports on its health topic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use wire::telemetry::{Family, Flow};

use crate::event::CameraSummary;
use crate::ledger::Ledger;

/// Where the figures of a camera are found. Cloning gives another handle on the same ones.
#[derive(Clone, Default)]
pub(crate) struct Figures {
    /// There is none before the camera has its keys.
    pub(crate) ledger: Arc<OnceLock<Ledger>>,
    /// Messages refused so far.
    pub(crate) refused: Arc<AtomicU64>,
}

impl Figures {
    /// What was counted so far.
    pub(crate) fn summary(&self) -> CameraSummary {
        let summary = self.ledger.get().map(Ledger::summary);
        CameraSummary {
            refused: self.refused.load(Ordering::Relaxed),
            ..summary.unwrap_or_default()
        }
    }

    /// What has flowed through: frames in, receipts back.
    pub(crate) fn flow(&self) -> Flow {
        let summary = self.summary();
        Flow {
            taken: summary.captured,
            done: summary.confirmed,
            waiting: summary.without_receipt,
            dropped: summary.dropped + summary.given_up + summary.torn,
            refused: summary.refused,
        }
    }

    /// All metrics of the camera.
    pub(crate) fn families(&self) -> Vec<Family> {
        let summary = self.summary();
        vec![
            Family::counter(
                "blindsight_camera_captured",
                "Frames taken from the source.",
                summary.captured,
            ),
            Family::counter(
                "blindsight_camera_dropped",
                "Frames captured and not sent, because no place was free.",
                summary.dropped,
            ),
            Family::counter(
                "blindsight_camera_frames",
                "Frames sent whole, counted once each.",
                summary.frames,
            ),
            Family::counter(
                "blindsight_camera_sent_again",
                "How often a frame was sent whole once more.",
                summary.sent_again,
            ),
            Family::counter(
                "blindsight_camera_tiles",
                "Tiles sent, counted each time.",
                summary.tiles,
            ),
            Family::counter(
                "blindsight_camera_sent_bytes",
                "Bytes of all envelopes sent, counted each time.",
                summary.bytes,
            ),
            Family::counter(
                "blindsight_camera_confirmed",
                "Frames whose receipt came.",
                summary.confirmed,
            ),
            Family::counter(
                "blindsight_camera_given_up",
                "Frames given up because no receipt came in time, or the viewer has later ones.",
                summary.given_up + summary.late,
            ),
            Family::counter(
                "blindsight_camera_late",
                "Of these, frames whose receipt came later all the same.",
                summary.late,
            ),
            Family::gauge(
                "blindsight_camera_without_receipt",
                "Frames that have no receipt yet.",
                summary.without_receipt,
            ),
            Family::gauge(
                "blindsight_camera_spooled",
                "Of these, frames that lie in the spool.",
                summary.spooled,
            ),
            Family::counter(
                "blindsight_camera_recovered",
                "Frames found in the spool at the start.",
                summary.recovered,
            ),
            Family::counter(
                "blindsight_camera_torn",
                "Spooled frames that could not be read again.",
                summary.torn,
            ),
            Family::counter(
                "blindsight_camera_skipped_files",
                "Files of the source that are no frames.",
                summary.skipped,
            ),
            Family::counter(
                "blindsight_camera_refused",
                "Messages that are no receipt of an enrolled viewer.",
                summary.refused,
            ),
        ]
    }
}
