//! What pooling a frame takes and how likely it is to fail, planned without running it.

use super::circuit::Purpose;
use super::digits::digits;
use super::noise::{CircuitNoise, log2_sum};
use super::plan::plan;
use crate::scheme::FailureReport;
use crate::spec::StreamSpec;
use std::collections::{BTreeMap, HashMap};

/// The plan of a frame in figures.
#[derive(Clone, Debug)]
pub struct PlanReport {
    /// Tiles of the frame.
    pub tiles: u32,
    /// Windows of the frame.
    pub windows: u64,
    /// Bootstraps of each round of the first tile.
    pub rounds: Vec<usize>,
    /// Bootstraps of the frame, by what they are for.
    pub bootstraps: BTreeMap<Purpose, u64>,
    /// The largest squared norm at the input of a bootstrap, in units of the variance of a bootstrap's output.
    pub largest_squared_norm: f64,
    /// The largest standard deviation of the noise that a bootstrap reads, as a part of the distance at which it fails.
    pub largest_deviation: f64,
    /// log2 of the largest failure probability of any bootstrap; minus infinity where there is none.
    pub log2_bootstrap_failure: f64,
    /// log2 of the largest probability that a result decrypts wrongly although every bootstrap succeeded.
    pub log2_decryption_failure: f64,
    /// log2 of a bound of the probability that a window is wrong, for any reason.
    pub log2_window_failure: f64,
    /// log2 of a bound of the probability that anything fails in a frame.
    pub log2_frame_failure: f64,
}

impl PlanReport {
    /// Bootstraps of the frame.
    pub fn bootstrap_count(&self) -> u64 {
        self.bootstraps.values().sum()
    }

    /// Bootstraps for each window.
    pub fn bootstraps_per_window(&self) -> f64 {
        self.bootstrap_count() as f64 / self.windows.max(1) as f64
    }

    /// The same in the words of all schemes.
    pub fn failure(&self) -> FailureReport {
        FailureReport {
            bootstraps_per_window: self.bootstraps_per_window(),
            log2_bootstrap_failure: self.log2_bootstrap_failure,
            log2_decryption_failure: self.log2_decryption_failure,
            log2_window_failure: self.log2_window_failure,
        }
    }
}

/// Plans every tile of a frame. Tiles with the same windows have the same circuit and are looked at once.
pub fn plan_report(spec: &StreamSpec) -> PlanReport {
    let tile_plan = spec.tile_plan();
    let (kernel, levels) = (spec.pool().kernel(), spec.quantiser().level_count());
    let mut kinds = HashMap::new();
    for axes in (0..tile_plan.tile_count()).filter_map(|tile| tile_plan.axes(tile)) {
        *kinds.entry(axes).or_insert(0u64) += 1;
    }
    let mut report = PlanReport {
        tiles: tile_plan.tile_count(),
        windows: u64::from(tile_plan.map_width()) * u64::from(tile_plan.map_height()),
        rounds: Vec::new(),
        bootstraps: BTreeMap::new(),
        largest_squared_norm: 0.0,
        largest_deviation: 0.0,
        log2_bootstrap_failure: f64::NEG_INFINITY,
        log2_decryption_failure: f64::NEG_INFINITY,
        log2_window_failure: f64::NEG_INFINITY,
        log2_frame_failure: f64::NEG_INFINITY,
    };
    for ((columns, rows), count) in &kinds {
        let Ok(circuit) = plan(kernel, levels, columns, rows) else {
            // Never for a specification: nothing that fails is promised to be safe.
            report.log2_bootstrap_failure = 0.0;
            report.log2_window_failure = 0.0;
            report.log2_frame_failure = 0.0;
            continue;
        };
        if tile_plan
            .axes(0)
            .is_some_and(|(c, r)| (&c, &r) == (columns, rows))
        {
            report.rounds = circuit.rounds().iter().map(Vec::len).collect();
        }
        for bootstrap in circuit.bootstraps() {
            *report.bootstraps.entry(bootstrap.purpose).or_insert(0) += count;
        }
        let noise = CircuitNoise::of(&circuit);
        let larger = |known: &mut f64, new: f64| *known = known.max(new);
        larger(&mut report.largest_squared_norm, noise.largest_squared_norm);
        larger(&mut report.largest_deviation, noise.largest_deviation);
        larger(
            &mut report.log2_bootstrap_failure,
            noise.log2_bootstrap_failure(),
        );
        larger(
            &mut report.log2_decryption_failure,
            noise.log2_decryption_failure(),
        );
        let window = noise.log2_window_failure(&circuit, digits(levels).len());
        larger(&mut report.log2_window_failure, window);
        let tiles = noise.log2_failure() + (*count as f64).log2();
        report.log2_frame_failure = log2_sum([report.log2_frame_failure, tiles].into_iter());
    }
    report
}

#[cfg(test)]
mod tests;
