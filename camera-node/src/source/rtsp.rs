//! A camera on the network that speaks RTSP and sends H.264.
//!
//! A thread of its own receives and decodes, because the camera does not wait; whoever pulls gets
//! the newest frames. When the connection is lost the thread connects again, for as long as it takes.

mod clock;
mod newest;
mod session;
mod thinning;

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cipherframe::Frame;
use retina::client::Credentials;
use tokio::runtime;
use tokio_util::sync::{CancellationToken, DropGuard};
use wire::backoff::Backoff;
use wire::failure::{Failure, FailureKind};
use wire::{random, secret_file};

use self::clock::Clock;
use self::newest::Newest;
use self::session::{SessionError, Target};
use self::thinning::Thinning;
use super::{Pull, Source, SourceError, SourceFrame};
use crate::config::RtspConfig;

/// The clip of every frame.
const CLIP: &str = "rtsp";

/// Frames of a camera on the network.
#[derive(Debug)]
pub struct RtspSource {
    frames: Newest<SourceFrame, SourceError>,
    thinning: Thinning,
    /// Ends the thread.
    stop: CancellationToken,
    _stopped_when_dropped: DropGuard,
}

impl RtspSource {
    /// Begins to connect, and does not wait for it.
    ///
    /// # Errors
    /// When the password file cannot be used, or the system has no room for another thread.
    pub fn open(config: &RtspConfig) -> Result<RtspSource, Failure> {
        let login = config.login.as_ref().map(|(username, file)| {
            let password = secret_file::password(file)?;
            Ok::<_, Failure>(Credentials {
                username: username.clone(),
                password: password.to_string(),
            })
        });
        let target = Target {
            url: config.url.clone(),
            login: login.transpose()?,
            transport: config.transport,
        };
        let frames = Newest::default();
        let stop = CancellationToken::new();
        let io = |error| {
            Failure::io(
                "starting to receive",
                &error,
                "allow this user more threads",
            )
        };
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(io)?;
        let (reception, stopped) = (Reception::new(&target, frames.clone()), stop.clone());
        // Dropped also when the thread panics.
        let ended = Closing(frames.clone());
        let receive = move || {
            let _ended = ended;
            runtime.block_on(stopped.run_until_cancelled(receive(target, reception)));
        };
        let thread = thread::Builder::new().name("rtsp".to_owned());
        thread.spawn(receive).map_err(io)?;
        Ok(RtspSource {
            frames,
            thinning: Thinning::new(config.interval),
            stop: stop.clone(),
            _stopped_when_dropped: stop.drop_guard(),
        })
    }
}

/// Closes the queue when it is dropped.
struct Closing(Newest<SourceFrame, SourceError>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Source for RtspSource {
    fn next(&mut self) -> Result<Pull, SourceError> {
        while let Some(frame) = self.frames.take() {
            let frame = frame?;
            if self.thinning.wants(frame.captured) {
                return Ok(Pull::Frame(frame));
            }
        }
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

/// Receives frames until there is no use in trying again: a camera that lets nobody in at first
/// does not do so later.
async fn receive(target: Target, mut reception: Reception) {
    let mut backoff = Backoff::default();
    let mut was_let_in = false;
    loop {
        let began = Instant::now();
        reception.begins();
        let error = session::run(&target, &mut reception).await;
        was_let_in |= reception.index > 0;
        if matches!(error, SessionError::Refused) && !was_let_in {
            let Reception { url, frames, .. } = reception;
            let what = format!("{url} refuses the user or the password");
            let mend = "check `source.username` and the password in `source.password_file`";
            let failure = Failure::new(FailureKind::Permissions, what, mend);
            return frames.end(SourceError::Camera(failure));
        }
        reception.ends(&error);
        let lasted = (reception.index > 0).then(|| began.elapsed());
        tokio::time::sleep(backoff.next(lasted, random::chance())).await;
    }
}

/// What is kept from one connection to the next.
struct Reception {
    /// The camera in messages: a query may hold a password.
    url: String,
    frames: Newest<SourceFrame, SourceError>,
    clock: Clock,
    /// The place of the next frame of this connection: after a gap the clip starts over.
    index: u64,
    /// Since when there are no frames, once that was said.
    without_since: Option<Instant>,
}

impl Reception {
    fn new(target: &Target, frames: Newest<SourceFrame, SourceError>) -> Reception {
        let mut url = target.url.clone();
        url.set_query(None);
        Reception {
            url: url.to_string(),
            frames,
            clock: Clock::default(),
            index: 0,
            without_since: None,
        }
    }

    /// A connection begins.
    fn begins(&mut self) {
        self.clock.connected();
        self.index = 0;
    }

    /// A picture came out of the decoder.
    fn take(&mut self, frame: Frame) {
        if let Some(since) = self.without_since.take() {
            let without_s = since.elapsed().as_secs();
            tracing::info!(without_s, "frames from {} again", self.url);
        }
        self.frames.put(SourceFrame {
            clip: CLIP.to_owned(),
            index: self.index,
            captured: self.clock.captured(SystemTime::now()),
            frame,
        });
        self.index += 1;
    }

    /// A connection ended, or there was none.
    fn ends(&mut self, error: &SessionError) {
        let url = &self.url;
        if self.without_since.is_none() {
            self.without_since = Some(Instant::now());
            tracing::warn!("no frames from {url}: {error}; trying again until there are");
        } else {
            tracing::debug!("still no frames from {url}: {error}");
        }
    }
}
