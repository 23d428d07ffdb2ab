//! Cameras as live sources: one that gives no more frames is tried again, for ever, and it is said
//! once.

use std::mem;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cipherframe::Frame;
use tokio_util::sync::CancellationToken;
use wire::failure::Failure;

use super::{Pull, Source, SourceError, SourceFrame, WhenLost};

/// How long is waited before a camera is tried again: this at first, twice as long each time after.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// And never longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long a wait may take no notice of being stopped.
pub(super) const STOP_SPACING: Duration = Duration::from_millis(200);
/// How long after it was opened a camera may be asked for its first frame. Frames that have waited
/// for longer would be taken for new ones.
const FRESH: Duration = Duration::from_millis(500);

/// A camera that can be connected to, again and again.
pub(super) trait Camera: Send {
    /// What frames come out of. Dropping it lets the camera go, within a second.
    type Shots: Shots;

    /// How frames and log lines name it.
    fn name(&self) -> String;

    /// Begins to take frames; `None` within a second after `stop` was cancelled.
    fn connect(&mut self, stop: &CancellationToken) -> Result<Option<Self::Shots>, Failure>;
}

/// The frames of a camera.
pub(super) trait Shots: Send {
    /// The next frame; `None` if it is not there yet. Waits for at most [`STOP_SPACING`].
    fn next(&mut self) -> Result<Option<Shot>, Failure>;
}

/// A frame of a camera.
pub(super) struct Shot {
    pub(super) frame: Frame,
    /// When it was captured.
    pub(super) captured: SystemTime,
}

impl Shot {
    /// A frame that was captured just now.
    pub(super) fn new(frame: Frame) -> Shot {
        Shot {
            frame,
            captured: SystemTime::now(),
        }
    }
}

/// A camera as a source. Frames after an interruption are a clip that has started over.
pub(super) struct CameraSource<C: Camera> {
    camera: C,
    shots: Option<C::Shots>,
    /// When the source was opened, until it is first asked for a frame.
    opened: Option<Instant>,
    /// Frames since the camera was last connected to.
    taken: u64,
    when_lost: WhenLost,
    /// Whether it was said that no frames come.
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
    pub(super) fn open(camera: C, when_lost: WhenLost) -> Result<CameraSource<C>, SourceError> {
        Self::open_patiently(camera, when_lost, FIRST_WAIT)
    }

    fn open_patiently(
        mut camera: C,
        when_lost: WhenLost,
        first_wait: Duration,
    ) -> Result<CameraSource<C>, SourceError> {
        let stop = CancellationToken::new();
        let shots = camera.connect(&stop).map_err(SourceError::Camera)?;
        Ok(CameraSource {
            camera,
            shots,
            opened: Some(Instant::now()),
            taken: 0,
            when_lost,
            lost: false,
            first_wait,
            wait: first_wait,
            stop,
        })
    }

    /// The next frame; `None` if it is not there yet.
    fn shot(&mut self) -> Result<Option<Shot>, Failure> {
        if self.shots.is_none() {
            self.taken = 0;
            self.shots = self.camera.connect(&self.stop)?;
        }
        self.shots.as_mut().map_or(Ok(None), Shots::next)
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

    /// A frame has come.
    fn found(&mut self, Shot { frame, captured }: Shot) -> SourceFrame {
        let clip = self.camera.name();
        if mem::take(&mut self.lost) {
            tracing::info!("{clip} gives frames again");
        }
        self.wait = self.first_wait;
        let index = self.taken;
        self.taken += 1;
        SourceFrame {
            clip,
            index,
            captured,
            frame,
        }
    }
}

impl<C: Camera> Source for CameraSource<C> {
    fn next(&mut self) -> Result<Pull, SourceError> {
        if self.opened.take().is_some_and(|at| at.elapsed() > FRESH) {
            self.shots = None;
        }
        while !self.stop.is_cancelled() {
            match (self.shot(), self.when_lost) {
                (Ok(Some(shot)), _) => return Ok(Pull::Frame(self.found(shot))),
                (Ok(None), _) => {}
                (Err(failure), WhenLost::TryAgain) => self.lose(&failure),
                (Err(failure), WhenLost::Fail) => {
                    self.stop.cancel();
                    return Err(SourceError::Camera(failure));
                }
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
