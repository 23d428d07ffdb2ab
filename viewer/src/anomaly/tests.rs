//! Tests of the detector as a whole, with maps of other kinds than those of a street.

use std::sync::Arc;

use proptest::prelude::*;

use super::testing::{SHAPE, Walker, drawn, street};
use super::{EventChange, EventSettings, EventTracker, MapShape, Model, Region, Scorer, Trainer};
use cipherframe::FeatureMap;

/// The highest score of `maps`.
fn highest(model: &Arc<Model>, maps: &[FeatureMap]) -> f64 {
    let mut scorer = Scorer::new(Arc::clone(model));
    maps.iter()
        .map(|map| scorer.score(map).unwrap().value)
        .fold(0.0, f64::max)
}

#[test]
fn a_model_counts_what_it_was_made_of() {
    let mut trainer = Trainer::new(SHAPE).unwrap();
    for clip in 0..3 {
        trainer.begin_clip();
        trainer.begin_clip();
        street(clip, 1)
            .iter()
            .for_each(|map| trainer.learn(map).unwrap());
    }
    let model = trainer.model().unwrap();
    assert_eq!(
        (model.clips(), model.maps(), model.shape()),
        (3, 180, SHAPE)
    );
}

#[test]
fn a_map_of_another_shape_is_refused() {
    let mut trainer = Trainer::new(SHAPE).unwrap();
    let other = FeatureMap::new(1, 1, 3, vec![0]).unwrap();
    assert!(trainer.learn(&other).is_err());
    assert_eq!(trainer.maps(), 0);
    assert!(Trainer::new(MapShape { width: 0, ..SHAPE }).is_err());
}

#[test]
fn half_a_minute_of_one_walker_is_enough_to_notice_a_cyclist() {
    let figure = |x: f64, speed: f64, width: usize| Walker {
        x,
        y: 16,
        speed,
        width,
        height: 13,
        level: 3,
    };
    let walk = drawn(&[figure(-9.0, 1.7, 9)], 32, 1);
    let other_way = figure(48.0, -1.7, 9);
    let race = drawn(&[other_way, figure(-80.0, 6.0, 17)], 32, 2);
    let mut trainer = Trainer::new(SHAPE).unwrap();
    walk.iter().for_each(|map| trainer.learn(map).unwrap());
    let model = Arc::new(trainer.model().unwrap());
    let mut scorer = Scorer::new(Arc::clone(&model));
    let mut tracker = EventTracker::new(EventSettings::at(model.threshold()));
    let mut events = Vec::new();
    for pass in 0..3 {
        for (at, map) in walk.iter().chain(&race).enumerate() {
            let score = scorer.score(map).unwrap();
            if let Some(EventChange::Began(event)) = tracker.observe((pass, at), 0, &score) {
                events.push(event.began);
            }
        }
    }
    // One in each pass, while the cyclist is there.
    let passes: Vec<i32> = events.iter().map(|(pass, _)| *pass).collect();
    assert_eq!(passes, [0, 1, 2], "{events:?}");
    assert!(
        events.iter().all(|(_, at)| (32 + 11..32 + 22).contains(at)),
        "{events:?}"
    );
}

#[test]
fn maps_of_luma_lose_the_empty_scene() {
    let shape = MapShape {
        width: 32,
        height: 16,
        level_count: 7,
    };
    // A scene of stripes that a figure of another tone walks through.
    let clip = |speed: usize, tone: u8, side: usize| -> Vec<FeatureMap> {
        let level = |frame: usize, x: usize, y: usize| {
            let left = frame * speed / 4;
            let inside = (left..left + side).contains(&x) && (4..4 + 2 * side).contains(&y);
            if inside {
                tone
            } else {
                (x / 3 % 2) as u8 * 3 + 1
            }
        };
        let map = |frame| {
            let values = (0..shape.windows())
                .map(|at| level(frame, at % 32, at / 32))
                .collect();
            FeatureMap::new(32, 16, 7, values).unwrap()
        };
        (0..60).map(map).collect()
    };
    let mut trainer = Trainer::new(shape).unwrap();
    for _ in 0..3 {
        trainer.begin_clip();
        clip(2, 5, 2)
            .iter()
            .for_each(|map| trainer.learn(map).unwrap());
    }
    let model = Arc::new(trainer.model().unwrap());
    assert!(highest(&model, &clip(2, 5, 2)) < model.threshold());
    assert!(highest(&model, &clip(2, 7, 5)) > model.threshold());
}

#[test]
fn small_maps_of_many_levels_work_too() {
    let shape = MapShape {
        width: 8,
        height: 8,
        level_count: 15,
    };
    let clip = |side: usize, level: u8| -> Vec<FeatureMap> {
        let lit = |frame: usize, i: usize| {
            i % 8 >= frame % 4 && i % 8 < frame % 4 + side && i / 8 >= 2 && i / 8 < 2 + side
        };
        let map = |frame| {
            (0..64)
                .map(|i| if lit(frame, i) { level } else { 0 })
                .collect()
        };
        (0..32)
            .map(|frame| FeatureMap::new(8, 8, 15, map(frame)).unwrap())
            .collect()
    };
    let mut trainer = Trainer::new(shape).unwrap();
    clip(2, 8)
        .iter()
        .for_each(|map| trainer.learn(map).unwrap());
    let mut scorer = Scorer::new(Arc::new(trainer.model().unwrap()));
    let mut best = |side, level| {
        scorer.reset();
        let scores = clip(side, level);
        scores
            .iter()
            .map(|map| scorer.score(map).unwrap().value)
            .fold(0.0, f64::max)
    };
    assert!(best(2, 8) < 1.2 && best(2, 15) > 1.4 && best(5, 8) > 1.4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_maps_give_finite_scores(
        width in 1_u32..90, height in 1_u32..40, levels in 1_u8..=255, seed: u64, gap: u32,
    ) {
        let shape = MapShape { width, height, level_count: levels };
        let mut state = seed | 1;
        let mut map = || {
            let values = (0..shape.windows()).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                ((state >> 33) % (u64::from(levels) + 1)) as u8
            });
            FeatureMap::new(width, height, levels, values.collect()).unwrap()
        };
        let mut trainer = Trainer::new(shape).unwrap();
        (0..20).for_each(|_| trainer.learn(&map()).unwrap());
        // Noise of many levels can be too even to be activity.
        let Ok(model) = trainer.model() else { return Ok(()) };
        let model = Model::from_json(&model.to_json().unwrap()).unwrap();
        let mut scorer = Scorer::new(Arc::new(model));
        for _ in 0..6 {
            let score = scorer.score(&map()).unwrap();
            prop_assert!(score.raw.is_finite() && score.raw >= 0.0);
            prop_assert!(score.value.is_finite() && score.value >= 0.0);
            if let Some(Region { x, y, width: w, height: h }) = score.region {
                prop_assert!(w > 0 && h > 0 && x + w <= width && y + h <= height);
            }
            scorer.skip(gap % 5);
        }
    }
}
