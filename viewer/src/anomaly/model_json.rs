//! The JSON form of a model.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::energy::Energies;
use super::model::Model;
use super::scale::Scales;
use super::settings::{FILTERS, MAX_MODEL_BYTES};
use super::shape::{MapShape, ShapeError};

/// The version of the JSON form.
pub const MODEL_VERSION: u32 = 1;

/// No number in a model can be above this: energies are at most 1 and scales at least 0.01.
const MAX_THRESHOLD: f64 = 1000.0;

/// The JSON form of a model.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    shape: MapShape,
    clips: u64,
    maps: u64,
    threshold: f64,
    /// The usual level of each window, row by row.
    usual_levels: Vec<u8>,
    /// For each filter, the scale of each row of the grid.
    scales: Vec<f64>,
}

/// The only field that every version has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Why a text is no model.
#[derive(Debug, Error)]
pub enum ModelError {
    /// Longer than [`MAX_MODEL_BYTES`].
    #[error("the model takes {0} bytes; no model takes more than {MAX_MODEL_BYTES}")]
    TooLong(usize),
    /// Not the JSON of a model.
    #[error("this is not the JSON of a model: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version.
    #[error(
        "the model has version {0} and this program reads version {MODEL_VERSION}; train a new one"
    )]
    Version(u32),
    /// A shape that no map has.
    #[error("the model is for impossible maps: {0}")]
    Shape(#[from] ShapeError),
    /// A list that does not fit the shape.
    #[error(
        "`{field}` of the model has {actual} entries where its maps need {expected}; it is corrupt"
    )]
    Length {
        /// The list.
        field: &'static str,
        /// The entries needed.
        expected: usize,
        /// The entries found.
        actual: usize,
    },
    /// A number outside of its range.
    #[error("`{field}` of the model holds {value}, which is out of range; it is corrupt")]
    Range {
        /// The field.
        field: &'static str,
        /// The number found.
        value: f64,
    },
}

impl Model {
    /// The model as JSON, on one line.
    ///
    /// # Errors
    /// None that a model can cause.
    pub fn to_json(&self) -> Result<String, ModelError> {
        let written = Written {
            version: MODEL_VERSION,
            shape: self.shape,
            clips: self.clips,
            maps: self.maps,
            threshold: self.threshold,
            usual_levels: self.energies.usual().to_vec(),
            scales: self.scales.values().to_vec(),
        };
        Ok(serde_json::to_string(&written)?)
    }

    /// The model in `json`.
    ///
    /// # Errors
    /// When the text is too long, no JSON of a model, of another version, or when its parts do not fit together.
    pub fn from_json(json: &str) -> Result<Model, ModelError> {
        if json.len() > MAX_MODEL_BYTES {
            return Err(ModelError::TooLong(json.len()));
        }
        let Version { version } = serde_json::from_str(json)?;
        if version != MODEL_VERSION {
            return Err(ModelError::Version(version));
        }
        let written: Written = serde_json::from_str(json)?;
        let shape = written.shape.usable()?;
        let (_, height) = shape.grid();
        has_length("usual_levels", written.usual_levels.len(), shape.windows())?;
        has_length("scales", written.scales.len(), FILTERS * height)?;
        let highest = f64::from(shape.level_count);
        for level in &written.usual_levels {
            in_range("usual_levels", f64::from(*level), 0.0, highest)?;
        }
        for scale in &written.scales {
            in_range("scales", *scale, f64::MIN_POSITIVE, 1.0)?;
        }
        in_range(
            "threshold",
            written.threshold,
            f64::MIN_POSITIVE,
            MAX_THRESHOLD,
        )?;
        Ok(Model {
            shape,
            clips: written.clips,
            maps: written.maps,
            threshold: written.threshold,
            energies: Energies::new(shape, written.usual_levels),
            scales: Scales::new(height, written.scales),
        })
    }
}

fn has_length(field: &'static str, actual: usize, expected: usize) -> Result<(), ModelError> {
    if actual == expected {
        Ok(())
    } else {
        Err(ModelError::Length {
            field,
            expected,
            actual,
        })
    }
}

/// Refuses what is no number, too.
fn in_range(field: &'static str, value: f64, least: f64, most: f64) -> Result<(), ModelError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(ModelError::Range { field, value })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::trained;
    use super::*;

    #[test]
    fn a_model_survives_json() {
        let model = trained();
        let json = model.to_json().unwrap();
        let again = Model::from_json(&json).unwrap();
        assert_eq!(again.to_json().unwrap(), json);
        assert_eq!(again.scales, model.scales);
        assert_eq!(again.threshold(), model.threshold());
    }

    /// What is said of a model in which `from` was replaced by `to`.
    fn said_of(from: &str, to: &str) -> String {
        let json = trained().to_json().unwrap();
        assert!(json.contains(from), "{json}");
        Model::from_json(&json.replacen(from, to, 1))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn corrupt_models_are_refused() {
        assert!(said_of("\"version\":1", "\"version\":2").contains("version 2"));
        assert!(said_of("\"width\":48", "\"width\":47").contains("`usual_levels`"));
        assert!(said_of("\"width\":48", "\"width\":0").contains("impossible"));
        assert!(said_of("\"scales\":[", "\"scales\":[0.5,").contains("`scales` of the model has"));
        assert!(
            said_of("\"scales\":[0.", "\"scales\":[7.").contains("`scales` of the model holds 7")
        );
        assert!(said_of("\"scales\":[0.", "\"scales\":[-0.").contains("out of range"));
        assert!(said_of("\"scales\":[0.", "\"scales\":[1e999,0.").contains("not the JSON"));
        assert!(said_of("\"usual_levels\":[0", "\"usual_levels\":[4").contains("holds 4"));
        assert!(said_of("\"threshold\":", "\"threshold\":9999").contains("`threshold`"));
        assert!(said_of("\"clips\"", "\"more\":1,\"clips\"").contains("more"));
        assert!(said_of("}", "").contains("not the JSON"));
        let long = " ".repeat(MAX_MODEL_BYTES + 1);
        assert!(matches!(
            Model::from_json(&long),
            Err(ModelError::TooLong(_))
        ));
    }

    proptest! {
        #[test]
        fn no_text_panics(at in 0_usize..4000, byte in 32_u8..127) {
            let mut json = trained().to_json().unwrap().into_bytes();
            if let Some(place) = json.get_mut(at) {
                *place = byte;
            }
            let _ = Model::from_json(&String::from_utf8(json).unwrap());
        }
    }
}
