//! Maps of a drawn street for tests.

use std::sync::{Arc, LazyLock};

use super::{MapShape, Model, Trainer};
use cipherframe::FeatureMap;

/// The shape of the street's maps.
pub(super) const SHAPE: MapShape = MapShape {
    width: 48,
    height: 32,
    level_count: 3,
};

/// Something that moves along a row.
#[derive(Clone, Copy)]
pub(super) struct Walker {
    /// The left edge in the first map.
    pub(super) x: f64,
    /// The top.
    pub(super) y: usize,
    /// Windows per map, to the right.
    pub(super) speed: f64,
    pub(super) width: usize,
    pub(super) height: usize,
    /// The level it mostly has.
    pub(super) level: u8,
}

impl Walker {
    /// A person who walks to the right.
    pub(super) fn at(x: f64, y: usize) -> Walker {
        Walker {
            x,
            y,
            speed: 0.15,
            width: 3,
            height: 6,
            level: 2,
        }
    }
}

/// `count` maps with `walkers` in them, whose levels flicker as `seed` has it.
pub(super) fn drawn(walkers: &[Walker], count: usize, seed: u64) -> Vec<FeatureMap> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let map = |frame: usize| {
        let mut values = vec![0_u8; SHAPE.windows()];
        for walker in walkers {
            let left = walker.x + walker.speed * frame as f64;
            for y in walker.y..walker.y + walker.height {
                for step in 0..walker.width {
                    let x = left + step as f64;
                    let flicker = random(4) == 0;
                    if (0.0..48.0).contains(&x) && y < 32 {
                        values[y * 48 + x as usize] = walker.level - u8::from(flicker);
                    }
                }
            }
        }
        FeatureMap::new(48, 32, 3, values).unwrap()
    };
    (0..count).map(map).collect()
}

/// 60 maps of an ordinary street: people walk in both directions.
pub(super) fn street(seed: u64, pace: u8) -> Vec<FeatureMap> {
    let place = |i: u64| (seed * 7 + i * 11) % 40;
    let walkers: Vec<Walker> = (0..6)
        .map(|i| {
            let direction = if i % 2 == 0 { 1.0 } else { -1.0 };
            let speed = direction * f64::from(pace) * 0.15;
            Walker {
                speed,
                ..Walker::at(place(i) as f64, 10 + 2 * (place(i) as usize % 5))
            }
        })
        .collect();
    drawn(&walkers, 60, seed)
}

/// A model of twelve clips of the ordinary street.
pub(super) fn trained() -> Arc<Model> {
    static MODEL: LazyLock<Arc<Model>> = LazyLock::new(|| {
        let mut trainer = Trainer::new(SHAPE).unwrap();
        for clip in 0..12 {
            trainer.begin_clip();
            street(clip, 1)
                .iter()
                .for_each(|map| trainer.learn(map).unwrap());
        }
        Arc::new(trainer.model().unwrap())
    });
    Arc::clone(&MODEL)
}
