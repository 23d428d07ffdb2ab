//! `[source]`: where the frames come from.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use wire::config::Problems;

use super::stream::frame_size;
use crate::source::synthetic::SyntheticSource;
use crate::source::{
    self, FolderSource, Repeat, RpicamConfig, Source, SourceError, UsbConfig, WhenLost,
};

#[cfg(feature = "rtsp")]
mod rtsp;

#[cfg(feature = "rtsp")]
pub use rtsp::{RtspConfig, RtspTransport};

const DEFAULT_CAMERA_SIZE: &str = "640x480";
const DEFAULT_CAMERA_FPS: f64 = 10.0;

/// `[source]` as meant.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceConfig {
    /// A folder of images and videos; its sub-folders and its videos are clips.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The time between two frames; `None` sends as fast as receipts allow.
        interval: Option<Duration>,
        /// What follows the last of them.
        repeat: Repeat,
    },
    /// A camera on the network.
    #[cfg(feature = "rtsp")]
    Rtsp(RtspConfig),
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
    /// Opens the source. A camera that is lost later is tried again, for ever. Blocks while it is
    /// connected to, so not for async code.
    ///
    /// # Errors
    /// When a folder is missing, cannot be listed or has no file with the name of an image or a
    /// video; when a camera cannot be connected to, or the file with its password cannot be used.
    pub fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        self.opened(WhenLost::TryAgain)
    }

    /// Opens the source for somebody who wants a few frames and does not wait for ever: a camera that
    /// is lost later is an error.
    ///
    /// # Errors
    /// Those of [`SourceConfig::open`].
    pub fn open_briefly(&self) -> Result<Box<dyn Source>, SourceError> {
        self.opened(WhenLost::Fail)
    }

    fn opened(&self, when_lost: WhenLost) -> Result<Box<dyn Source>, SourceError> {
        Ok(match self {
            SourceConfig::Folder {
                folder,
                interval,
                repeat,
            } => Box::new(FolderSource::open(folder, *interval, *repeat)?),
            #[cfg(feature = "rtsp")]
            SourceConfig::Rtsp(config) => source::rtsp(config, when_lost)?,
            SourceConfig::Rpicam(config) => source::rpicam(config.clone(), when_lost)?,
            SourceConfig::Usb(config) => source::usb(config.clone(), when_lost)?,
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
            #[cfg(feature = "rtsp")]
            SourceConfig::Rtsp(_) => true,
            SourceConfig::Rpicam(_) | SourceConfig::Usb(_) => true,
        }
    }
}

/// `[source]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceToml {
    folder: Option<PathBuf>,
    rtsp: Option<String>,
    rpicam: Option<u32>,
    usb: Option<PathBuf>,
    synthetic: Option<u64>,
    size: Option<String>,
    fps: Option<f64>,
    r#loop: Option<bool>,
    username: Option<String>,
    password_file: Option<PathBuf>,
    transport: Option<String>,
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
            ("source.rtsp", self.rtsp.is_some()),
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
        let interval = fps.map(|fps| fps.map(|fps| Duration::from_secs_f64(1.0 / fps)));
        if let Some(url) = &self.rtsp {
            unused(problems, "source.size", self.size.is_some(), kind);
            unused(problems, "source.loop", self.r#loop.is_some(), kind);
            return self.network_camera(url, interval, problems);
        }
        for (key, is_given) in [
            ("source.username", self.username.is_some()),
            ("source.password_file", self.password_file.is_some()),
            ("source.transport", self.transport.is_some()),
        ] {
            unused(problems, key, is_given, kind);
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
        let mend = "add the path of a folder of images and videos, for example \
                    `folder = \"samples\"`, or another source";
        let folder = problems.required("source.folder", self.folder, mend);
        Some(SourceConfig::Folder {
            folder: problems.resolve(&folder?),
            interval: interval?,
            repeat,
        })
    }
}

#[cfg(feature = "rtsp")]
impl SourceToml {
    fn network_camera(
        &self,
        url: &str,
        interval: Option<Option<Duration>>,
        problems: &mut Problems,
    ) -> Option<SourceConfig> {
        let typed = rtsp::Typed {
            url,
            username: self.username.as_deref(),
            password_file: self.password_file.as_deref(),
            transport: self.transport.as_deref(),
        };
        let camera = typed.meaning(interval, problems);
        camera.map(SourceConfig::Rtsp)
    }
}

#[cfg(not(feature = "rtsp"))]
impl SourceToml {
    fn network_camera(
        &self,
        _: &str,
        _: Option<Option<Duration>>,
        problems: &mut Problems,
    ) -> Option<SourceConfig> {
        let mend = "build it with the feature `rtsp`, or use another source";
        problems.push("source.rtsp", "this program was built without RTSP", mend);
        None
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
