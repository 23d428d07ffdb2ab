//! Frames made up by tests, and sources that give them.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use camera_node::source::{Pull, Source, SourceError, SourceFrame};
use cipherframe::{Frame, PoolSpec, Quantiser, SchemeId, StreamSpec};

/// A stream of frames of `size` with evenly spaced levels; `pool` is kernel, stride and padding.
pub fn spec(scheme: SchemeId, size: (u32, u32), bits: u8, pool: (u8, u8, u8)) -> StreamSpec {
    let quantiser = Quantiser::from_bits(bits).unwrap();
    let pool = PoolSpec::new(pool.0, pool.1, pool.2).unwrap();
    StreamSpec::new(scheme, size.0, size.1, quantiser, pool).unwrap()
}

/// A frame whose pixel at column x and row y is `pixel(x, y)`.
pub fn frame(size: (u32, u32), pixel: impl Fn(u32, u32) -> u8) -> Frame {
    let places = (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y)));
    let luma = places.map(|(x, y)| pixel(x, y)).collect();
    Frame::new(size.0, size.1, luma).unwrap()
}

/// A black frame.
pub fn black(size: (u32, u32)) -> Frame {
    frame(size, |_, _| 0)
}

/// A frame with much in it, another one for each `seed`.
pub fn busy(size: (u32, u32), seed: u32) -> Frame {
    frame(size, |x, y| {
        let mixed = (x * 73 + y * 151 + seed * 59 + 1).wrapping_mul(2_654_435_761);
        (mixed >> 23) as u8
    })
}

/// A source that gives these frames as fast as they are asked for, and ends.
pub struct Frames {
    frames: VecDeque<Frame>,
    given: u64,
}

impl Frames {
    /// A source of `frames`.
    pub fn source(frames: impl IntoIterator<Item = Frame>) -> Box<dyn Source> {
        Box::new(Self {
            frames: frames.into_iter().collect(),
            given: 0,
        })
    }
}

impl Source for Frames {
    fn next(&mut self) -> Result<Pull, SourceError> {
        Ok(pulled(self.frames.pop_front(), &mut self.given))
    }

    fn interval(&self) -> Option<Duration> {
        None
    }
}

/// A source that waits for frames from its sender, and ends when that is dropped.
pub struct Feed {
    frames: mpsc::Receiver<Frame>,
    given: u64,
}

impl Feed {
    /// A source, and where its frames come from.
    pub fn open() -> (mpsc::Sender<Frame>, Box<dyn Source>) {
        let (sender, frames) = mpsc::channel();
        (sender, Box::new(Self { frames, given: 0 }))
    }
}

impl Source for Feed {
    fn next(&mut self) -> Result<Pull, SourceError> {
        Ok(pulled(self.frames.recv().ok(), &mut self.given))
    }

    fn interval(&self) -> Option<Duration> {
        None
    }
}

/// The next frame of the one clip, after `given` others.
fn pulled(frame: Option<Frame>, given: &mut u64) -> Pull {
    let Some(frame) = frame else {
        return Pull::End;
    };
    let index = *given;
    *given += 1;
    Pull::Frame(SourceFrame {
        clip: "made-up".to_owned(),
        index,
        captured: SystemTime::now(),
        frame,
    })
}
