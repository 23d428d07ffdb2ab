//! The files of the models: `CAMERA.json` in a folder.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;
use wire::name::Name;
use wire::whole_file;

use crate::anomaly::{MAX_MODEL_BYTES, Model, ModelError};

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

    /// Keeps a model, whole or not at all.
    pub(crate) fn save(&self, camera: &Name, model: &Model) -> io::Result<()> {
        let Some(folder) = &self.0 else {
            return Ok(());
        };
        fs::create_dir_all(folder)?;
        write(&file(folder, camera), model)
    }
}

fn file(folder: &Path, camera: &Name) -> PathBuf {
    folder.join(format!("{camera}.json"))
}

/// Reads a model file.
pub(crate) fn read(path: &Path) -> Result<Model, ModelFileError> {
    let failed = |error| ModelFileError::Read {
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    let mut text = String::new();
    // One byte more tells that it is too long.
    let limit = MAX_MODEL_BYTES as u64 + 1;
    file.take(limit).read_to_string(&mut text).map_err(failed)?;
    Model::from_json(&text).map_err(|error| ModelFileError::Model {
        path: path.to_owned(),
        error,
    })
}

/// Writes a model file, whole or not at all.
pub(crate) fn write(path: &Path, model: &Model) -> io::Result<()> {
    let text = model.to_json().map_err(io::Error::other)?;
    // It shows the scene without anything in it.
    whole_file::write_durably(path, text.as_bytes(), 0o600)
}
