//! One frame of a source as a picture, so that a person can aim the camera.

use std::path::Path;

use cipherframe::Frame;
use wire::failure::{Failure, FailureKind};

use crate::config::CameraConfig;
use crate::picture;
use crate::preprocess::Preprocessor;
use crate::source::{Source, SourceError, SourceFrame, next_frame};

/// A camera needs some frames to find its exposure.
const FRAMES_OF_A_CAMERA: u32 = 10;
/// Motion is the difference of two.
const FRAMES_OF_FILES: u32 = 2;

/// Writes what is encrypted of a frame, or the frame as the source gives it if `raw`, to `out`.
///
/// # Errors
/// When the source cannot be opened, gives no frame or is lost, or `out` cannot be written.
pub fn save(config: &CameraConfig, raw: bool, out: &Path) -> Result<Frame, Failure> {
    let picture = take(config.source.open_briefly()?.as_mut(), config, raw)?;
    picture::write(out, &picture)?;
    Ok(picture)
}

fn take(source: &mut dyn Source, config: &CameraConfig, raw: bool) -> Result<Frame, Failure> {
    let wanted = match source.live() {
        Some(_) => FRAMES_OF_A_CAMERA,
        None => FRAMES_OF_FILES,
    };
    let spec = &config.stream.spec;
    let mut preprocessor = Preprocessor::new(spec.clone(), config.stream.feature);
    let mut last = None;
    for _ in 0..wanted {
        let Some(frame) = next_frame(source)? else {
            break;
        };
        last = Some(if raw {
            frame.frame
        } else {
            prepared(&mut preprocessor, frame)?
        });
    }
    last.ok_or_else(|| SourceError::NoFrame.into())
}

/// What is encrypted of `frame`, its levels as greys.
fn prepared(preprocessor: &mut Preprocessor, frame: SourceFrame) -> Result<Frame, Failure> {
    let bug = |error| Failure::of(FailureKind::Bug, &error);
    let quantised = preprocessor.prepare(frame).map_err(bug)?.quantised;
    let levels = u32::from(quantised.level_count());
    let grey = |level: &u8| ((u32::from(*level) * 510 + levels) / (2 * levels)) as u8;
    let greys = quantised.levels().iter().map(grey).collect();
    Frame::new(quantised.width(), quantised.height(), greys).map_err(bug)
}
