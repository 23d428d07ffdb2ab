//! Cameras as live sources: one that gives no more frames is tried again, for ever, and it is said
//! once.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cipherframe::Frame;
use tokio_util::sync::CancellationToken;
use wire::failure::Failure;

use super::{Pull, Source, SourceError, SourceFrame};

/// How long is waited before a camera is tried again: this at first, twice as long each time after.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// And never longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long a wait may take no notice of being stopped.
pub(super) const STOP_SPACING: Duration = Duration::from_millis(200);

/// A camera that can be connected to, again and again.
pub(super) trait Camera: Send {
    /// What frames come out of. Dropping it lets the camera go.
    type Shots: Shots;

    /// How frames and log lines name it.
    fn name(&self) -> String;

    /// Begins to take frames.
    fn connect(&self) -> Result<Self::Shots, Failure>;
}

/// The frames of a camera.
pub(super) trait Shots: Send {
    /// The next frame; `None` if none came within [`STOP_SPACING`].
    fn next(&mut self) -> Result<Option<Frame>, Failure>;
}

/// A camera as a source. Frames after an interruption are a clip that has started over.
pub(super) struct CameraSource<C: Camera> {
    camera: C,
    shots: Option<C::Shots>,
    /// Frames since the camera was last connected to.
    taken: u64,
    /// Since when no frame has come, as far as it was said.
    lost: bool,
    first_wait: Duration,
    wait: Duration,
    stop: CancellationToken,
}

impl<C: Camera> CameraSource<C> {
    /// Connects to `camera`.
    ///
    /// # Errors
    /// When it cannot be connected to: at the start somebody is there to mend that.
    pub(super) fn open(camera: C) -> Result<CameraSource<C>, SourceError> {
        Self::open_patiently(camera, FIRST_WAIT)
    }

    fn open_patiently(camera: C, first_wait: Duration) -> Result<CameraSource<C>, SourceError> {
        let shots = camera.connect().map_err(SourceError::Camera)?;
        Ok(CameraSource {
            camera,
            shots: Some(shots),
            taken: 0,
            lost: false,
            first_wait,
            wait: first_wait,
            stop: CancellationToken::new(),
        })
    }

    fn shot(&mut self) -> Result<Option<Frame>, Failure> {
        let shots = match &mut self.shots {
            Some(shots) => shots,
            shots => {
                self.taken = 0;
                shots.insert(self.camera.connect()?)
            }
        };
        shots.next()
    }

    /// Lets the camera go for a while.
    fn lose(&mut self, failure: &Failure) {
        self.shots = None;
        if !self.lost {
            let camera = self.camera.name();
            let Failure { what, mend, .. } = failure;
            tracing::warn!("{camera} gives no frames, trying again: {what}; {mend}");
        }
        self.lost = true;
        let until = Instant::now() + self.wait;
        self.wait = LONGEST_WAIT.min(self.wait * 2);
        while !self.stop.is_cancelled() && Instant::now() < until {
            thread::sleep(STOP_SPACING.min(until.saturating_duration_since(Instant::now())));
        }
    }
}

impl<C: Camera> Source for CameraSource<C> {
    fn next(&mut self) -> Result<Pull, SourceError> {
        while !self.stop.is_cancelled() {
            match self.shot() {
                Ok(Some(frame)) => {
                    let clip = self.camera.name();
                    if std::mem::take(&mut self.lost) {
                        tracing::info!("{clip} gives frames again");
                    }
                    self.wait = self.first_wait;
                    let index = self.taken;
                    self.taken += 1;
                    return Ok(Pull::Frame(SourceFrame {
                        clip,
                        index,
                        captured: SystemTime::now(),
                        frame,
                    }));
                }
                Ok(None) => {}
                Err(failure) => self.lose(&failure),
            }
        }
        self.shots = None;
        Ok(Pull::End)
    }

    /// The camera has its own pace.
    fn interval(&self) -> Option<Duration> {
        None
    }

    fn live(&self) -> Option<CancellationToken> {
        Some(self.stop.clone())
    }
}

#[cfg(test)]
mod tests;
