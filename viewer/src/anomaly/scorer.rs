//! Scores maps one by one.

use std::collections::VecDeque;
use std::sync::Arc;

use super::filters::Filters;
use super::model::Model;
use super::region::Region;
use super::settings::CAUSAL_WINDOW;
use super::shape::ShapeError;
use cipherframe::FeatureMap;

/// How unusual a map is. The unit is that of the model: 1 is what one map of a hundred reaches in ordinary times.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// The mean of `raw` over this map and the two before it; at least 0 and finite. To be compared with
    /// [`Model::threshold`].
    pub value: f64,
    /// The map's own score; at least 0 and finite. For curves that are smoothed after the fact.
    pub raw: f64,
    /// Where the most unusual thing is; `None` when nothing is there.
    pub region: Option<Region>,
}

/// Scores the maps of one camera in their order. A 48x32 map takes well below a millisecond; time grows with the number
/// of windows and does not depend on what is in them.
#[derive(Clone, Debug)]
pub struct Scorer {
    model: Arc<Model>,
    filters: Filters,
    /// The last raw scores, the latest first.
    recent: VecDeque<f64>,
}

impl Scorer {
    /// A scorer that has seen nothing.
    pub fn new(model: Arc<Model>) -> Scorer {
        let filters = Filters::new(model.shape().grid());
        Scorer {
            model,
            filters,
            recent: VecDeque::new(),
        }
    }

    /// The model that maps are held against.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The score of the next map.
    ///
    /// # Errors
    /// When the map has another shape than those of the model; then it is as if it had not come.
    pub fn score(&mut self, map: &FeatureMap) -> Result<Score, ShapeError> {
        self.model.shape().expect(map)?;
        let energies = self.model.energies.of(map);
        let peaks = self.filters.observe(&energies);
        let rating = self.model.scales.rate(peaks.into_iter());
        self.recent.truncate(CAUSAL_WINDOW - 1);
        self.recent.push_front(rating.raw);
        let value = self.recent.iter().sum::<f64>() / self.recent.len() as f64;
        let region = if rating.raw > 0.0 {
            Region::of(&rating, &energies, self.model.shape())
        } else {
            None
        };
        Ok(Score {
            value,
            raw: rating.raw,
            region,
        })
    }

    /// `count` maps are missing before the next one. A dozen or more are a new start.
    pub fn skip(&mut self, count: u32) {
        self.filters.skip(count);
        let left = CAUSAL_WINDOW.saturating_sub(count as usize);
        self.recent.truncate(left);
    }

    /// The next map does not go on where the last one was.
    pub fn reset(&mut self) {
        self.filters.reset();
        self.recent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Walker, drawn, street, trained};
    use super::*;

    fn scored(maps: &[FeatureMap]) -> Vec<Score> {
        let mut scorer = Scorer::new(trained());
        maps.iter().map(|map| scorer.score(map).unwrap()).collect()
    }

    fn highest(scores: &[Score]) -> Score {
        scores
            .iter()
            .copied()
            .max_by(|a, b| a.value.total_cmp(&b.value))
            .unwrap()
    }

    #[test]
    fn ordinary_clips_stay_below_the_threshold() {
        for seed in 100..104 {
            let best = highest(&scored(&street(seed, 1)));
            assert!(best.value < trained().threshold(), "{seed}: {best:?}");
        }
    }

    #[test]
    fn something_strong_is_above_the_threshold_and_located() {
        let fast = Walker {
            speed: 0.75,
            level: 3,
            ..Walker::at(6.0, 12)
        };
        let scores = scored(&drawn(&[Walker::at(40.0, 20), fast], 40, 5));
        let best = highest(&scores);
        assert!(best.value > trained().threshold(), "{best:?}");
        let last = scores.last().and_then(|score| score.region).unwrap();
        assert!(last.x > 25 && last.y < 16, "{last:?}");
    }

    #[test]
    fn something_large_is_above_the_threshold_and_located() {
        let van = Walker {
            width: 14,
            height: 9,
            level: 2,
            ..Walker::at(20.0, 14)
        };
        let best = highest(&scored(&drawn(&[van], 30, 6)));
        assert!(best.value > trained().threshold(), "{best:?}");
        assert!(best.region.unwrap().width >= 10, "{best:?}");
    }

    #[test]
    fn a_reset_forgets_and_silence_scores_nothing() {
        let maps = street(7, 1);
        let mut scorer = Scorer::new(trained());
        let first: Vec<Score> = maps.iter().map(|map| scorer.score(map).unwrap()).collect();
        scorer.reset();
        let second: Vec<Score> = maps.iter().map(|map| scorer.score(map).unwrap()).collect();
        assert_eq!(first, second);
        scorer.skip(1000);
        let silence = FeatureMap::new(48, 32, 3, vec![0; 48 * 32]).unwrap();
        assert_eq!(scorer.score(&silence), Ok(Score::default()));
    }

    #[test]
    fn short_gaps_change_little() {
        let fast = Walker {
            speed: 0.5,
            level: 3,
            ..Walker::at(6.0, 12)
        };
        let maps = drawn(&[fast], 30, 8);
        let whole = highest(&scored(&maps)).value;
        let mut scorer = Scorer::new(trained());
        let mut best: f64 = 0.0;
        for (at, map) in maps.iter().enumerate() {
            if at % 5 == 4 {
                scorer.skip(1);
            } else {
                best = best.max(scorer.score(map).unwrap().value);
            }
        }
        assert!((best - whole).abs() < 0.15 * whole, "{best} {whole}");
    }
}
