//! The log line of a finished map.
//!
//! The viewer is the one trusted node: only its log may show values of a map.

use std::fmt::Write as _;

use cipherframe::FeatureMap;
use wire::message::FrameId;

use crate::event::{AnomalyEvent, AnomalyKind};

/// How many cells the log line of a map names.
const CELLS: usize = 3;

/// One window of a feature map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Column, from the left, from 0.
    pub x: u32,
    /// Row, from the top, from 0.
    pub y: u32,
    /// The pooled value.
    pub value: u8,
}

/// The `count` cells with the largest values, largest first; equal ones in the order of rows. Zeros are left out.
#[must_use]
pub fn largest_cells(map: &FeatureMap, count: usize) -> Vec<Cell> {
    let mut cells: Vec<(usize, u8)> = map
        .values()
        .iter()
        .copied()
        .enumerate()
        .filter(|&(_, value)| value > 0)
        .collect();
    // Stable, so equal values keep the order of rows.
    cells.sort_by_key(|&(_, value)| std::cmp::Reverse(value));
    let width = map.width() as usize;
    let cell = |(index, value): (usize, u8)| Cell {
        x: (index % width) as u32,
        y: (index / width) as u32,
        value,
    };
    cells.into_iter().take(count).map(cell).collect()
}

/// Cells as `VALUE@X,Y`, separated by spaces.
fn spell(cells: &[Cell]) -> String {
    let mut text = String::new();
    for Cell { x, y, value } in cells {
        let space = if text.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{space}{value}@{x},{y}");
    }
    text
}

/// Logs a finished map. `latency_ms` is from capture to now, `pool_ms` the workers' time for all its tiles.
pub(crate) fn log_map(frame: &FrameId, map: &FeatureMap, latency_ms: u64, pool_ms: u64) {
    tracing::info!(
        camera = %frame.camera,
        seq = frame.seq,
        size = %format_args!("{}x{}", map.width(), map.height()),
        latency_ms,
        pool_ms,
        largest = %spell(&largest_cells(map, CELLS)),
        "map"
    );
}

/// Logs what became of an event.
pub(crate) fn log_event(event: &AnomalyEvent) {
    let AnomalyEvent {
        kind,
        id,
        camera,
        seq,
        score,
        peak,
        threshold,
        ..
    } = event;
    match kind {
        AnomalyKind::Begin => tracing::warn!(%camera, seq, id, score, threshold, "anomaly begins"),
        AnomalyKind::Update => tracing::debug!(%camera, seq, id, score, peak, "anomaly goes on"),
        AnomalyKind::End => tracing::warn!(%camera, seq, id, peak, threshold, "anomaly is over"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[u8], width: u32) -> FeatureMap {
        let height = values.len() as u32 / width;
        FeatureMap::new(width, height, 15, values.to_vec()).expect("a valid map")
    }

    #[test]
    fn the_largest_cells_come_first_and_ties_by_row() {
        let map = map(&[1, 9, 0, 9, 15, 2], 3);
        assert_eq!(spell(&largest_cells(&map, 4)), "15@1,1 9@1,0 9@0,1 2@2,1");
        assert_eq!(
            largest_cells(&map, 1),
            [Cell {
                x: 1,
                y: 1,
                value: 15
            }]
        );
    }

    #[test]
    fn zeros_are_no_large_cells() {
        assert_eq!(spell(&largest_cells(&map(&[0, 0, 3, 0], 2), 3)), "3@0,1");
        assert_eq!(spell(&largest_cells(&map(&[0; 4], 2), 3)), "");
    }
}
