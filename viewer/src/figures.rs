//! What a viewer shows of itself: metrics, and reports on its health topic.
//!
//! Counts only. The health topic is read by the untrusted side, so it knows nothing that only decryption can tell:
//! unreadable frames are not in it, and a frame is done when its receipt is out.

use wire::telemetry::{Family, Flow};

use crate::event::ViewerSummary;

/// The figures after each message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) summary: ViewerSummary,
    pub(crate) in_progress: u64,
}

impl Figures {
    /// What has flowed through: map tiles in, receipts out.
    pub(crate) fn flow(&self) -> Flow {
        let summary = &self.summary;
        Flow {
            taken: summary.tiles,
            done: summary.receipts,
            waiting: self.in_progress,
            // What was given up here and never came again is missing before the next frame.
            dropped: summary.missing,
            refused: summary.refused,
        }
    }

    /// All metrics of the viewer.
    pub(crate) fn families(&self) -> Vec<Family> {
        let summary = &self.summary;
        vec![
            Family::counter(
                "blindsight_viewer_tiles",
                "Map tiles that became part of a frame.",
                summary.tiles,
            ),
            Family::counter("blindsight_viewer_maps", "Maps finished.", summary.maps),
            Family::counter(
                "blindsight_viewer_receipts",
                "Receipts sent.",
                summary.receipts,
            ),
            Family::gauge(
                "blindsight_viewer_frames_in_progress",
                "Frames of which some tiles have arrived, or whose turn has not come.",
                self.in_progress,
            ),
            Family::counter(
                "blindsight_viewer_unreadable",
                "Whole frames that gave no map.",
                summary.unreadable,
            ),
            Family::counter(
                "blindsight_viewer_incomplete",
                "Frames given up before all their tiles arrived; they may be sent again.",
                summary.incomplete,
            ),
            Family::counter(
                "blindsight_viewer_missing",
                "Sequence numbers that never came.",
                summary.missing,
            ),
            Family::counter(
                "blindsight_viewer_dropped_by_cameras",
                "Frames that cameras captured and did not send.",
                summary.dropped,
            ),
            Family::counter(
                "blindsight_viewer_repeated",
                "Tiles dropped because they had been seen before.",
                summary.repeated,
            ),
            Family::counter(
                "blindsight_viewer_refused",
                "Messages that are no tile of an enrolled worker, or that no key here can decrypt.",
                summary.refused,
            ),
            Family::counter(
                "blindsight_viewer_no_room",
                "Tiles dropped because too many frames were in progress.",
                summary.no_room,
            ),
            Family::counter(
                "blindsight_viewer_late",
                "Tiles dropped because later frames were logged before theirs.",
                summary.late,
            ),
            Family::counter(
                "blindsight_viewer_unwritten_pictures",
                "Pictures that could not be written.",
                summary.unwritten,
            ),
            Family::counter(
                "blindsight_viewer_events",
                "Anomaly events that began.",
                summary.events,
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_topic_does_not_tell_unreadable_frames_from_maps() {
        let as_map = ViewerSummary {
            tiles: 4,
            maps: 1,
            receipts: 1,
            ..ViewerSummary::default()
        };
        let as_unreadable = ViewerSummary {
            maps: 0,
            unreadable: 1,
            unwritten: 1,
            ..as_map
        };
        let flow = |summary| {
            Figures {
                summary,
                in_progress: 2,
            }
            .flow()
        };
        assert_eq!(flow(as_map), flow(as_unreadable));
    }
}
