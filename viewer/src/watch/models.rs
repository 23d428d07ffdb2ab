//! The files of the models, `CAMERA.json` in a folder, and of what is learned on the way to them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use wire::name::Name;
use wire::whole_file;

use crate::anomaly::{MAX_MODEL_BYTES, MAX_TRAINING_BYTES, Model, ModelError, Trainer};

/// Why nothing can be gone on with.
#[derive(Debug, Error)]
#[error("{} gives nothing to go on with: {reason}", path.display())]
pub(crate) struct LearningFileError {
    path: PathBuf,
    reason: String,
}

/// Where models are kept, if anywhere.
#[derive(Debug)]
pub(crate) struct Models(Option<PathBuf>);

/// Why a file gives no model.
#[derive(Debug, Error)]
pub(crate) enum ModelFileError {
    #[error("{} cannot be read: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Model { path: PathBuf, error: ModelError },
}

impl Models {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// The model of a camera, if it has one. The error is a sentence that says what to do.
    pub(crate) fn load(&self, camera: &Name) -> Result<Option<Model>, String> {
        let Some(folder) = &self.0 else {
            return Ok(None);
        };
        match read(&file(folder, camera)) {
            Ok(model) => Ok(Some(model)),
            Err(ModelFileError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(format!(
                "{error}; mend or remove the file and start the viewer again"
            )),
        }
    }

    /// Keeps a model, whole or not at all, in place of what was learned on the way to it.
    pub(crate) fn save(&self, camera: &Name, model: &Model) -> io::Result<()> {
        let Some(folder) = &self.0 else {
            return Ok(());
        };
        fs::create_dir_all(folder)?;
        write(&file(folder, camera), model)?;
        // Mostly there is none; one that stays is not looked at while there is a model.
        let _ = fs::remove_file(learning_file(folder, camera));
        Ok(())
    }

    /// What was learned of a camera that has no model yet, and for how long.
    pub(crate) fn load_learning(
        &self,
        camera: &Name,
    ) -> Result<Option<(Trainer, Duration)>, LearningFileError> {
        let Some(folder) = &self.0 else {
            return Ok(None);
        };
        let path = learning_file(folder, camera);
        let error = |reason| LearningFileError {
            path: path.clone(),
            reason,
        };
        match read_text(&path, MAX_TRAINING_BYTES) {
            Ok(text) => Trainer::from_json(&text)
                .map(Some)
                .map_err(|e| error(e.to_string())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(error(e.to_string())),
        }
    }

    /// Keeps what was learned so far.
    pub(crate) fn save_learning(&self, camera: &Name, json: &str) -> io::Result<()> {
        let Some(folder) = &self.0 else {
            return Ok(());
        };
        fs::create_dir_all(folder)?;
        whole_file::write_durably(&learning_file(folder, camera), json.as_bytes(), 0o600)
    }
}

fn file(folder: &Path, camera: &Name) -> PathBuf {
    folder.join(format!("{camera}.json"))
}

/// No camera's model: names have no dots.
fn learning_file(folder: &Path, camera: &Name) -> PathBuf {
    folder.join(format!("{camera}.learning.json"))
}

/// Reads a model file.
pub(crate) fn read(path: &Path) -> Result<Model, ModelFileError> {
    let text = read_text(path, MAX_MODEL_BYTES).map_err(|error| ModelFileError::Read {
        path: path.to_owned(),
        error,
    })?;
    Model::from_json(&text).map_err(|error| ModelFileError::Model {
        path: path.to_owned(),
        error,
    })
}

fn read_text(path: &Path, limit: usize) -> io::Result<String> {
    let mut text = String::new();
    // One byte more tells that it is too long.
    let limit = limit as u64 + 1;
    File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a model file, whole or not at all.
pub(crate) fn write(path: &Path, model: &Model) -> io::Result<()> {
    let text = model.to_json().map_err(io::Error::other)?;
    // It shows the scene without anything in it.
    whole_file::write_durably(path, text.as_bytes(), 0o600)
}
