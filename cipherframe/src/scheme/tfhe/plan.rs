//! The planner: from window, levels and tile geometry to the circuit that pools a tile. Pure.
//!
//! Windows are reduced along their rows first and then along their columns, so that neighbours share
//! ([`super::line`]). Levels of at most 4 bits are one such circuit. Levels of up to 8 bits are two digits:
//!
//! 1. `M`, the maximum of the high digits, shared between windows as above.
//! 2. For each pixel of a window, whether its high digit is `M`: one bootstrap.
//! 3. For each pixel of a window, its low digit where that is so and 0 elsewhere: one bootstrap.
//! 4. The maximum of those low digits.
//!
//! A maximum doubles the scale of its operands. Pixels come at a low scale with little noise, the result of a bootstrap
//! is useful from [`LOWEST_SCALE_LOG2`] on, and at the output scale the torus is full. So trees of up to 4 maxima one
//! after the other need nothing else; in deeper ones some values are refreshed in between. [`layout`] finds out from the
//! noise where, and takes the fewest.

use super::circuit::{Circuit, CircuitError, Value};
use super::digits::{Digit, digits};
use super::line::{Line, Part};
use super::noise::CircuitNoise;
use crate::TileAxis;
use std::collections::{HashMap, VecDeque};

/// log2 of the lowest scale at which the result of a bootstrap of a 4-bit value is good for a maximum with another:
/// four times its noise more, at half this scale, and the maximum would fail with more than 2^-128.
const LOWEST_SCALE_LOG2: u32 = 57;

/// log2 of the scale at which the camera encrypts low digits.
const LOW_DIGIT_SCALE_LOG2: u32 = LOWEST_SCALE_LOG2 - 1;

/// log2 of the largest probability with which any bootstrap may fail.
pub const LOG2_FAILURE_BOUND: f64 = -128.0;

/// Pixels whose low digits are worked on at a time: bounds memory (two values of 16 KiB each) and fills the batches of
/// many cores.
const SELECTIONS_PER_GROUP: usize = 1024;

/// The scales of a maximum over a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Layout {
    /// log2 of the scale at which pixels are encrypted.
    pixel_scale_log2: u32,
    /// log2 of the scale of the maximum of a row of the window.
    row_scale_log2: u32,
    /// log2 of the lowest scale of the operands of maxima of rows.
    operand_scale_log2: u32,
}

/// log2 of the scale at which the camera encrypts each digit of a pixel, for windows of `kernel` pixels a side.
pub fn pixel_scales_log2(kernel: u8, level_count: u8) -> Result<Vec<u32>, CircuitError> {
    match digits(level_count)[..] {
        [high, _] => {
            let high = layout(kernel, high, high.bootstrap_scale_log2())?;
            Ok(vec![high.pixel_scale_log2, LOW_DIGIT_SCALE_LOG2])
        }
        [digit, ..] => {
            let layout = layout(kernel, digit, digit.output_scale_log2())?;
            Ok(vec![layout.pixel_scale_log2])
        }
        [] => Ok(Vec::new()),
    }
}

/// The inputs of [`plan`]'s circuit for pixels of these levels, as words of the torus.
pub fn encode(kernel: u8, level_count: u8, levels: &[u8]) -> Result<Vec<u64>, CircuitError> {
    let scales_log2 = pixel_scales_log2(kernel, level_count)?;
    let digits = digits(level_count);
    let words = |level: &u8| {
        let level = *level;
        let digits = digits.iter().zip(&scales_log2);
        digits.map(move |(digit, scale_log2)| u64::from(digit.of(level)) << scale_log2)
    };
    Ok(levels.iter().flat_map(words).collect())
}

/// The level of each window from the results of [`plan`]'s circuit, which are words of the torus with noise. Results that no
/// such circuit gives may be levels above `level_count`.
pub fn decode(level_count: u8, results: &[u64]) -> Vec<u8> {
    let digits = digits(level_count);
    let part = |(digit, result): (&Digit, &u64)| {
        let scale_log2 = digit.output_scale_log2();
        let half = 1u64 << (scale_log2 - 1);
        digit.weighted((result.wrapping_add(half) >> scale_log2) as u8)
    };
    let windows = results.chunks(digits.len().max(1));
    windows
        .map(|results| digits.iter().zip(results).map(part).sum())
        .collect()
}

/// The circuit that pools a tile with these columns and rows; an error if any bootstrap failed with more than
/// [`LOG2_FAILURE_BOUND`], which no stream there is does. Inputs are the digits of each pixel, row by row, the
/// digits of one pixel one after the other; results are the digits of each window, in the same way.
pub fn plan(
    kernel: u8,
    level_count: u8,
    columns: &TileAxis,
    rows: &TileAxis,
) -> Result<Circuit, CircuitError> {
    let mut circuit = Circuit::default();
    match digits(level_count)[..] {
        [high, low] => two_digits(&mut circuit, kernel, [high, low], columns, rows)?,
        [digit, ..] => {
            let target = digit.output_scale_log2();
            let layout = layout(kernel, digit, target)?;
            let pixel = |index| Value::input(index, digit.max(), layout.pixel_scale_log2);
            for maximum in maxima(&mut circuit, &pixel, columns, rows, layout, target)? {
                let output = circuit.rescale(&maximum, target)?;
                circuit.output(output);
            }
        }
        [] => {}
    }
    // The scales were chosen for one window; what its neighbours share may have more noise.
    if CircuitNoise::of(&circuit).log2_bootstrap_failure() > LOG2_FAILURE_BOUND {
        return Err(CircuitError::Noise);
    }
    Ok(circuit)
}

/// The scales with which a full window takes the fewest bootstraps among those that keep [`LOG2_FAILURE_BOUND`].
fn layout(kernel: u8, digit: Digit, target: u32) -> Result<Layout, CircuitError> {
    let axis = TileAxis {
        pixels: kernel.into(),
        windows: std::iter::once(0..kernel.into()).collect(),
    };
    let depth = u32::from(kernel).next_power_of_two().ilog2();
    let lowest = target.saturating_sub(depth);
    let mut candidates = Vec::new();
    let highest = lowest.max(digit.bootstrap_scale_log2());
    for row_scale_log2 in lowest..=highest {
        for operand_scale_log2 in lowest..=highest {
            let layout = Layout {
                pixel_scale_log2: row_scale_log2 - depth,
                row_scale_log2,
                operand_scale_log2,
            };
            let mut circuit = Circuit::default();
            let pixel = |index| Value::input(index, digit.max(), layout.pixel_scale_log2);
            let Ok(maxima) = maxima(&mut circuit, &pixel, &axis, &axis, layout, target) else {
                continue;
            };
            maxima.into_iter().for_each(|value| circuit.output(value));
            let failure = CircuitNoise::of(&circuit).log2_bootstrap_failure();
            if failure <= LOG2_FAILURE_BOUND {
                candidates.push((circuit.bootstraps().len(), failure, layout));
            }
        }
    }
    let best = candidates
        .into_iter()
        .min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    best.map(|(.., layout)| layout).ok_or(CircuitError::Noise)
}

/// The maximum of each window, at scale `2^target` or below.
fn maxima(
    circuit: &mut Circuit,
    pixel: &dyn Fn(usize) -> Value,
    columns: &TileAxis,
    rows: &TileAxis,
    layout: Layout,
    target: u32,
) -> Result<Vec<Value>, CircuitError> {
    let across = Line::of(&columns.windows);
    let mut row_maxima = Vec::with_capacity(rows.pixels);
    for y in 0..rows.pixels {
        let start = y * columns.pixels;
        let pixels: Vec<Value> = (start..start + columns.pixels).map(pixel).collect();
        let (target, lowest) = (layout.row_scale_log2, layout.pixel_scale_log2);
        row_maxima.push(line_maxima(circuit, &across, &pixels, target, lowest)?);
    }

    let down = Line::of(&rows.windows);
    let mut by_column = Vec::with_capacity(columns.windows.len());
    for x in 0..columns.windows.len() {
        let column = row_maxima.iter().filter_map(|row| row.get(x).cloned());
        let column: Vec<Value> = column.collect();
        let lowest = layout.operand_scale_log2;
        by_column.push(line_maxima(circuit, &down, &column, target, lowest)?);
    }
    let windows = (0..rows.windows.len()).flat_map(|y| {
        let in_row = by_column.iter().map(move |column| column.get(y).cloned());
        in_row.flatten()
    });
    Ok(windows.collect())
}

/// The maxima of a line's windows, at scale `2^target` or below. Operands come at scale `2^lowest` at least; a value at
/// too high a scale for where it is used is refreshed.
fn line_maxima(
    circuit: &mut Circuit,
    line: &Line,
    pixels: &[Value],
    target: u32,
    lowest: u32,
) -> Result<Vec<Value>, CircuitError> {
    let operand_scales_log2: Vec<u32> = line
        .scales_log2(target)
        .iter()
        .map(|scale_log2| scale_log2.saturating_sub(1).max(lowest))
        .collect();
    // Refreshed once, low enough for all that need it.
    let mut needed: HashMap<Part, u32> = HashMap::new();
    for ((a, b), scale_log2) in line.maxima().iter().zip(&operand_scales_log2) {
        for part in [a, b] {
            let known = needed.entry(*part).or_insert(*scale_log2);
            *known = *scale_log2.min(known);
        }
    }

    let mut maxima: Vec<Value> = Vec::with_capacity(line.maxima().len());
    let mut refreshed: HashMap<Part, Value> = HashMap::new();
    let value = |maxima: &[Value], part: &Part| match part {
        Part::Pixel(position) => known(pixels, *position),
        Part::Maximum(index) => known(maxima, *index),
    };
    for ((a, b), scale_log2) in line.maxima().iter().zip(&operand_scales_log2) {
        let mut operand = |part: &Part, circuit: &mut Circuit| {
            let mut operand = value(&maxima, part)?;
            if operand.scale_log2() > *scale_log2 {
                operand = match refreshed.get(part) {
                    Some(known) => known.clone(),
                    None => {
                        let lowest = needed.get(part).unwrap_or(scale_log2);
                        circuit.refresh(&operand, *lowest)?
                    }
                };
                refreshed.insert(*part, operand.clone());
            }
            circuit.rescale(&operand, *scale_log2)
        };
        let (a, b) = (operand(a, circuit)?, operand(b, circuit)?);
        maxima.push(circuit.maximum(&a, &b)?);
    }
    let windows = line.windows().iter().map(|part| {
        let window = value(&maxima, part)?;
        match window.scale_log2() {
            actual if actual > target => Err(CircuitError::Scale {
                actual,
                most: target,
            }),
            _ => Ok(window),
        }
    });
    windows.collect()
}

/// An earlier value of a line, which [`Line`] promises to be there.
fn known(values: &[Value], index: usize) -> Result<Value, CircuitError> {
    values.get(index).cloned().ok_or(CircuitError::Order(index))
}

/// The maxima of levels of two digits.
fn two_digits(
    circuit: &mut Circuit,
    kernel: u8,
    [high, low]: [Digit; 2],
    columns: &TileAxis,
    rows: &TileAxis,
) -> Result<(), CircuitError> {
    let target = high.bootstrap_scale_log2();
    let layout = layout(kernel, high, target)?;
    let high_digit = |pixel| Value::input(2 * pixel, high.max(), layout.pixel_scale_log2);
    let low_digit = |pixel| Value::input(2 * pixel + 1, low.max(), LOW_DIGIT_SCALE_LOG2);
    let maxima = maxima(circuit, &high_digit, columns, rows, layout, target)?;

    let places = rows
        .windows
        .iter()
        .flat_map(|y| columns.windows.iter().map(move |x| (x, y)));
    let mut room = 0;
    for (maximum, (window_columns, window_rows)) in maxima.iter().zip(places) {
        let pixels: Vec<usize> = window_rows
            .clone()
            .flat_map(|y| window_columns.clone().map(move |x| y * columns.pixels + x))
            .collect();
        if room < pixels.len() {
            circuit.barrier();
            room = SELECTIONS_PER_GROUP;
        }
        room = room.saturating_sub(pixels.len());

        let low_maximum = match pixels[..] {
            [pixel] => low_digit(pixel),
            _ => {
                let output = low.output_scale_log2();
                let depth = pixels.len().next_power_of_two().ilog2();
                let scale_log2 = output.saturating_sub(depth).max(LOWEST_SCALE_LOG2);
                let mut kept = VecDeque::with_capacity(pixels.len());
                for pixel in &pixels {
                    let behind = circuit.linear(&[(maximum, 1), (&high_digit(*pixel), -1)], 0)?;
                    // Never negative: the maximum is that of the window.
                    let is_highest = circuit.is_zero(&behind.within(0, high.max().into()))?;
                    kept.push_back(circuit.keep_if(&low_digit(*pixel), &is_highest, scale_log2)?);
                }
                tree(circuit, kept, output)?
            }
        };
        for (value, digit) in [(maximum, high), (&low_maximum, low)] {
            let output = circuit.rescale(value, digit.output_scale_log2())?;
            circuit.output(output);
        }
    }
    Ok(())
}

/// The maximum of values at one scale, at scale `2^target` or below, with the fewest refreshes: a tree has room for
/// `2^(target - scale)` values, and a refreshed maximum of several takes the place of one.
fn tree(
    circuit: &mut Circuit,
    mut values: VecDeque<Value>,
    target: u32,
) -> Result<Value, CircuitError> {
    let scale_log2 = values.front().map_or(target, Value::scale_log2);
    let room = 1usize << target.saturating_sub(scale_log2).min(16);
    // A refresh reads at half the target scale.
    let at_once = (room / 2).max(2);
    while values.len() > room {
        let count = (values.len() - room + 1).min(at_once);
        let part = values.drain(..count).collect();
        let maximum = balanced(circuit, part)?;
        values.push_back(circuit.refresh(&maximum, scale_log2)?);
    }
    balanced(circuit, values)
}

/// The maximum of values at one scale, in a balanced tree.
fn balanced(circuit: &mut Circuit, mut values: VecDeque<Value>) -> Result<Value, CircuitError> {
    let mut next = VecDeque::with_capacity(values.len().div_ceil(2));
    loop {
        while let Some(a) = values.pop_front() {
            next.push_back(match values.pop_front() {
                Some(b) => circuit.maximum(&a, &b)?,
                None => a,
            });
        }
        if next.len() <= 1 {
            return next.pop_front().ok_or(CircuitError::Empty);
        }
        std::mem::swap(&mut values, &mut next);
    }
}

#[cfg(test)]
mod tests;
