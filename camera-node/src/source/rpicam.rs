//! The camera of a Raspberry Pi, by way of the program `rpicam-vid`.

mod layout;
mod program;

use std::ffi::OsString;
use std::io;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wire::failure::{Failure, FailureKind};

use self::layout::Layout;
use self::program::{Output, Program};
use super::camera::{Camera, STOP_SPACING, Shot, Shots};

/// What the program is called, first on systems of today.
const PROGRAMS: [&str; 2] = ["rpicam-vid", "libcamera-vid"];
/// How long the program may give nothing. Longer than it takes to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// `source.rpicam` and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct RpicamConfig {
    /// The camera's number, as `rpicam-vid --list-cameras` counts.
    pub camera: u32,
    /// Width of its pictures in pixels, even.
    pub width: u32,
    /// Height of its pictures in pixels, even.
    pub height: u32,
    /// Frames per second.
    pub fps: f64,
}

/// A camera that a program takes the pictures of.
pub(super) struct Rpicam {
    config: RpicamConfig,
    programs: Vec<OsString>,
    patience: Duration,
}

impl Rpicam {
    pub(super) fn new(config: RpicamConfig) -> Rpicam {
        Rpicam {
            config,
            programs: PROGRAMS.map(OsString::from).to_vec(),
            patience: PATIENCE,
        }
    }

    /// Starts the first of the programs that is there.
    fn start(&self, more: &[&str]) -> Result<Run, Failure> {
        let RpicamConfig {
            camera,
            width,
            height,
            fps,
        } = &self.config;
        let options = format!(
            "-t 0 -n --flush --codec yuv420 --camera {camera} --width {width} --height {height} \
             --framerate {fps} -o -"
        );
        for program in &self.programs {
            let name = program.to_string_lossy().into_owned();
            match Program::start(program, options.split(' ').chain(more.iter().copied())) {
                Ok(program) => {
                    return Ok(Run {
                        name,
                        program,
                        heard: Instant::now(),
                        patience: self.patience,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let what = format!("starting `{name}`");
                    return Err(Failure::io(what, &error, "let this user run it"));
                }
            }
        }
        Err(Failure::new(
            FailureKind::Configuration,
            "`rpicam-vid`, which takes the frames of the camera, is not installed",
            "install the package rpicam-apps-lite of Raspberry Pi OS (libcamera-apps-lite on older \
             ones)",
        ))
    }

    /// Takes a single frame, whose length says how its rows are padded; `None` if that is stopped.
    fn layout(&self, stop: &CancellationToken) -> Result<Option<Layout>, Failure> {
        let RpicamConfig { width, height, .. } = self.config;
        let mut run = self.start(&["--frames", "1"])?;
        // A byte more than any frame has shows that there is too much.
        let mut frame = vec![0; Layout::longest(width, height) + 1];
        let mut length = 0;
        let status = loop {
            if stop.is_cancelled() {
                return Ok(None);
            }
            match run.read(&mut frame[length..])? {
                Output::Bytes(bytes) => length += bytes,
                Output::Nothing => {}
                Output::End => {
                    break run
                        .program
                        .ended()
                        .map_err(|error| run.unreadable(&error))?;
                }
            }
            if length == frame.len() {
                break None;
            }
        };
        if length == 0 || status.is_some_and(|status| !status.success()) {
            return Err(run.failed(status));
        }
        let layout = Layout::of_length(width, height, length).ok_or_else(|| {
            Failure::new(
                FailureKind::BadData,
                format!(
                    "a frame of `{}` has {length} bytes, which is no YUV 4:2:0 picture of \
                     {width}x{height} pixels",
                    run.name
                ),
                "use a `source.size` that the camera has, for example \"640x480\"",
            )
        })?;
        Ok(Some(layout))
    }
}

impl Camera for Rpicam {
    type Shots = RpicamShots;

    fn name(&self) -> String {
        format!("rpicam {}", self.config.camera)
    }

    fn connect(&mut self, stop: &CancellationToken) -> Result<Option<RpicamShots>, Failure> {
        let Some(layout) = self.layout(stop)? else {
            return Ok(None);
        };
        Ok(Some(RpicamShots {
            run: self.start(&[])?,
            layout,
            frame: vec![0; layout.bytes()],
            length: 0,
        }))
    }
}

/// The frames that a running program writes.
pub(super) struct RpicamShots {
    run: Run,
    layout: Layout,
    frame: Vec<u8>,
    /// How much of `frame` has come.
    length: usize,
}

impl Shots for RpicamShots {
    fn next(&mut self) -> Result<Option<Shot>, Failure> {
        let until = Instant::now() + STOP_SPACING;
        while Instant::now() < until {
            match self.run.read(&mut self.frame[self.length..])? {
                Output::Bytes(bytes) => self.length += bytes,
                Output::Nothing => return Ok(None),
                Output::End => {
                    let status = self.run.program.ended();
                    let status = status.map_err(|error| self.run.unreadable(&error))?;
                    return Err(self.run.failed(status));
                }
            }
            if self.length == self.frame.len() {
                self.length = 0;
                let frame = self.layout.luma(&self.frame);
                return frame
                    .map(|frame| Some(Shot::new(frame)))
                    .map_err(|error| Failure::of(FailureKind::Bug, &error));
            }
        }
        Ok(None)
    }
}

/// A program that must not be silent for long.
struct Run {
    name: String,
    program: Program,
    /// When it last gave something.
    heard: Instant,
    patience: Duration,
}

impl Run {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Output, Failure> {
        let read = self.program.read(buffer, STOP_SPACING);
        let output = read.map_err(|error| self.unreadable(&error))?;
        match output {
            Output::Bytes(_) => self.heard = Instant::now(),
            Output::Nothing if self.heard.elapsed() > self.patience => {
                return Err(Failure::new(
                    FailureKind::Unavailable,
                    format!(
                        "`{}` has given no picture for {} s{}",
                        self.name,
                        self.patience.as_secs(),
                        self.said()
                    ),
                    "check the ribbon cable, and whether another program uses the camera",
                ));
            }
            Output::Nothing | Output::End => {}
        }
        Ok(output)
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        let what = format!("reading what `{}` writes", self.name);
        Failure::io(what, error, "try again")
    }

    fn failed(&self, status: Option<std::process::ExitStatus>) -> Failure {
        let how = status.map_or_else(|| "closed output".to_owned(), |status| status.to_string());
        Failure::new(
            FailureKind::Unavailable,
            format!("`{}` ended with {how}{}", self.name, self.said()),
            "see which cameras there are with `rpicam-vid --list-cameras`, and check the ribbon cable",
        )
    }

    /// What the program said, to be put behind a message.
    fn said(&self) -> String {
        let said = self.program.said();
        if said.is_empty() {
            return said;
        }
        format!("; it said: {said}")
    }
}

#[cfg(test)]
mod tests;
