//! `[source]`: where the frames come from.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use wire::config::Problems;

use super::stream::frame_size;
use crate::source::synthetic::SyntheticSource;
use crate::source::{self, FolderSource, Repeat, RpicamConfig, Source, SourceError, UsbConfig};

const DEFAULT_CAMERA_SIZE: &str = "640x480";
const DEFAULT_CAMERA_FPS: f64 = 10.0;

/// `[source]` as meant.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceConfig {
    /// A folder of images; its sub-folders are clips.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The time between two frames; `None` sends as fast as receipts allow.
        interval: Option<Duration>,
        /// What follows the last image.
        repeat: Repeat,
    },
    /// A camera of a Raspberry Pi.
    Rpicam(RpicamConfig),
    /// A USB camera.
    Usb(UsbConfig),
    /// The drawn street scene.
    Synthetic {
        /// Decides the grain of the picture.
        seed: u64,
        /// The time between two frames; `None` sends as fast as receipts allow.
        interval: Option<Duration>,
        /// What follows the last frame.
        repeat: Repeat,
    },
}

impl SourceConfig {
    /// Opens the source.
    ///
    /// # Errors
    /// When a folder is missing, cannot be listed or has no file with an image's name; when a camera
    /// gives no frames.
    pub fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(match self {
            SourceConfig::Folder {
                folder,
                interval,
                repeat,
            } => Box::new(FolderSource::open(folder, *interval, *repeat)?),
            SourceConfig::Rpicam(config) => source::rpicam(config.clone())?,
            SourceConfig::Usb(config) => source::usb(config.clone())?,
            SourceConfig::Synthetic {
                seed,
                interval,
                repeat,
            } => Box::new(SyntheticSource::new(*seed, *interval, *repeat)),
        })
    }

    /// Whether frames come at a pace, of the source or as configured.
    pub(super) fn is_paced(&self) -> bool {
        match self {
            SourceConfig::Folder { interval, .. } | SourceConfig::Synthetic { interval, .. } => {
                interval.is_some()
            }
            SourceConfig::Rpicam(_) | SourceConfig::Usb(_) => true,
        }
    }
}

/// `[source]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceToml {
    folder: Option<PathBuf>,
    rpicam: Option<u32>,
    usb: Option<PathBuf>,
    synthetic: Option<u64>,
    size: Option<String>,
    fps: Option<f64>,
    r#loop: Option<bool>,
}

impl SourceToml {
    /// What was typed, of exactly one kind.
    pub(super) fn meaning(self, problems: &mut Problems) -> Option<SourceConfig> {
        let fps = match self.fps {
            None => Some(None),
            Some(fps) => problems.in_range("source.fps", fps, 0.01..=240.0).map(Some),
        };
        let given = [
            ("source.folder", self.folder.is_some()),
            ("source.rpicam", self.rpicam.is_some()),
            ("source.usb", self.usb.is_some()),
            ("source.synthetic", self.synthetic.is_some()),
        ];
        let mut given = given.iter().filter(|(_, given)| *given).map(|(key, _)| key);
        let kind = given.next();
        for other in given {
            let what = format!("given together with `{}`", kind.unwrap_or(other));
            problems.push(other, what, "keep one of them, a camera has one source");
        }
        if self.rpicam.is_some() || self.usb.is_some() {
            unused(problems, "source.loop", self.r#loop.is_some(), kind);
            let size = self.size.as_deref().unwrap_or(DEFAULT_CAMERA_SIZE);
            let size = frame_size("source.size", size, problems)
                .and_then(|size| camera_size(size, problems));
            let ((width, height), fps) = (size?, fps?.unwrap_or(DEFAULT_CAMERA_FPS));
            let rpicam = self.rpicam.map(|camera| {
                SourceConfig::Rpicam(RpicamConfig {
                    camera,
                    width,
                    height,
                    fps,
                })
            });
            let usb = self.usb.map(|device| {
                SourceConfig::Usb(UsbConfig {
                    device: problems.resolve(&device),
                    width,
                    height,
                    fps,
                })
            });
            return rpicam.or(usb);
        }
        unused(problems, "source.size", self.size.is_some(), kind);
        let interval = fps.map(|fps| fps.map(|fps| Duration::from_secs_f64(1.0 / fps)));
        let repeat = if self.r#loop.unwrap_or(false) {
            Repeat::Forever
        } else {
            Repeat::Once
        };
        if let Some(seed) = self.synthetic {
            return Some(SourceConfig::Synthetic {
                seed,
                interval: interval?,
                repeat,
            });
        }
        let mend = "add the path of a folder of images, for example `folder = \"samples\"`, or \
                    another source";
        let folder = problems.required("source.folder", self.folder, mend);
        Some(SourceConfig::Folder {
            folder: problems.resolve(&folder?),
            interval: interval?,
            repeat,
        })
    }
}

/// Reports a key that the source of `kind` has no use for.
fn unused(problems: &mut Problems, key: &str, given: bool, kind: Option<&&str>) {
    if let Some(kind) = kind.filter(|_| given) {
        let what = format!("`{kind}` does not use it");
        problems.push(key, what, "remove it");
    }
}

/// Refuses sizes in which a picture with colours of half its width and height does not exist.
fn camera_size((width, height): (u32, u32), problems: &mut Problems) -> Option<(u32, u32)> {
    let sides = [width, height];
    let good = |side: &u32| (2..=cipherframe::MAX_SIDE).contains(side) && side.is_multiple_of(2);
    if sides.iter().all(good) {
        return Some((width, height));
    }
    problems.push(
        "source.size",
        format!("no camera gives {width}x{height} pixels"),
        format!("write even sides from 2 to {}", cipherframe::MAX_SIDE),
    );
    None
}
