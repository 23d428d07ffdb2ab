//! A video device as a camera.

use std::io;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wire::failure::{Failure, FailureKind};

use super::UsbConfig;
use super::device::{Capture, Device};
use super::modes::{choose, describe};
use crate::source::camera::{Camera, CameraSource, STOP_SPACING, Shot, Shots};
use crate::source::{Source, SourceError, WhenLost};

/// How long a camera may give no usable picture. Longer than it takes to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the camera.
///
/// # Errors
/// When it cannot be opened, or does not have this size.
pub(in crate::source) fn open(
    config: UsbConfig,
    when_lost: WhenLost,
) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(CameraSource::open(Usb { config }, when_lost)?))
}

struct Usb {
    config: UsbConfig,
}

impl Camera for Usb {
    type Shots = UsbShots;

    fn name(&self) -> String {
        self.config.device.display().to_string()
    }

    /// Waits for nothing that `stop` would have to end.
    fn connect(&mut self, _stop: &CancellationToken) -> Result<Option<UsbShots>, Failure> {
        let UsbConfig {
            device: path,
            width,
            height,
            fps,
        } = &self.config;
        let size = (*width, *height);
        let name = self.name();
        let failed = |error| failure(format!("opening {name}"), &error);
        let device = Device::open(path).map_err(failed)?;
        let modes = device.modes().map_err(failed)?;
        let pixels = choose(&modes, size, *fps).ok_or_else(|| {
            Failure::new(
                FailureKind::Configuration,
                format!("{name} gives no pictures of {width}x{height} pixels"),
                format!(
                    "set `source.size` to a size that it has in GREY, NV12, YUYV or MJPG; it has {}",
                    describe(&modes).replace('\n', "; ")
                ),
            )
        })?;
        let capture = device.capture(pixels, size, *fps).map_err(failed)?;
        Ok(Some(UsbShots {
            name,
            capture,
            heard: Instant::now(),
            refused: None,
        }))
    }
}

/// The pictures of a camera that is on.
struct UsbShots {
    name: String,
    capture: Capture,
    /// When the last usable picture came.
    heard: Instant,
    /// Why the last picture was not usable.
    refused: Option<String>,
}

impl Shots for UsbShots {
    fn next(&mut self) -> Result<Option<Shot>, Failure> {
        let name = &self.name;
        let picture = self.capture.next(STOP_SPACING);
        match picture.map_err(|error| failure(format!("taking a picture with {name}"), &error))? {
            Some(Ok(frame)) => {
                self.heard = Instant::now();
                self.refused = None;
                return Ok(Some(Shot::new(frame)));
            }
            // The first pictures of many cameras are.
            Some(Err(error)) => self.refused = Some(format!("; a picture is damaged: {error}")),
            None => {}
        }
        if self.heard.elapsed() <= PATIENCE {
            return Ok(None);
        }
        let (seconds, why) = (PATIENCE.as_secs(), self.refused.take().unwrap_or_default());
        Err(Failure::new(
            FailureKind::Unavailable,
            format!("{name} has given no usable picture for {seconds} s{why}"),
            "check its cable, and give it a port of its own",
        ))
    }
}

fn failure(what: String, error: &io::Error) -> Failure {
    let mend = match error.kind() {
        io::ErrorKind::PermissionDenied => "add this user to the group `video`",
        io::ErrorKind::ResourceBusy => "end the program that uses the camera",
        _ => "check its cable, and see which devices there are with `camera-node list`",
    };
    Failure::io(what, error, mend)
}
