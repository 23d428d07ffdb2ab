//! The keys of `[stream]` about the camera's encryption key.

use std::path::{Path, PathBuf};

use cipherframe::{SchemeError, SchemeId};
use wire::config::Problems;

use crate::key_mode::KeyMode;

/// What a camera encrypts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraKey {
    /// File with the camera public key.
    Public(PathBuf),
    /// File with the camera secret key.
    Secret(PathBuf),
}

impl CameraKey {
    /// The key mode.
    #[must_use]
    pub fn mode(&self) -> KeyMode {
        match self {
            CameraKey::Public(_) => KeyMode::Public,
            CameraKey::Secret(_) => KeyMode::Secret,
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            CameraKey::Public(path) | CameraKey::Secret(path) => path,
        }
    }
}

/// What was typed about it.
pub(super) struct KeyToml {
    pub(super) mode: Option<String>,
    pub(super) public_key: Option<PathBuf>,
    pub(super) secret_key: Option<PathBuf>,
}

impl KeyToml {
    /// Exactly the file that the mode needs, and a mode that `scheme` has, as far as it is known.
    pub(super) fn meaning(
        self,
        scheme: Option<SchemeId>,
        problems: &mut Problems,
    ) -> Option<CameraKey> {
        let mode = match self.mode {
            None => KeyMode::default(),
            Some(mode) => problems.parsed("stream.key_mode", &mode, "write `public`")?,
        };
        if let (KeyMode::Secret, Some(scheme)) = (mode, scheme)
            && scheme.get().camera_secret_key_bytes().is_none()
        {
            let refused = SchemeError::NoSecretKeyMode { scheme };
            super::stream::told(problems, "stream.key_mode", Err::<(), _>(refused));
        }
        let ((needed, file, mend), (other, spare)) = match mode {
            KeyMode::Public => (
                (
                    "stream.public_key",
                    self.public_key,
                    "add the path of a camera-public.key, made by `blindsight keys new`",
                ),
                ("stream.secret_key", self.secret_key),
            ),
            KeyMode::Secret => (
                (
                    "stream.secret_key",
                    self.secret_key,
                    "add the path of a camera-secret.key, made by `blindsight keys export \
                     --key-mode secret`",
                ),
                ("stream.public_key", self.public_key),
            ),
        };
        if spare.is_some() {
            let what = format!("key mode `{mode}` does not use it");
            let mend = format!("remove it, or set `key_mode = \"{}\"`", mode.other());
            problems.push(other, what, mend);
        }
        let file = problems.required(needed, file, mend)?;
        let file = problems.resolve(&file);
        Some(match mode {
            KeyMode::Public => CameraKey::Public(file),
            KeyMode::Secret => CameraKey::Secret(file),
        })
    }
}
