//! What is normal for the demo's stream, learned from footage before it starts.
//!
//! The maps are made by plaintext pooling, which encrypted pooling equals value for value.

use super::streams::Stream;
use crate::footage;
use cipherframe::max_pool;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use viewer::AnomalyConfig;
use viewer::anomaly::Model;
use wire::failure::{Failure, FailureKind};

/// The footage of the bundled samples on which nothing unusual happens.
const SAMPLES: &str = "samples";
const NORMAL_SAMPLES: &str = "1-walk";

/// How long is learned from each stream itself where there is no such footage.
const FIRST: Duration = Duration::from_secs(60);

/// The folder to learn from: the one that was given, or that of the samples if they are shown.
pub(super) fn folder(given: Option<&Path>, video: &Path) -> Option<PathBuf> {
    let samples = (video == Path::new(SAMPLES)).then(|| video.join(NORMAL_SAMPLES));
    given.map(Path::to_owned).or(samples)
}

/// How the demo watches: the first stream, with what is learned from `folder`; or all of them, after a minute.
pub(super) fn watch(folder: Option<&Path>, streams: &[Stream]) -> Result<AnomalyConfig, Failure> {
    let mut config = AnomalyConfig::default();
    match (folder, streams.first()) {
        (Some(folder), Some(stream)) => {
            let model = learn(folder, stream)?;
            config.given.insert(stream.camera.clone(), Arc::new(model));
        }
        _ => config.learn = FIRST,
    }
    Ok(config)
}

fn learn(folder: &Path, stream: &Stream) -> Result<Model, Failure> {
    let trainer = footage::learn(folder, &stream.spec, stream.feature, |frame| {
        max_pool(frame, stream.spec.pool()).map_err(|error| Failure::of(FailureKind::Bug, &error))
    })?;
    trainer.model().map_err(|error| {
        let what = format!("nothing was learned from {}: {error}", folder.display());
        let mend = "name a folder of ordinary footage with --normal";
        Failure::new(FailureKind::BadData, what, mend)
    })
}
