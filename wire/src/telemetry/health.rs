//! Reports on a node's health topic.
//!
//! Everybody who can reach the broker reads them, so they are coarse: whole numbers each minute, and memory in large
//! steps.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::{self, MissedTickBehavior};

use super::process;
use super::vitals::Vitals;
use crate::mqtt::Bulletin;
use crate::role::NodeRole;

/// Resident memory is reported in steps of so many MiB.
pub const RESIDENT_STEP_MIB: u64 = 16;

const MIB: u64 = 1 << 20;

/// What flows through a node, counted from its start. Each role has a meaning for each word, in `docs/ref/topics.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// What came in.
    pub taken: u64,
    /// What is done.
    pub done: u64,
    /// What is in hand now.
    pub waiting: u64,
    /// What was given up.
    pub dropped: u64,
    /// Messages that were refused.
    pub refused: u64,
}

/// One report. The fields are fixed: none is ever left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// What the node does.
    pub role: &'static str,
    /// Whether it is ready.
    pub ready: bool,
    /// Since its start.
    pub uptime_s: u64,
    /// Resident memory, rounded up to [`RESIDENT_STEP_MIB`]; 0 where the system does not say.
    pub resident_mib: u64,
    /// [`Flow::taken`] since the last report, for each minute.
    pub taken_per_minute: u64,
    /// [`Flow::done`] since the last report, for each minute.
    pub done_per_minute: u64,
    /// [`Flow::waiting`].
    pub waiting: u64,
    /// [`Flow::dropped`].
    pub dropped: u64,
    /// [`Flow::refused`].
    pub refused: u64,
}

/// What one report is made of, besides the flow before it.
struct Reading {
    role: NodeRole,
    ready: bool,
    uptime: Duration,
    resident_bytes: u64,
    flow: Flow,
}

impl HealthReport {
    /// The report of `now`, `since` after the one with the flow `before`.
    fn new(now: &Reading, before: &Flow, since: Duration) -> Self {
        let flow = &now.flow;
        Self {
            role: now.role.as_str(),
            ready: now.ready,
            uptime_s: now.uptime.as_secs(),
            resident_mib: now
                .resident_bytes
                .div_ceil(RESIDENT_STEP_MIB * MIB)
                .saturating_mul(RESIDENT_STEP_MIB),
            taken_per_minute: per_minute(flow.taken.saturating_sub(before.taken), since),
            done_per_minute: per_minute(flow.done.saturating_sub(before.done), since),
            waiting: flow.waiting,
            dropped: flow.dropped,
            refused: flow.refused,
        }
    }
}

fn per_minute(count: u64, time: Duration) -> u64 {
    let millis = time.as_millis().max(1);
    let rate = u128::from(count) * 60_000 / millis;
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// When a node reports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    began: Instant,
    every: Duration,
}

impl Rhythm {
    /// Reports come `every` so often, from now.
    pub(super) fn new(every: Duration) -> Self {
        Self {
            began: Instant::now(),
            every: every.max(Duration::from_millis(1)),
        }
    }

    /// Reports until dropped. A report that cannot be sent at once is left out: the next one says as much.
    pub(super) async fn run(
        self,
        role: NodeRole,
        vitals: Vitals,
        bulletin: Bulletin,
        flow: impl Fn() -> Flow + Send,
    ) {
        let mut ticks = time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is now, and there is nothing to say yet.
        ticks.tick().await;
        let (mut before, mut last) = (flow(), Instant::now());
        loop {
            ticks.tick().await;
            let now = Reading {
                role,
                ready: vitals.lacking().is_empty(),
                uptime: self.began.elapsed(),
                resident_bytes: process::resident_bytes().unwrap_or_default(),
                flow: flow(),
            };
            let report = HealthReport::new(&now, &before, last.elapsed());
            (before, last) = (now.flow, Instant::now());
            if let Ok(bytes) = serde_json::to_vec(&report) {
                bulletin.say(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_coarse_and_has_all_its_fields() {
        let before = Flow {
            taken: 10,
            done: 5,
            ..Flow::default()
        };
        let now = Reading {
            role: NodeRole::Worker,
            ready: true,
            uptime: Duration::from_millis(61_900),
            resident_bytes: 17 * MIB + 1,
            flow: Flow {
                taken: 30,
                done: 25,
                waiting: 5,
                dropped: 1,
                refused: 2,
            },
        };
        let report = HealthReport::new(&now, &before, Duration::from_secs(10));
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"role":"worker","ready":true,"uptime_s":61,"resident_mib":32,"taken_per_minute":120,"done_per_minute":120,"waiting":5,"dropped":1,"refused":2}"#
        );
    }

    #[test]
    fn odd_times_and_counts_give_a_report_too() {
        assert_eq!(per_minute(5, Duration::ZERO), 300_000);
        assert_eq!(per_minute(u64::MAX, Duration::from_millis(1)), u64::MAX);
        assert_eq!(per_minute(0, Duration::from_secs(1)), 0);
    }
}
