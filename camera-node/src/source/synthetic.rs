//! A street scene of our own: the same seed always gives the same pixels.
//!
//! Two clips of [`CLIP_FRAMES`] frames each. In the first a figure walks along the pavement; in the
//! second a cyclist races over the pavement and the figure on it stops with its arms up.

mod canvas;
mod figures;
mod street;

use std::time::{Duration, SystemTime};

use cipherframe::Frame;

use self::canvas::{Canvas, noise, scramble};
use self::figures::{Cyclist, Walker};
use super::{Pull, Source, SourceError, SourceFrame};

/// Width of every frame in pixels.
pub const WIDTH: u32 = 160;
/// Height of every frame in pixels.
pub const HEIGHT: u32 = 90;
/// Frames in each clip.
pub const CLIP_FRAMES: u32 = 32;
/// The seed of the frames in `samples/`.
pub const SAMPLES_SEED: u64 = 1;

/// The largest change the simulated sensor makes to a pixel.
const SENSOR_NOISE: f32 = 2.0;

/// The clips in the order they are played.
const CLIPS: [(Clip, &str); 2] = [(Clip::Walk, "1-walk"), (Clip::Cyclist, "2-cyclist")];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clip {
    Walk,
    Cyclist,
}

/// Renders the street scene, clip after clip, once.
#[derive(Debug)]
pub struct SyntheticSource {
    /// Decides the grain of the surfaces and the noise of the sensor.
    seed: u64,
    /// The empty street, drawn once and copied for each frame.
    street: Canvas,
    /// Frames handed out so far, over all clips.
    rendered: u32,
    /// The time between two frames; `None` renders as fast as it can.
    interval: Option<Duration>,
}

impl SyntheticSource {
    /// The scene that belongs to `seed`, one frame each `interval`.
    pub fn new(seed: u64, interval: Option<Duration>) -> SyntheticSource {
        SyntheticSource {
            seed,
            street: street::draw(seed),
            rendered: 0,
            interval,
        }
    }

    fn render(&self, clip: Clip, index: u32) -> Vec<u8> {
        let mut canvas = self.street.clone();
        let time = index as f32;
        match clip {
            Clip::Walk => walk(&mut canvas, time),
            Clip::Cyclist => cyclist(&mut canvas, time),
        }
        street::draw_foreground(&mut canvas);
        let frame_seed = scramble(self.seed ^ scramble(u64::from(index) << 8 | clip as u64));
        canvas.change(|x, y, tone| tone + noise(frame_seed, x, y) * SENSOR_NOISE);
        canvas.into_luma()
    }
}

/// A figure in a dark coat walks from the left to the right.
fn walk(canvas: &mut Canvas, time: f32) {
    let walker = Walker {
        x: -8.0 + 5.6 * time,
        ground: 82.0,
        facing: 1.0,
        steps: 0.62 * time,
        startled: false,
        coat: 58.0,
    };
    walker.draw(canvas);
}

/// A figure in a light coat walks to the left; a cyclist races past behind it.
fn cyclist(canvas: &mut Canvas, time: f32) {
    let stopped = time.clamp(12.0, 18.0) - 12.0;
    let walked = time - stopped;
    let rider = Cyclist {
        x: -20.0 + 19.0 * (time - 10.0),
        ground: 80.0,
        turns: 0.3 * time,
    };
    let walker = Walker {
        x: 168.0 - 5.6 * walked,
        ground: 86.0,
        facing: -1.0,
        steps: 0.62 * walked,
        startled: stopped > 0.0 && stopped < 6.0,
        coat: 200.0,
    };
    // The rider is farther away, so the walker covers it.
    rider.draw(canvas);
    walker.draw(canvas);
}

impl Source for SyntheticSource {
    fn next(&mut self) -> Result<Pull, SourceError> {
        let index = self.rendered % CLIP_FRAMES;
        let Some(&(clip, name)) = CLIPS.get((self.rendered / CLIP_FRAMES) as usize) else {
            return Ok(Pull::End);
        };
        self.rendered += 1;
        let frame = Frame::new(WIDTH, HEIGHT, self.render(clip, index))?;
        Ok(Pull::Frame(SourceFrame {
            clip: name.to_owned(),
            index: u64::from(index),
            captured: SystemTime::now(),
            frame,
        }))
    }

    fn interval(&self) -> Option<Duration> {
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(seed: u64) -> Vec<SourceFrame> {
        let mut source = SyntheticSource::new(seed, None);
        let mut frames = Vec::new();
        while let Pull::Frame(frame) = source.next().unwrap() {
            frames.push(frame);
        }
        frames
    }

    /// Mean absolute difference of two frames.
    fn difference(a: &Frame, b: &Frame) -> f64 {
        let sum: u64 = a
            .luma()
            .iter()
            .zip(b.luma())
            .map(|(&a, &b)| u64::from(a.abs_diff(b)))
            .sum();
        sum as f64 / a.luma().len() as f64
    }

    #[test]
    fn a_seed_decides_every_pixel() {
        let (first, again, other) = (frames(3), frames(3), frames(4));
        for ((a, b), c) in first.iter().zip(&again).zip(&other) {
            assert_eq!(a.frame.luma(), b.frame.luma());
            assert_ne!(a.frame.luma(), c.frame.luma());
        }
    }

    #[test]
    fn two_clips_of_numbered_frames() {
        let names: Vec<_> = frames(1).into_iter().map(|f| (f.clip, f.index)).collect();
        let expected: Vec<_> = ["1-walk", "2-cyclist"]
            .iter()
            .flat_map(|clip| (0..u64::from(CLIP_FRAMES)).map(|i| ((*clip).to_owned(), i)))
            .collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_cyclist_moves_more_than_anything_else() {
        let frames = frames(SAMPLES_SEED);
        let changes: Vec<f64> = frames
            .chunks(CLIP_FRAMES as usize)
            .flat_map(|clip| {
                clip.windows(2)
                    .map(|pair| difference(&pair[0].frame, &pair[1].frame))
            })
            .collect();
        let (quiet, eventful) = changes.split_at(CLIP_FRAMES as usize - 1);
        let busiest_walk = quiet.iter().copied().fold(0.0, f64::max);
        let busiest_ride = eventful.iter().copied().fold(0.0, f64::max);
        assert!(
            busiest_ride > 1.3 * busiest_walk,
            "{busiest_ride} against {busiest_walk}"
        );
    }

    #[test]
    fn the_sensor_is_noisy_but_only_a_little() {
        // Before the cyclist comes, the left half of the second clip stands still.
        let second = frames(SAMPLES_SEED).split_off(CLIP_FRAMES as usize);
        let left = |f: &SourceFrame| {
            let rows = f.frame.luma().chunks(WIDTH as usize);
            rows.flat_map(|row| row[..80].to_vec()).collect::<Vec<u8>>()
        };
        let (a, b) = (left(&second[2]), left(&second[3]));
        assert_ne!(a, b);
        assert!(
            a.iter()
                .zip(&b)
                .all(|(a, b)| a.abs_diff(*b) <= 2 * SENSOR_NOISE as u8 + 1)
        );
    }
}
