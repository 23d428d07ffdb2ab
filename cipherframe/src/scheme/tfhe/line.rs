//! Maxima of windows along one axis, with what neighbouring windows share. Pure.
//!
//! A window of a power of two is the maximum of its halves, which its neighbours use as well. Any other window is a core
//! of a power of two and a rest, or two overlapping parts of a power of two. Where the core stands decides how many
//! windows share it: at stride 1 two windows of 3 share a pair, and two windows of 5 share four pixels. All offsets and
//! overlapping parts are tried, and what takes the fewest maxima is taken. A window of k pixels never takes more than `ceil(log2 k)` maxima
//! one after the other: depth costs refreshes, which cost more than sharing would save. (Van Herk's prefixes and suffixes
//! share a little more, and are as deep as the window is long.)

use std::collections::HashMap;
use std::ops::Range;

/// A part of the axis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// The pixel at this position.
    Pixel(usize),
    /// The maximum of this number.
    Maximum(usize),
}

/// The maxima along an axis, each of two earlier parts, and the part that is each window.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Line {
    maxima: Vec<(Part, Part)>,
    windows: Vec<Part>,
}

/// How windows that are no power of two are taken apart.
#[derive(Clone, Copy, Debug)]
enum Split {
    /// Into two that overlap.
    Overlap,
    /// Into a core and the rest, where cores of the same length stand at a common offset.
    Core(usize),
}

/// The longest window.
const MAX_KERNEL: usize = 8;

impl Line {
    /// The maxima of `windows`, none of them empty.
    pub fn of(windows: &[Range<usize>]) -> Self {
        let splits = (0..MAX_KERNEL)
            .map(Split::Core)
            .chain([Split::Overlap])
            .map(|split| Builder::build(windows, split));
        splits
            .min_by_key(|line| line.maxima.len())
            .unwrap_or_default()
    }

    /// The maxima, in an order in which each can be taken.
    pub fn maxima(&self) -> &[(Part, Part)] {
        &self.maxima
    }

    /// The part that is each window.
    pub fn windows(&self) -> &[Part] {
        &self.windows
    }

    /// For each maximum the largest scale, as log2, that it may have if every window is to have at most `2^target`: one
    /// less at each step, since a maximum doubles the scale.
    pub fn scales_log2(&self, target: u32) -> Vec<u32> {
        let mut scales = vec![target; self.maxima.len()];
        for index in (0..self.maxima.len()).rev() {
            let Some((scale, (a, b))) = scales.get(index).copied().zip(self.maxima.get(index))
            else {
                continue;
            };
            for part in [a, b] {
                if let Part::Maximum(operand) = part
                    && let Some(known) = scales.get_mut(*operand)
                {
                    *known = (*known).min(scale.saturating_sub(1));
                }
            }
        }
        scales
    }
}

struct Builder {
    line: Line,
    known: HashMap<Range<usize>, Part>,
    split: Split,
}

impl Builder {
    fn build(windows: &[Range<usize>], split: Split) -> Line {
        let mut builder = Self {
            line: Line::default(),
            known: HashMap::new(),
            split,
        };
        let parts = windows.iter().map(|window| builder.part(window.clone()));
        let parts = parts.collect();
        builder.line.windows = parts;
        builder.line
    }

    fn part(&mut self, range: Range<usize>) -> Part {
        if range.len() <= 1 {
            return Part::Pixel(range.start);
        }
        if let Some(part) = self.known.get(&range) {
            return *part;
        }
        let Range { start, end } = range;
        let power = 1 << range.len().ilog2();
        let (left, right) = if power == range.len() {
            (
                self.part(start..start + power / 2),
                self.part(start + power / 2..end),
            )
        } else {
            match self.split {
                Split::Overlap => (self.part(start..start + power), self.part(end - power..end)),
                Split::Core(offset) => self.core_and_rest(start..end, power, offset),
            }
        };
        let part = self.maximum(left, right);
        self.known.insert(start..end, part);
        part
    }

    fn core_and_rest(
        &mut self,
        Range { start, end }: Range<usize>,
        power: usize,
        offset: usize,
    ) -> (Part, Part) {
        let places = end - start - power + 1;
        // Of any `places` positions in a row exactly one is at the offset.
        let core = start + (offset + places - start % places) % places;
        let rest = match (start..core, core + power..end) {
            (before, after) if before.is_empty() => self.part(after),
            (before, after) if after.is_empty() => self.part(before),
            (before, after) => {
                let (before, after) = (self.part(before), self.part(after));
                self.maximum(before, after)
            }
        };
        (self.part(core..core + power), rest)
    }

    fn maximum(&mut self, a: Part, b: Part) -> Part {
        self.line.maxima.push((a, b));
        Part::Maximum(self.line.maxima.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pixels of each maximum, and how many maxima deep it is.
    fn contents(line: &Line) -> Vec<(std::collections::BTreeSet<usize>, u32)> {
        let mut all: Vec<(std::collections::BTreeSet<usize>, u32)> = Vec::new();
        for (a, b) in line.maxima() {
            let (mut pixels, mut depth) = (std::collections::BTreeSet::new(), 0);
            for part in [a, b] {
                match part {
                    Part::Pixel(pixel) => {
                        pixels.insert(*pixel);
                    }
                    Part::Maximum(index) => {
                        pixels.extend(&all[*index].0);
                        depth = depth.max(all[*index].1);
                    }
                }
            }
            all.push((pixels, depth + 1));
        }
        all
    }

    fn windows(pixels: usize, kernel: usize, stride: usize) -> Vec<Range<usize>> {
        let starts = (0..=pixels - kernel).step_by(stride);
        starts.map(|start| start..start + kernel).collect()
    }

    #[test]
    fn neighbours_share() {
        // All windows of 1 to 8 pixels of 16 at stride 1.
        let maxima = (1..=8).map(|kernel| Line::of(&windows(16, kernel, 1)).maxima().len());
        let maxima: Vec<usize> = maxima.collect();
        assert_eq!(maxima, [0, 15, 21, 28, 25, 32, 30, 37]);
        // Windows apart share nothing.
        assert_eq!(Line::of(&windows(16, 4, 4)).maxima().len(), 4 * 3);
        assert_eq!(Line::of(&windows(15, 5, 5)).maxima().len(), 3 * 4);
    }

    /// The fewest maxima for all windows of `kernel` of `pixels` pixels at stride 1, however deep, by dynamic programming over the
    /// lengths of the intervals that begin at each pixel.
    fn fewest(pixels: usize, kernel: usize) -> usize {
        // A set of lengths as bits; those that begin at the next `kernel - 1` pixels, and the maxima taken so far.
        let mut states = HashMap::from([(vec![0usize; kernel - 1], 0)]);
        for start in (0..pixels).rev() {
            let mut next: HashMap<Vec<usize>, usize> = HashMap::new();
            for (after, count) in &states {
                let has = |lengths: usize, length: usize| length == 1 || lengths >> length & 1 == 1;
                for lengths in (0..1usize << kernel).step_by(4) {
                    let is_window = start + kernel <= pixels;
                    let all = lengths | usize::from(is_window) << kernel;
                    // Each interval is two shorter ones that touch or overlap.
                    let possible = (2..=kernel).filter(|length| all >> length & 1 == 1);
                    let possible = possible.into_iter().all(|length| {
                        start + length <= pixels
                            && (1..length).any(|left| {
                                let rights = length - left..length;
                                has(lengths, left)
                                    && rights
                                        .into_iter()
                                        .any(|right| has(after[length - right - 1], right))
                            })
                    });
                    if !possible {
                        continue;
                    }
                    let mut state = vec![lengths];
                    state.extend(&after[..kernel - 2]);
                    let count = count + all.count_ones() as usize;
                    let known = next.entry(state).or_insert(count);
                    *known = count.min(*known);
                }
            }
            states = next;
        }
        states.into_values().min().unwrap()
    }

    #[test]
    fn no_line_takes_fewer_than_the_design_says() {
        assert_eq!(fewest(16, 3), 21);
        assert_eq!(fewest(16, 4), 24);
        assert_eq!(fewest(16, 5), 24);
    }

    proptest! {
        #[test]
        fn every_window_is_the_maximum_of_its_pixels_and_as_deep_as_a_balanced_tree(
            kernel in 1usize..=8, stride in 1usize..10, more in 0usize..30, before in 0usize..8, after in 0usize..8,
        ) {
            let windows: Vec<Range<usize>> = windows(kernel + more, kernel, stride)
                .into_iter()
                .map(|window| window.start.max(before)..window.end.min(kernel + more - after.min(kernel + more)))
                .filter(|window| !window.is_empty())
                .collect();
            let line = Line::of(&windows);
            let contents = contents(&line);
            let scales = line.scales_log2(60);
            prop_assert_eq!(line.windows().len(), windows.len());
            for (window, part) in windows.iter().zip(line.windows()) {
                match part {
                    Part::Pixel(pixel) => prop_assert_eq!(*pixel..*pixel + 1, window.clone()),
                    Part::Maximum(index) => {
                        let (pixels, depth) = &contents[*index];
                        prop_assert!(pixels.iter().copied().eq(window.clone()));
                        prop_assert!(*depth <= window.len().next_power_of_two().ilog2());
                    }
                }
            }
            for (index, (a, b)) in line.maxima().iter().enumerate() {
                for part in [a, b] {
                    if let Part::Maximum(operand) = part {
                        prop_assert!(*operand < index && scales[*operand] < scales[index]);
                    }
                }
            }
        }
    }
}
