//! The calls of V4L2, by way of the crate `linuxvideo`.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use cipherframe::Frame;
use linuxvideo::format::{FrameIntervals, FrameSizes, PixFormat, PixelFormat};
use linuxvideo::stream::ReadStream;
use linuxvideo::{BufType, BufTypes, Fract};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::modes::{Mode, Rates, Side};
use super::pixels::{Pixels, PixelsError};

/// A device that is open and not on.
pub(super) struct Device {
    device: linuxvideo::Device,
}

impl Device {
    /// Opens the device at `path`.
    pub(super) fn open(path: &Path) -> io::Result<Device> {
        let device = linuxvideo::Device::open(path)?;
        Ok(Device { device })
    }

    /// In which formats and sizes it gives pictures; none if it is no camera.
    pub(super) fn modes(&self) -> io::Result<Vec<Mode>> {
        let mut modes = Vec::new();
        if !self
            .device
            .supported_buf_types()
            .contains(BufTypes::VIDEO_CAPTURE)
        {
            return Ok(modes);
        }
        for format in self.device.formats(BufType::VIDEO_CAPTURE) {
            let format = format?.pixel_format();
            for (width, height) in self.sizes(format) {
                modes.push(Mode {
                    fourcc: format.as_fourcc(),
                    width,
                    height,
                    rates: self.rates(format, width.most, height.most),
                });
            }
        }
        Ok(modes)
    }

    /// The sizes of a format; any for a device that does not say.
    fn sizes(&self, format: PixelFormat) -> Vec<(Side, Side)> {
        match self.device.frame_sizes(format) {
            Ok(FrameSizes::Discrete(sizes)) => sizes
                .iter()
                .map(|size| (Side::exactly(size.width()), Side::exactly(size.height())))
                .collect(),
            Ok(FrameSizes::Stepwise(sizes) | FrameSizes::Continuous(sizes)) => {
                let side = |least, most, step| Side { least, most, step };
                vec![(
                    side(sizes.min_width(), sizes.max_width(), sizes.step_width()),
                    side(sizes.min_height(), sizes.max_height(), sizes.step_height()),
                )]
            }
            Err(_) => {
                let any = Side {
                    least: 1,
                    most: cipherframe::MAX_SIDE,
                    step: 1,
                };
                vec![(any, any)]
            }
        }
    }

    fn rates(&self, format: PixelFormat, width: u32, height: u32) -> Option<Rates> {
        let intervals: FrameIntervals = self.device.frame_intervals(format, width, height).ok()?;
        Some(Rates {
            slowest: per_second(intervals.max())?,
            fastest: per_second(intervals.min())?,
        })
    }

    /// Turns the camera on. The rate is the one next to `fps` that it has.
    pub(super) fn capture(
        self,
        pixels: Pixels,
        (width, height): (u32, u32),
        fps: f64,
    ) -> io::Result<Capture> {
        let format = PixelFormat::from_fourcc(pixels.fourcc());
        let device = self
            .device
            .video_capture(PixFormat::new(width, height, format))?;
        let got = device.format();
        if (got.pixel_format(), got.width(), got.height()) != (format, width, height) {
            let (format, width, height) = (got.pixel_format(), got.width(), got.height());
            return Err(io::Error::other(format!(
                "it gives {format} of {width}x{height} pixels instead"
            )));
        }
        let stride = got.bytes_per_line();
        // Some cameras have one rate only and do not know the call.
        let _ = device.set_frame_interval(Fract::new(1000, (fps * 1000.0).round() as u32));
        Ok(Capture {
            stream: device.into_stream()?,
            pixels,
            size: (width, height),
            stride,
        })
    }
}

/// A camera that is on.
pub(super) struct Capture {
    stream: ReadStream,
    pixels: Pixels,
    size: (u32, u32),
    stride: u32,
}

impl Capture {
    /// The next picture; `None` if none came in time.
    pub(super) fn next(
        &mut self,
        patience: Duration,
    ) -> io::Result<Option<Result<Frame, PixelsError>>> {
        let patience = Timespec {
            tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        let mut watched = [PollFd::from_borrowed_fd(self.stream.as_fd(), PollFlags::IN)];
        match poll(&mut watched, Some(&patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        // A device that is gone is ready too, and says so here.
        self.stream.dequeue(|picture| {
            let luma = self.pixels.luma(self.size, self.stride, &picture);
            Ok(Some(luma))
        })
    }
}

/// Frames per second at this time between two frames.
fn per_second(interval: Fract) -> Option<f64> {
    let fps = f64::from(interval.denominator()) / f64::from(interval.numerator());
    (fps.is_finite() && fps > 0.0).then_some(fps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_frames_is_a_rate() {
        assert_eq!(per_second(Fract::new(1, 30)), Some(30.0));
        assert_eq!(
            per_second(Fract::new(1001, 30_000)).map(f64::round),
            Some(30.0)
        );
        assert_eq!(per_second(Fract::new(0, 30)), None);
    }

    #[test]
    fn what_is_no_video_device_is_not_opened() {
        assert!(Device::open("/dev/null".as_ref()).is_err());
        assert!(Device::open("/dev/video-that-is-not-there".as_ref()).is_err());
    }
}
