//! Footage as a camera would quantise it, clip by clip, without encryption or network.

use camera_node::Feature;
use camera_node::preprocess::Preprocessor;
use camera_node::source::{FolderSource, Pull, Repeat, Source};
use cipherframe::{FeatureMap, QuantisedFrame, StreamSpec};
use std::path::Path;
use viewer::anomaly::{MapShape, Trainer};
use wire::failure::{Failure, FailureKind};

/// A frame of a clip.
pub(crate) struct FootageFrame {
    /// The clip, such as the name of its folder.
    pub(crate) clip: String,
    /// What a camera would encrypt.
    pub(crate) quantised: QuantisedFrame,
}

/// Learns from the footage below `folder`, clip by clip, as maps that `pool` makes of them.
pub(crate) fn learn(
    folder: &Path,
    spec: &StreamSpec,
    feature: Feature,
    pool: impl Fn(&QuantisedFrame) -> Result<FeatureMap, Failure>,
) -> Result<Trainer, Failure> {
    let plan = spec.tile_plan();
    let trainer = Trainer::new(MapShape {
        width: plan.map_width(),
        height: plan.map_height(),
        level_count: spec.quantiser().level_count(),
    });
    let mut trainer = trainer.map_err(|error| Failure::of(FailureKind::BadData, &error))?;
    let mut clip = None;
    each(folder, spec, feature, |frame| {
        if clip.as_ref() != Some(&frame.clip) {
            trainer.begin_clip();
            clip = Some(frame.clip);
        }
        let learned = trainer.learn(&pool(&frame.quantised)?);
        learned.map_err(|error| Failure::of(FailureKind::Bug, &error))
    })?;
    Ok(trainer)
}

/// Reads the footage below `folder` in its order and hands each frame to `take`. Files that cannot be used are said on
/// stderr and left out.
pub(crate) fn each(
    folder: &Path,
    spec: &StreamSpec,
    feature: Feature,
    mut take: impl FnMut(FootageFrame) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut source = FolderSource::open(folder, None, Repeat::Once)?;
    let mut preprocessor = Preprocessor::new(spec.clone(), feature);
    loop {
        match source.next()? {
            Pull::End => return Ok(()),
            Pull::Skipped { file, reason } => eprintln!("left out {}: {reason}", file.display()),
            Pull::Frame(frame) => {
                let prepared = preprocessor.prepare(frame);
                let prepared =
                    prepared.map_err(|error| Failure::of(FailureKind::BadData, &error))?;
                take(FootageFrame {
                    clip: prepared.clip,
                    quantised: prepared.quantised,
                })?;
            }
        }
    }
}
