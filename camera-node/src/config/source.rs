//! `[source]`: where the frames come from.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use wire::config::Problems;
use wire::failure::Failure;

use crate::source::{FolderSource, Repeat, Source};

#[cfg(feature = "rtsp")]
mod rtsp;

#[cfg(feature = "rtsp")]
pub use rtsp::{RtspConfig, RtspTransport};

/// `[source]` as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// What gives the frames.
    pub input: Input,
    /// The time between two frames at least; `None` takes all that there are.
    pub interval: Option<Duration>,
}

/// What gives the frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A folder of images and videos; its sub-folders and its videos are clips.
    Folder {
        /// The folder.
        path: PathBuf,
        /// What follows the last frame.
        repeat: Repeat,
    },
    /// A camera on the network.
    #[cfg(feature = "rtsp")]
    Rtsp(RtspConfig),
}

impl SourceConfig {
    /// Opens the source.
    ///
    /// # Errors
    /// When the folder is missing, cannot be listed or has no file with the name of an image or a
    /// video; when the file with a camera's password cannot be used.
    pub fn open(&self) -> Result<Box<dyn Source>, Failure> {
        Ok(match &self.input {
            Input::Folder { path, repeat } => {
                Box::new(FolderSource::open(path, self.interval, *repeat)?)
            }
            #[cfg(feature = "rtsp")]
            Input::Rtsp(camera) => {
                Box::new(crate::source::RtspSource::open(camera, self.interval)?)
            }
        })
    }
}

/// `[source]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceToml {
    folder: Option<PathBuf>,
    r#loop: Option<bool>,
    rtsp: Option<String>,
    username: Option<String>,
    password_file: Option<PathBuf>,
    transport: Option<String>,
    fps: Option<f64>,
}

impl SourceToml {
    /// Whether frames come at a pace of their own.
    pub(super) fn is_paced(&self) -> bool {
        self.fps.is_some() || self.rtsp.is_some()
    }

    /// What was typed.
    pub(super) fn meaning(self, problems: &mut Problems) -> Option<SourceConfig> {
        let interval = match self.fps {
            None => Some(None),
            Some(fps) => problems
                .in_range("source.fps", fps, 0.01..=240.0)
                .map(|fps| Some(Duration::from_secs_f64(1.0 / fps))),
        };
        let input = match &self.rtsp {
            Some(url) => self.camera(url, problems),
            None => self.files(problems),
        };
        Some(SourceConfig {
            input: input?,
            interval: interval?,
        })
    }

    fn files(&self, problems: &mut Problems) -> Option<Input> {
        let of_cameras = [
            ("source.username", self.username.is_some()),
            ("source.password_file", self.password_file.is_some()),
            ("source.transport", self.transport.is_some()),
        ];
        for (key, _) in of_cameras.iter().filter(|(_, is_given)| *is_given) {
            let mend = "add the URL of a camera as `source.rtsp`, or remove it";
            problems.push(key, "only a camera on the network has one", mend);
        }
        let mend =
            "add the path of a folder of images and videos, for example `folder = \"samples\"`";
        let folder = problems.required("source.folder", self.folder.as_ref(), mend);
        Some(Input::Folder {
            path: problems.resolve(folder?),
            repeat: match self.r#loop {
                Some(true) => Repeat::Forever,
                _ => Repeat::Once,
            },
        })
    }

    #[cfg(feature = "rtsp")]
    fn camera(&self, url: &str, problems: &mut Problems) -> Option<Input> {
        for (key, is_given) in [
            ("source.folder", self.folder.is_some()),
            ("source.loop", self.r#loop.is_some()),
        ] {
            if is_given {
                let mend = "remove it, or `source.rtsp`";
                problems.push(key, "only for files, and the source is a camera", mend);
            }
        }
        let camera = rtsp::Typed {
            url,
            username: self.username.as_deref(),
            password_file: self.password_file.as_deref(),
            transport: self.transport.as_deref(),
        };
        camera.meaning(problems).map(Input::Rtsp)
    }

    #[cfg(not(feature = "rtsp"))]
    fn camera(&self, _: &str, problems: &mut Problems) -> Option<Input> {
        let mend = "build it with the feature `rtsp`, or use `source.folder`";
        problems.push("source.rtsp", "this program was built without RTSP", mend);
        None
    }
}
