//! USB cameras and whatever else gives frames through V4L2, the interface of Linux for video
//! devices. Only with the feature `usb`.

#[cfg(feature = "usb")]
mod camera;
#[cfg(feature = "usb")]
mod device;
#[cfg(feature = "usb")]
mod list;
#[cfg(any(feature = "usb", test))]
mod modes;
#[cfg(any(feature = "usb", test))]
mod pixels;

use std::path::PathBuf;

#[cfg(feature = "usb")]
pub(super) use self::camera::open;
#[cfg(feature = "usb")]
pub use self::list::list;
#[cfg(not(feature = "usb"))]
pub use self::without::list;
#[cfg(not(feature = "usb"))]
pub(super) use self::without::open;

/// `source.usb` and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct UsbConfig {
    /// The device, such as `/dev/video0`.
    pub device: PathBuf,
    /// Width of its pictures in pixels, even.
    pub width: u32,
    /// Height of its pictures in pixels, even.
    pub height: u32,
    /// Frames per second.
    pub fps: f64,
}

/// What a program says that was built without USB cameras.
#[cfg(not(feature = "usb"))]
mod without {
    use wire::failure::{Failure, FailureKind};

    use super::UsbConfig;
    use crate::source::{Source, SourceError, WhenLost};

    const WHAT: &str = "this camera-node was built without USB cameras";
    const MEND: &str = "build it with `--features camera-node/usb`";

    pub(in crate::source) fn open(
        _: UsbConfig,
        _: WhenLost,
    ) -> Result<Box<dyn Source>, SourceError> {
        let failure = Failure::new(FailureKind::Configuration, WHAT, MEND);
        Err(SourceError::Camera(failure))
    }

    /// The video devices of this machine: a sentence that says why they are not known.
    ///
    /// # Errors
    /// None.
    pub fn list() -> Result<String, Failure> {
        Ok(format!("{WHAT}; {MEND}"))
    }
}
