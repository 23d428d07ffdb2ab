//! Learning and scoring without a camera, from folders of map pictures.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use wire::failure::{Failure, FailureKind};

use crate::anomaly::{MapShape, Model, OFFLINE_WINDOW, Region, Scorer, Trainer, centred};
use crate::map_folder::{self, MapClip, MapFolderError};
use crate::watch::models;

/// Learns what is normal from the maps below `maps`, which have `level_count` levels, and writes the model file.
///
/// # Errors
/// Maps that cannot be read or differ in shape, too little to learn from, a file that cannot be written.
pub fn train(maps: &Path, level_count: u8, file: &Path) -> Result<Model, Failure> {
    let mut trainer: Option<Trainer> = None;
    for clip in clips(maps)? {
        if let Some(trainer) = &mut trainer {
            trainer.begin_clip();
        }
        let mut before = None;
        for (seq, path) in &clip.maps {
            let map = map_folder::read(path, level_count).map_err(unreadable)?;
            let shape = |error| shape_failure(path, &error);
            let trainer = match &mut trainer {
                Some(trainer) => trainer,
                none => none.insert(Trainer::new(MapShape::of(&map)).map_err(shape)?),
            };
            trainer.skip(missing(before.replace(*seq), *seq));
            trainer.learn(&map).map_err(shape)?;
        }
    }
    let mend = "name a folder with more maps of ordinary times";
    let nothing = || Failure::new(FailureKind::BadData, "there is nothing to learn from", mend);
    let model = trainer.ok_or_else(nothing)?.model();
    let model =
        model.map_err(|error| Failure::new(FailureKind::BadData, error.to_string(), mend))?;
    models::write(file, &model).map_err(|error| {
        let what = format!("writing {}", file.display());
        Failure::io(what, &error, "name a file in a folder that can be written")
    })?;
    Ok(model)
}

/// A line of `viewer score`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// The folder of the clip; empty for the folder itself.
    clip: &'a str,
    /// The number of the map.
    seq: u64,
    /// The causal score, which events are made from.
    score: f64,
    /// The score of this map alone.
    raw: f64,
    /// The mean of the scores around it: the better one after the fact.
    centred: f64,
    /// From here on a score is unusual.
    threshold: f64,
    region: Option<Region>,
}

/// Scores the maps below `maps` with the model in `file`, and hands a line of JSON for each to `say`.
///
/// # Errors
/// A model or maps that cannot be read, maps of another shape.
pub fn score(maps: &Path, file: &Path, mut say: impl FnMut(String)) -> Result<(), Failure> {
    let model = models::read(file).map_err(|error| {
        let mend = "name a file that `viewer train` or a viewer has written";
        Failure::new(FailureKind::BadData, error.to_string(), mend)
    })?;
    let model = Arc::new(model);
    for clip in clips(maps)? {
        let mut scorer = Scorer::new(model.clone());
        let mut before = None;
        let mut scores = Vec::new();
        for (seq, path) in &clip.maps {
            let map = map_folder::read(path, model.shape().level_count).map_err(unreadable)?;
            scorer.skip(missing(before.replace(*seq), *seq));
            scores.push(
                scorer
                    .score(&map)
                    .map_err(|error| shape_failure(path, &error))?,
            );
        }
        let raw: Vec<f64> = scores.iter().map(|score| score.raw).collect();
        let smoothed = centred(&raw, OFFLINE_WINDOW);
        for (((seq, _), score), centred) in clip.maps.iter().zip(&scores).zip(smoothed) {
            let line = Line {
                clip: &clip.name,
                seq: *seq,
                score: score.value,
                raw: score.raw,
                centred,
                threshold: model.threshold(),
                region: score.region,
            };
            let line = serde_json::to_string(&line);
            say(line.map_err(|error| Failure::of(FailureKind::Bug, &error))?);
        }
    }
    Ok(())
}

/// How many numbers are missing between two maps.
fn missing(before: Option<u64>, seq: u64) -> u32 {
    let gap = before.map_or(0, |before| seq.saturating_sub(before + 1));
    u32::try_from(gap).unwrap_or(u32::MAX)
}

fn clips(maps: &Path) -> Result<Vec<MapClip>, Failure> {
    map_folder::clips(maps).map_err(unreadable)
}

fn unreadable(error: MapFolderError) -> Failure {
    let mend = match error {
        MapFolderError::Level { .. } => {
            "give the number of levels that the camera has: 3 for `levels = [8, 20, 45]`, 15 for `bits = 4`"
        }
        MapFolderError::Read { .. } | MapFolderError::Empty { .. } => {
            "name a folder `maps/CAMERA` that a viewer has written, or one of the sessions in it"
        }
    };
    Failure::new(FailureKind::BadData, error.to_string(), mend)
}

fn shape_failure(path: &Path, error: &crate::anomaly::ShapeError) -> Failure {
    let what = format!("{}: {error}", path.display());
    Failure::new(FailureKind::BadData, what, "name maps of one stream")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::write;
    use crate::testing::frame;
    use cipherframe::FeatureMap;

    /// A figure of 3x3 windows that walks, or an 8x8 one that races.
    fn clip(folder: &Path, session: u32, races: bool) {
        let (width, height) = (48, 27);
        for seq in 0..if races { 14u32 } else { 160 } {
            let (x, side, level) = if races {
                (3 * seq, 8, 3)
            } else {
                (seq / 4, 3, 1)
            };
            let value = |at: u32| {
                let inside =
                    (at % width).wrapping_sub(x) < side && (10..10 + side).contains(&(at / width));
                if inside { level } else { 0 }
            };
            let values = (0..width * height).map(value).collect();
            let map = FeatureMap::new(width, height, 3, values).unwrap();
            let frame = frame("gate", session, u64::from(seq));
            write(folder, &frame, u64::from(session), &map).unwrap();
        }
    }

    #[test]
    fn a_model_learned_from_pictures_tells_the_unusual_from_the_usual() {
        let folder = tempfile::tempdir().unwrap();
        let (walk, race) = (folder.path().join("walk"), folder.path().join("race"));
        clip(&walk, 1, false);
        clip(&race, 1, true);
        let file = folder.path().join("gate.json");
        let model = train(&walk.join("maps/gate"), 3, &file).unwrap();
        assert_eq!(model.maps(), 160);
        let highest = |folder: &Path| {
            let mut highest = 0.0_f64;
            let say = |line: String| {
                let line: serde_json::Value = serde_json::from_str(&line).unwrap();
                assert_eq!(line["clip"].as_str().unwrap().len(), 13 + 1 + 32);
                highest = highest.max(line["score"].as_f64().unwrap());
            };
            score(&folder.join("maps/gate"), &file, say).unwrap();
            highest
        };
        assert!(highest(&walk) < model.threshold());
        assert!(highest(&race) > model.threshold());
    }

    #[test]
    fn sessions_of_a_camera_are_learned_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        clip(folder.path(), 1, false);
        clip(folder.path(), 2, false);
        let file = folder.path().join("gate.json");
        let model = train(&folder.path().join("maps/gate"), 3, &file).unwrap();
        assert_eq!((model.clips(), model.maps()), (2, 320));
    }

    #[test]
    fn a_wrong_number_of_levels_says_what_to_give() {
        let folder = tempfile::tempdir().unwrap();
        clip(folder.path(), 1, false);
        let file = folder.path().join("gate.json");
        let maps = folder.path().join("maps/gate");
        let failure = train(&maps, 15, &file);
        // 85 is a level of 15 too, but three of these are not what was meant; 7 levels have no 85.
        assert!(failure.is_ok());
        let failure = train(&maps, 7, &file).unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadData);
        assert!(
            failure.mend.contains("3 for `levels = [8, 20, 45]`"),
            "{failure}"
        );
    }
}
