//! The events that the pages show: the latest state of each, and the order in which they were told.

use std::collections::VecDeque;

use crate::event::AnomalyEvent;

/// Events that are kept. Older ones are in `events.jsonl`.
pub(super) const EVENTS: usize = 500;
/// What was told and may still have to be said to a page.
const TOLD: usize = 500;

/// Events of all cameras.
#[derive(Default)]
pub(super) struct EventBook {
    /// The latest state of each, in the order in which they began.
    latest: VecDeque<AnomalyEvent>,
    /// In the order in which they were told.
    told: VecDeque<AnomalyEvent>,
    /// How many were told in all.
    count: u64,
}

impl EventBook {
    pub(super) fn take(&mut self, event: AnomalyEvent) {
        match self
            .latest
            .iter_mut()
            .rev()
            .find(|known| known.id == event.id)
        {
            Some(known) => *known = event.clone(),
            None => push(&mut self.latest, event.clone(), EVENTS),
        }
        push(&mut self.told, event, TOLD);
        self.count += 1;
    }

    /// The latest state of one.
    pub(super) fn find(&self, id: &str) -> Option<&AnomalyEvent> {
        self.latest.iter().rev().find(|event| event.id == id)
    }

    pub(super) fn latest(&self, camera: Option<&str>, limit: usize) -> Vec<AnomalyEvent> {
        let is_wanted =
            |event: &&AnomalyEvent| camera.is_none_or(|camera| event.camera.as_str() == camera);
        let newest_first = self.latest.iter().rev();
        newest_first
            .filter(is_wanted)
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn after(&self, after: u64) -> (u64, Vec<AnomalyEvent>) {
        let new = usize::try_from(self.count.saturating_sub(after)).unwrap_or(usize::MAX);
        let known = self.told.len().saturating_sub(new);
        (self.count, self.told.iter().skip(known).cloned().collect())
    }
}

fn push(queue: &mut VecDeque<AnomalyEvent>, event: AnomalyEvent, limit: usize) {
    if queue.len() == limit {
        queue.pop_front();
    }
    queue.push_back(event);
}
