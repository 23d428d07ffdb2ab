//! A camera on the network that speaks RTSP and sends H.264.

mod clock;
mod session;
mod thinning;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use retina::client::Credentials;
use retina::codec::VideoFrame;
use tokio_util::sync::CancellationToken;
use url::Url;
use wire::failure::Failure;
use wire::secret_file;

use self::clock::Clock;
use self::session::{Session, SessionError, Target};
use self::thinning::Thinning;
use super::camera::{Camera, Shot, Shots};
use super::h264::{Decoder, H264Error};
use crate::config::RtspConfig;

/// How long the camera may send nothing.
const SILENCE: Duration = Duration::from_secs(10);
/// How long it may send nothing that can be decoded. Key frames may be many seconds apart.
const BLINDNESS: Duration = Duration::from_secs(60);

/// A camera on the network.
pub(super) struct Rtsp {
    target: Target,
    interval: Option<Duration>,
    /// One for all connections, so that no time comes twice.
    clock: Arc<Mutex<Clock>>,
}

impl Rtsp {
    /// Reads the password, and does not connect.
    ///
    /// # Errors
    /// When the password file cannot be used.
    pub(super) fn new(config: &RtspConfig) -> Result<Rtsp, Failure> {
        let login = config.login.as_ref().map(|(username, file)| {
            let password = secret_file::password(file)?;
            Ok::<_, Failure>(Credentials {
                username: username.clone(),
                password: password.to_string(),
            })
        });
        Ok(Rtsp {
            target: Target {
                url: config.url.clone(),
                login: login.transpose()?,
                transport: config.transport,
            },
            interval: config.interval,
            clock: Arc::default(),
        })
    }
}

impl Camera for Rtsp {
    type Shots = RtspShots;

    fn name(&self) -> String {
        name(&self.target.url)
    }

    fn connect(&mut self, stop: &CancellationToken) -> Result<Option<RtspShots>, Failure> {
        let name = self.name();
        let session = Session::open(&self.target, stop).map_err(|error| error.of(&name))?;
        let choice = Choice::new(self.clock.clone(), self.interval);
        let now = Instant::now();
        Ok(session.map(|session| RtspShots {
            name,
            session,
            decoder: None,
            choice,
            heard: now,
            seen: now,
        }))
    }
}

/// The camera in messages: a query may hold a password.
fn name(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// The pictures of a camera that sends.
pub(super) struct RtspShots {
    name: String,
    session: Session,
    /// There is none before the first key frame.
    decoder: Option<Decoder>,
    choice: Choice,
    /// When video last came.
    heard: Instant,
    /// When video last came that could be decoded.
    seen: Instant,
}

impl Shots for RtspShots {
    fn next(&mut self) -> Result<Option<Shot>, Failure> {
        self.shot().map_err(|error| error.of(&self.name))
    }
}

impl RtspShots {
    fn shot(&mut self) -> Result<Option<Shot>, SessionError> {
        let Some(sample) = self.session.next()? else {
            return match self.heard.elapsed() > SILENCE {
                true => Err(SessionError::Silent(SILENCE)),
                false => Ok(None),
            };
        };
        self.heard = Instant::now();
        self.prepare(&sample)?;
        match self.decode(&sample) {
            Some(shot) => {
                self.seen = self.heard;
                Ok(shot)
            }
            None if self.heard - self.seen > BLINDNESS => Err(SessionError::Blind(BLINDNESS)),
            None => Ok(None),
        }
    }

    /// Starts a decoder at a key frame. After a loss there is none until the next key frame, because
    /// pictures that were made up for it would be taken for motion.
    fn prepare(&mut self, sample: &VideoFrame) -> Result<(), H264Error> {
        if sample.loss() > 0 || sample.has_new_parameters() {
            self.decoder = None;
        }
        if self.decoder.is_none()
            && sample.is_random_access_point()
            && let Some(parameters) = self.session.parameters()
        {
            self.decoder = Some(Decoder::new(parameters)?);
            self.choice.restarted();
        }
        Ok(())
    }

    /// Decodes one sample; `None` if that does not work. Of a good one there may be no picture yet.
    fn decode(&mut self, sample: &VideoFrame) -> Option<Option<Shot>> {
        let decoder = self.decoder.as_mut()?;
        let ticks = u64::try_from(sample.timestamp().timestamp()).unwrap_or(0);
        let rate = u64::from(sample.timestamp().clock_rate().get());
        let timestamp = Duration::from_secs(ticks / rate)
            + Duration::from_nanos(ticks % rate * 1_000_000_000 / rate);
        self.choice.arrived(timestamp, SystemTime::now());
        match decoder.decode(sample.data()) {
            Ok(frame) => Some(frame.and_then(|frame| {
                let captured = self.choice.captured(self.heard, SystemTime::now())?;
                Some(Shot { frame, captured })
            })),
            Err(error) => {
                tracing::debug!(%error, "a part of the video cannot be decoded");
                self.decoder = None;
                None
            }
        }
    }
}

/// Which pictures are taken, and when they were captured.
struct Choice {
    clock: Arc<Mutex<Clock>>,
    thinning: Thinning,
}

impl Choice {
    /// For a new connection.
    fn new(clock: Arc<Mutex<Clock>>, interval: Option<Duration>) -> Choice {
        let choice = Choice {
            clock,
            thinning: Thinning::new(interval),
        };
        choice.with_clock(Clock::connected);
        choice
    }

    /// The decoder starts anew.
    fn restarted(&self) {
        self.with_clock(Clock::restarted);
    }

    /// A sample goes into the decoder.
    fn arrived(&self, timestamp: Duration, now: SystemTime) {
        self.with_clock(|clock| clock.arrived(timestamp, now));
    }

    /// When the picture was captured that has come out of the decoder; `None` if it is not wanted.
    /// The sample that made it come arrived at `arrived`.
    fn captured(&mut self, arrived: Instant, now: SystemTime) -> Option<SystemTime> {
        let captured = self.with_clock(|clock| clock.captured(now));
        self.thinning.wants(arrived).then_some(captured)
    }

    fn with_clock<T>(&self, act: impl FnOnce(&mut Clock) -> T) -> T {
        // It is whole after each of its steps.
        act(&mut self.clock.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
