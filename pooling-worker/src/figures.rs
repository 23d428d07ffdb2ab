//! What a worker shows of itself: metrics, and reports on its health topic.

use std::sync::Arc;
use std::time::Duration;

use wire::telemetry::{Family, Flow};

use crate::in_flight::InFlight;
use crate::intake::Job;
use crate::lane::{Lanes, Width};
use crate::summary::Counters;

/// Where the figures of a worker are found. Cloning gives another handle on the same ones.
#[derive(Clone)]
pub(crate) struct Figures {
    pub(crate) counters: Arc<Counters>,
    pub(crate) lanes: Arc<Lanes<Job>>,
    pub(crate) in_flight: InFlight,
}

impl Figures {
    /// What has flowed through: tiles in, maps out.
    pub(crate) fn flow(&self) -> Flow {
        let counters = &self.counters;
        Flow {
            taken: counters.tiles.get(),
            done: counters.maps.get(),
            waiting: self.in_flight.count() as u64,
            dropped: counters.failed.get() + counters.repeated.get(),
            refused: counters.summary().refused,
        }
    }

    /// All metrics of the worker.
    pub(crate) fn families(&self) -> Vec<Family> {
        let counters = &self.counters;
        let waiting = Width::ALL.map(|width| {
            let bytes = self.lanes.of(width).waiting_bytes();
            (width.as_str(), bytes as u64)
        });
        vec![
            Family::counter(
                "blindsight_worker_tiles",
                "Tiles that passed every check and were put into a lane.",
                counters.tiles.get(),
            ),
            Family::counter(
                "blindsight_worker_maps",
                "Map tiles published.",
                counters.maps.get(),
            ),
            Family::counters(
                "blindsight_worker_refused",
                "Messages refused, by reason.",
                "reason",
                counters.refused.all(),
            ),
            Family::counter(
                "blindsight_worker_failed",
                "Tiles that could not be pooled, or whose map could not be sent.",
                counters.failed.get(),
            ),
            Family::counter(
                "blindsight_worker_repeated",
                "Tiles dropped because the same tile was still in hand.",
                counters.repeated.get(),
            ),
            Family::gauge(
                "blindsight_worker_tiles_in_hand",
                "Tiles that wait, are pooled, or whose map is not sent yet.",
                self.in_flight.count() as u64,
            ),
            Family::gauges(
                "blindsight_worker_waiting_bytes",
                "Bytes of tiles that wait in a lane.",
                "lane",
                waiting,
            ),
            Family::counter(
                "blindsight_worker_full_lane",
                "Tiles that found their lane full; nothing was read until they had room.",
                counters.full.get(),
            ),
            Family::seconds(
                "blindsight_worker_pooling_seconds",
                "Time that pooling took, of all tiles.",
                Duration::from_millis(counters.pool_ms.get()),
            ),
        ]
    }
}
