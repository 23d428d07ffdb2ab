//! The maps of a camera's events, which stay when the latest maps have moved on.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;
use wire::message::SessionId;

use super::events::EVENTS;
use super::maps::Shown;

/// Maps of events that are kept of a camera, in bytes of values.
const KEPT_BYTES: usize = 4 << 20;

/// A moment of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Moment {
    /// The frame that it began with.
    Begin,
    /// The frame of its highest score.
    Peak,
}

/// The maps of one event.
struct EventMaps {
    id: Arc<str>,
    begin: Option<Arc<Shown>>,
    peak: Option<Arc<Shown>>,
}

impl EventMaps {
    fn iter(&self) -> impl Iterator<Item = &Arc<Shown>> {
        self.begin.iter().chain(&self.peak)
    }

    fn size(&self) -> usize {
        self.iter().map(|shown| shown.size()).sum()
    }
}

/// The maps of a camera's events, those of the oldest event first.
#[derive(Default)]
pub(super) struct MapsOfEvents {
    kept: VecDeque<EventMaps>,
    bytes: usize,
}

impl MapsOfEvents {
    /// An event began with the map `begin`, if that is known.
    pub(super) fn begin(&mut self, id: Arc<str>, begin: Option<Arc<Shown>>) {
        let peak = begin.clone();
        self.kept.push_back(EventMaps { id, begin, peak });
        self.bytes += self.kept.back().map_or(0, EventMaps::size);
        self.trim();
    }

    /// A map of the event that began last.
    pub(super) fn go_on(&mut self, shown: &Arc<Shown>) {
        let Some(event) = self.kept.back_mut() else {
            return;
        };
        let score = |shown: &Arc<Shown>| shown.score.map(|score| score.value);
        if score(shown) <= event.peak.as_ref().and_then(score) {
            return;
        }
        self.bytes -= event.size();
        event.peak = Some(shown.clone());
        self.bytes += event.size();
        self.trim();
    }

    /// The map of a moment, if it is kept.
    pub(super) fn moment(&self, id: &str, moment: Moment) -> Option<Arc<Shown>> {
        let event = self.kept.iter().rev().find(|event| *event.id == *id)?;
        match moment {
            Moment::Begin => event.begin.clone(),
            Moment::Peak => event.peak.clone(),
        }
    }

    /// The map of a frame, if it is kept.
    pub(super) fn map(&self, session: SessionId, seq: u64) -> Option<&Arc<Shown>> {
        let mut maps = self.kept.iter().rev().flat_map(EventMaps::iter);
        maps.find(|shown| shown.is_of(session, seq))
    }

    fn trim(&mut self) {
        while self.kept.len() > 1 && (self.bytes > KEPT_BYTES || self.kept.len() > EVENTS) {
            let gone = self.kept.pop_front();
            self.bytes -= gone.map_or(0, |gone| gone.size());
        }
    }
}
