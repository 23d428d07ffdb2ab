//! What the filters reach in ordinary times, and how strong an answer is next to it.

use super::filters::Peak;
use super::retained::Retained;
use super::settings::{
    FILTERS, FOLDS, LARGE_WEIGHT, LEAST_CROSS_VALIDATED, LEAST_SCALE, LEAST_THRESHOLD, SCALE_FLOOR,
    SCALE_QUANTILE, THRESHOLD_MARGIN, THRESHOLD_QUANTILE,
};

/// What each filter reaches in each row of the grid in ordinary times: energies, in the order of
/// [`super::filters::Peaks`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scales {
    height: usize,
    values: Vec<f64>,
}

/// How strong the answers to one map are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rating {
    /// 1 is what ordinary times reach in one map of a hundred.
    pub(super) raw: f64,
    /// Whether the large area gave it.
    pub(super) large: bool,
    /// The row that it comes from.
    pub(super) row: usize,
    /// The column that it comes from.
    pub(super) column: usize,
}

/// The answer of one filter that is the strongest next to its row's scale.
#[derive(Clone, Copy, Default)]
struct Strongest {
    ratio: f64,
    row: usize,
    column: usize,
}

impl Scales {
    /// From their values: [`FILTERS`] x `height`.
    pub(super) fn new(height: usize, values: Vec<f64>) -> Scales {
        Scales {
            height: height.max(1),
            values,
        }
    }

    /// The scales of the maps in `kept`: for each filter and row the quantile [`SCALE_QUANTILE`] of the peaks, averaged
    /// over the row and its two neighbours, and at least [`SCALE_FLOOR`] of the filter's highest row.
    pub(super) fn learned<'a>(
        height: usize,
        kept: impl Iterator<Item = &'a Retained> + Clone,
    ) -> Scales {
        let height = height.max(1);
        let mut values = Vec::with_capacity(FILTERS * height);
        for filter in 0..FILTERS {
            let column = |row: usize| {
                let at = filter * height + row;
                kept.clone()
                    .filter_map(move |map| map.strengths.get(at).copied())
                    .collect()
            };
            let rows: Vec<f64> = (0..height)
                .map(|row| quantile(column(row), SCALE_QUANTILE))
                .collect();
            let near = |row: usize| rows.get(row.min(height - 1)).copied().unwrap_or_default();
            let mean = |row: usize| (near(row.saturating_sub(1)) + near(row) + near(row + 1)) / 3.0;
            let means: Vec<f64> = (0..height).map(mean).collect();
            let highest = means.iter().copied().fold(0.0, f64::max);
            let floor = (SCALE_FLOOR * highest).max(LEAST_SCALE);
            values.extend(means.iter().map(|mean| rounded(mean.max(floor))));
        }
        Scales { height, values }
    }

    /// The scales, in the order of [`super::filters::Peaks`].
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// How strong `peaks` are. The filter at rest and the strongest path count one half each; the large area counts
    /// where it alone says more.
    pub(super) fn rate(&self, peaks: impl Iterator<Item = Peak>) -> Rating {
        let mut of_filter = [Strongest::default(); FILTERS];
        for (at, (peak, scale)) in peaks.zip(&self.values).enumerate() {
            let ratio = f64::from(peak.strength) / scale.max(LEAST_SCALE);
            if let Some(strongest) = of_filter.get_mut(at / self.height)
                && ratio > strongest.ratio
            {
                *strongest = Strongest {
                    ratio,
                    row: at % self.height,
                    column: peak.column,
                };
            }
        }
        let [short, paths @ .., large] = of_filter;
        let path = paths
            .into_iter()
            .reduce(|a, b| if b.ratio > a.ratio { b } else { a });
        let path = path.unwrap_or_default();
        let person = (short.ratio + path.ratio) / 2.0;
        let area = LARGE_WEIGHT * large.ratio;
        let from = if area > person {
            large
        } else if path.ratio > short.ratio {
            path
        } else {
            short
        };
        let Strongest { row, column, .. } = from;
        Rating {
            raw: person.max(area),
            large: area > person,
            row,
            column,
        }
    }
}

/// The event threshold for a training that kept `kept`: each part is scored by the scales of the others; the threshold
/// is the quantile [`THRESHOLD_QUANTILE`] of these scores times [`THRESHOLD_MARGIN`], and at least
/// [`LEAST_THRESHOLD`]. The parts are whole clips where there are enough, else stretches of time.
pub(super) fn event_threshold(height: usize, kept: &[Retained]) -> f64 {
    if kept.len() < LEAST_CROSS_VALIDATED {
        return LEAST_THRESHOLD;
    }
    let mut clips: Vec<u64> = kept.iter().map(|map| map.clip).collect();
    clips.dedup();
    let part = |at: usize, map: &Retained| {
        if clips.len() >= FOLDS {
            (map.clip % FOLDS as u64) as usize
        } else {
            at * FOLDS / kept.len()
        }
    };
    let of_part = |wanted: usize, inside: bool| {
        let with_part = kept.iter().enumerate();
        let chosen = with_part.filter(move |(at, map)| (part(*at, map) == wanted) == inside);
        chosen.map(|(_, map)| map)
    };
    let mut scores = Vec::with_capacity(kept.len());
    for wanted in 0..FOLDS {
        let others = Scales::learned(height, of_part(wanted, false));
        for map in of_part(wanted, true) {
            let peaks = map.strengths.iter().map(|s| Peak {
                strength: *s,
                column: 0,
            });
            scores.push(others.rate(peaks).raw as f32);
        }
    }
    rounded((THRESHOLD_MARGIN * quantile(scores, THRESHOLD_QUANTILE)).max(LEAST_THRESHOLD))
}

/// To six decimals: a number that is the same once it was written as text and read again.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// The smallest of `values` that a share `q` of them does not exceed; 0 without values.
fn quantile(mut values: Vec<f32>, q: f64) -> f64 {
    let last = values.len().saturating_sub(1);
    let at = ((q * last as f64).ceil() as usize).min(last);
    values.sort_unstable_by(f32::total_cmp);
    f64::from(values.get(at).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(clip: u64, strength: f32) -> Retained {
        Retained {
            clip,
            strengths: vec![strength; FILTERS],
        }
    }

    fn peaks(strengths: [f32; FILTERS]) -> impl Iterator<Item = Peak> {
        strengths.into_iter().map(|strength| Peak {
            strength,
            column: 7,
        })
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.99), 3.0);
        assert_eq!(quantile(Vec::new(), 0.5), 0.0);
    }

    #[test]
    fn ordinary_strength_is_rated_one() {
        let kept: Vec<Retained> = (0..100).map(|_| map(0, 0.25)).collect();
        let scales = Scales::learned(1, kept.iter());
        assert_eq!(scales.values(), [0.25; FILTERS]);
        let rating = scales.rate(peaks([0.25, 0.0, 0.1, 0.25, 0.0, 0.0]));
        assert!((rating.raw - 1.0).abs() < 1e-6 && !rating.large && rating.column == 7);
        let rating = scales.rate(peaks([0.25, 0.0, 0.0, 0.0, 0.0, 0.5]));
        assert!((rating.raw - 1.6).abs() < 1e-6 && rating.large);
    }

    #[test]
    fn rows_where_little_happened_keep_a_floor() {
        let mut strengths = vec![0.0; FILTERS * 5];
        strengths[0] = 0.6;
        let kept = [Retained { clip: 0, strengths }];
        let scales = Scales::learned(5, kept.iter());
        let rest: Vec<f64> = scales.values()[..5]
            .iter()
            .map(|v| (v * 1e4).round() / 1e4)
            .collect();
        assert_eq!(rest, [0.4, 0.24, 0.24, 0.24, 0.24]);
        assert_eq!(scales.values()[5..], [LEAST_SCALE; (FILTERS - 1) * 5]);
    }

    #[test]
    fn the_threshold_comes_from_parts_that_were_left_out() {
        let few = vec![map(0, 1.0); LEAST_CROSS_VALIDATED - 1];
        assert_eq!(event_threshold(1, &few), LEAST_THRESHOLD);
        let same = vec![map(0, 0.5); LEAST_CROSS_VALIDATED];
        assert_eq!(event_threshold(1, &same), LEAST_THRESHOLD);
        // One part of four is twice as strong as the others ever were.
        let mixed: Vec<Retained> = (0..400)
            .map(|i| map(i % 4, if i % 4 == 3 { 0.5 } else { 0.25 }))
            .collect();
        let threshold = event_threshold(1, &mixed);
        assert!(
            (threshold - 2.0 * THRESHOLD_MARGIN).abs() < 1e-3,
            "{threshold}"
        );
    }
}
