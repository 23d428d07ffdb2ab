//! The JSON form of a trainer: what was learned so far, for a later run to go on with.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::beginning::{Beginning, Step};
use super::energy::Energies;
use super::filters::Filters;
use super::retained::{Retained, Thinned};
use super::settings::{FILTERS, MAX_TRAINING_BYTES, RETAINED_MAPS};
use super::shape::{MapShape, ShapeError};
use super::trainer::{Filtering, Stage, Trainer};
use cipherframe::FeatureMap;

/// The version of the JSON form.
const TRAINING_VERSION: u32 = 1;

/// Strengths are means of energies of at most 1, and rounded.
const MAX_STRENGTH: f32 = 1.001;

/// The JSON form of a trainer.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    learned_ms: u64,
    shape: MapShape,
    clips: u64,
    maps: u64,
    stage: WrittenStage,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum WrittenStage {
    Beginning(Vec<WrittenStep>),
    Filtering {
        /// Base64 of the level of each window.
        usual_levels: String,
        stride: u64,
        seen: u64,
        kept: Vec<WrittenPeaks>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum WrittenStep {
    Map {
        clip: u64,
        /// Base64 of the level of each window.
        levels: String,
    },
    Reset,
    Skip(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPeaks {
    clip: u64,
    /// Base64 of the strengths, four bytes each, the lowest first.
    strengths: String,
}

/// The only field that every version has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Why a text is nothing that can be gone on with.
#[derive(Debug, Error)]
pub enum TrainingError {
    /// Longer than [`MAX_TRAINING_BYTES`].
    #[error("it takes {0} bytes; {MAX_TRAINING_BYTES} are the most")]
    TooLong(usize),
    /// Not the JSON of a trainer.
    #[error("this is not the JSON of what was learned: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version.
    #[error("it has version {0} and this program reads version {TRAINING_VERSION}")]
    Version(u32),
    /// A shape that no map has.
    #[error("it is for impossible maps: {0}")]
    Shape(#[from] ShapeError),
    /// A part that does not fit the others.
    #[error("`{0}` does not fit the rest; it is corrupt")]
    Corrupt(&'static str),
}

impl Trainer {
    /// What was learned so far as JSON, on one line. `learned` is how long that took, for the caller, who has a clock.
    ///
    /// # Errors
    /// None that a trainer can cause.
    pub fn to_json(&self, learned: Duration) -> Result<String, TrainingError> {
        let stage = match &self.stage {
            Stage::Beginning(beginning) => {
                WrittenStage::Beginning(beginning.steps().iter().map(written_step).collect())
            }
            Stage::Filtering(filtering) => WrittenStage::Filtering {
                usual_levels: BASE64_STANDARD.encode(filtering.energies.usual()),
                stride: filtering.statistics.stride(),
                seen: filtering.statistics.seen(),
                kept: filtering
                    .statistics
                    .kept()
                    .iter()
                    .map(written_peaks)
                    .collect(),
            },
        };
        let written = Written {
            version: TRAINING_VERSION,
            learned_ms: u64::try_from(learned.as_millis()).unwrap_or(u64::MAX),
            shape: self.shape,
            clips: self.clips,
            maps: self.maps,
            stage,
        };
        Ok(serde_json::to_string(&written)?)
    }

    /// The trainer in `json` and how long it has learned. Its next map begins a clip.
    ///
    /// # Errors
    /// When the text is too long, no JSON of a trainer, of another version, or when its parts do not fit together.
    pub fn from_json(json: &str) -> Result<(Trainer, Duration), TrainingError> {
        if json.len() > MAX_TRAINING_BYTES {
            return Err(TrainingError::TooLong(json.len()));
        }
        let Version { version } = serde_json::from_str(json)?;
        if version != TRAINING_VERSION {
            return Err(TrainingError::Version(version));
        }
        let written: Written = serde_json::from_str(json)?;
        let shape = written.shape.usable()?;
        let stage = match written.stage {
            WrittenStage::Beginning(steps) => Stage::Beginning(beginning(shape, steps)?),
            WrittenStage::Filtering {
                usual_levels,
                stride,
                seen,
                kept,
            } => {
                let usual = levels(shape, &usual_levels).ok_or(CORRUPT_USUAL)?;
                let kept: Option<Vec<Retained>> = kept
                    .into_iter()
                    .map(|peaks| retained(shape, &peaks))
                    .collect();
                let fits = |kept: &Vec<Retained>| {
                    kept.len() < RETAINED_MAPS && kept.len() as u64 <= seen && stride > 0
                };
                let kept = kept.filter(fits).ok_or(TrainingError::Corrupt("kept"))?;
                Stage::Filtering(Filtering {
                    energies: Energies::new(shape, usual.values().to_vec()),
                    filters: Filters::new(shape.grid()),
                    statistics: Thinned::restored(kept, stride, seen),
                })
            }
        };
        let mut trainer = Trainer {
            shape,
            stage,
            clips: written.clips,
            maps: written.maps,
            in_clip: true,
        };
        trainer.begin_clip();
        Ok((trainer, Duration::from_millis(written.learned_ms)))
    }
}

const CORRUPT_USUAL: TrainingError = TrainingError::Corrupt("usual_levels");

fn written_step(step: &Step) -> WrittenStep {
    match step {
        Step::Map { map, clip } => WrittenStep::Map {
            clip: *clip,
            levels: BASE64_STANDARD.encode(map.values()),
        },
        Step::Reset => WrittenStep::Reset,
        Step::Skip(count) => WrittenStep::Skip(*count),
    }
}

fn written_peaks(kept: &Retained) -> WrittenPeaks {
    let bytes: Vec<u8> = kept
        .strengths
        .iter()
        .flat_map(|strength| strength.to_le_bytes())
        .collect();
    WrittenPeaks {
        clip: kept.clip,
        strengths: BASE64_STANDARD.encode(bytes),
    }
}

fn beginning(shape: MapShape, steps: Vec<WrittenStep>) -> Result<Beginning, TrainingError> {
    let mut beginning = Beginning::new();
    for step in steps {
        beginning.push(match step {
            WrittenStep::Map { clip, levels: text } => Step::Map {
                map: levels(shape, &text).ok_or(TrainingError::Corrupt("levels"))?,
                clip,
            },
            WrittenStep::Reset => Step::Reset,
            WrittenStep::Skip(count) => Step::Skip(count),
        });
        if beginning.is_full(shape) {
            return Err(TrainingError::Corrupt("beginning"));
        }
    }
    Ok(beginning)
}

/// A level for each window.
fn levels(shape: MapShape, text: &str) -> Option<FeatureMap> {
    let values = BASE64_STANDARD.decode(text).ok()?;
    FeatureMap::new(shape.width, shape.height, shape.level_count, values).ok()
}

fn retained(shape: MapShape, peaks: &WrittenPeaks) -> Option<Retained> {
    let bytes = BASE64_STANDARD.decode(&peaks.strengths).ok()?;
    let (chunks, rest) = bytes.as_chunks();
    let strengths: Vec<f32> = chunks
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let fits = rest.is_empty()
        && strengths.len() == FILTERS * shape.grid().1
        && strengths
            .iter()
            .all(|strength| (0.0..=MAX_STRENGTH).contains(strength));
    fits.then_some(Retained {
        clip: peaks.clip,
        strengths,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{SHAPE, street};
    use super::*;

    const LEARNED: Duration = Duration::from_millis(1234);

    /// A trainer that was shown clips of the street, 60 maps each.
    fn shown(clips: u64) -> Trainer {
        let mut trainer = Trainer::new(SHAPE).unwrap();
        for clip in 0..clips {
            trainer.begin_clip();
            street(clip, 1)
                .iter()
                .for_each(|map| trainer.learn(map).unwrap());
        }
        trainer
    }

    #[test]
    fn learning_goes_on_as_if_it_had_never_stopped() {
        // Before and after the usual levels are settled.
        for clips in [2, 6] {
            let mut before = shown(clips);
            let json = before.to_json(LEARNED).unwrap();
            let (mut after, learned) = Trainer::from_json(&json).unwrap();
            assert_eq!((learned, after.maps()), (LEARNED, 60 * clips));
            before.begin_clip();
            for map in (clips..2 * clips).flat_map(|clip| street(clip, 1)) {
                before.learn(&map).unwrap();
                after.learn(&map).unwrap();
            }
            let model = |trainer: &Trainer| trainer.model().unwrap().to_json().unwrap();
            assert_eq!(model(&after), model(&before));
        }
    }

    #[test]
    fn the_largest_fits_the_limit() {
        let mut trainer = Trainer::new(MapShape {
            width: 256,
            height: 256,
            level_count: 255,
        })
        .unwrap();
        let map = FeatureMap::new(256, 256, 255, vec![255; 256 * 256]).unwrap();
        (0..255).for_each(|_| trainer.learn(&map).unwrap());
        assert!(matches!(trainer.stage, Stage::Beginning(_)));
        assert!(trainer.to_json(LEARNED).unwrap().len() < MAX_TRAINING_BYTES);
    }

    /// What is said of a trainer in which `from` was replaced by `to`.
    fn said_of(trainer: &Trainer, from: &str, to: &str) -> String {
        let json = trainer.to_json(LEARNED).unwrap();
        assert!(json.contains(from), "{json}");
        Trainer::from_json(&json.replacen(from, to, 1))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_corrupt_is_refused() {
        let (young, old) = (shown(1), shown(5));
        assert!(said_of(&young, "\"version\":1", "\"version\":2").contains("version 2"));
        assert!(said_of(&young, "\"width\":48", "\"width\":0").contains("impossible"));
        assert!(said_of(&young, "\"width\":48", "\"width\":47").contains("`levels`"));
        assert!(said_of(&young, "\"level_count\":3", "\"level_count\":1").contains("`levels`"));
        assert!(said_of(&old, "\"width\":48", "\"width\":47").contains("`usual_levels`"));
        assert!(said_of(&old, "\"strengths\":\"", "\"strengths\":\"AAAA").contains("`kept`"));
        assert!(
            said_of(&old, "\"strengths\":\"AAAAAAAA", "\"strengths\":\"AADAfwAA")
                .contains("`kept`")
        );
        assert!(said_of(&old, "\"stride\":1", "\"stride\":0").contains("`kept`"));
        assert!(said_of(&old, "\"seen\":", "\"more\":1,\"seen\":").contains("more"));
        assert!(said_of(&old, "}", "").contains("not the JSON"));
        let long = " ".repeat(MAX_TRAINING_BYTES + 1);
        assert!(matches!(
            Trainer::from_json(&long),
            Err(TrainingError::TooLong(_))
        ));
    }

    proptest! {
        #[test]
        fn no_text_panics(clips in 1_u64..6, at in 0_usize..4000, byte in 32_u8..127) {
            let mut json = shown(clips).to_json(LEARNED).unwrap().into_bytes();
            if let Some(place) = json.get_mut(at) {
                *place = byte;
            }
            if let Ok((mut trainer, _)) = Trainer::from_json(&String::from_utf8(json).unwrap()) {
                let _ = street(9, 1).iter().try_for_each(|map| trainer.learn(map));
                let _ = trainer.model();
            }
        }
    }
}
