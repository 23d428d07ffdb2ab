//! One connection to the camera, from the first request to the last.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::StreamExt;
use retina::client::{
    self, Credentials, Demuxed, PlayOptions, SessionGroup, SessionOptions, SetupOptions,
    TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat, ParametersRef, VideoFrame};
use tokio::runtime::{self, Runtime};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;
use wire::failure::{Failure, FailureKind};

use crate::config::RtspTransport;
use crate::source::camera::STOP_SPACING;
use crate::source::h264::H264Error;

/// How long the camera may take to answer a request.
const ANSWER: Duration = Duration::from_secs(10);
/// How long to wait until it was told that a session is over. With [`STOP_SPACING`] less than the
/// second in which a camera is let go.
const GOODBYE: Duration = Duration::from_millis(700);

/// Whom to ask, and how.
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) login: Option<Credentials>,
    pub(super) transport: RtspTransport,
}

/// Why there are no frames, or no more. The texts continue the name of the camera.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("refuses the user or the password")]
    Refused,
    #[error("has not answered for {} s", ANSWER.as_secs())]
    NoAnswer,
    #[error("has sent no video for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("has sent nothing that can be decoded for {} s", .0.as_secs())]
    Blind(Duration),
    #[error("has ended the stream")]
    Ended,
    #[error("offers {offered}, and no H.264 video")]
    NoH264 { offered: String },
    #[error("sends video that cannot be decoded: {0}")]
    Decoder(#[from] H264Error),
    #[error("cannot be used: {0}")]
    Protocol(String),
    #[error("cannot be received from: {0}")]
    Runtime(io::Error),
}

impl SessionError {
    /// The failure of the camera with this name.
    pub(super) fn of(&self, camera: &str) -> Failure {
        let (kind, mend) = match self {
            SessionError::Refused => (
                FailureKind::Permissions,
                "check `source.username` and the password in `source.password_file`",
            ),
            SessionError::NoH264 { .. } | SessionError::Decoder(_) => (
                FailureKind::BadData,
                "set the camera to H.264, or take another of its streams",
            ),
            SessionError::Runtime(error) => (
                FailureKind::of_io(error),
                "allow this user more open files and threads",
            ),
            SessionError::NoAnswer
            | SessionError::Silent(_)
            | SessionError::Blind(_)
            | SessionError::Ended
            | SessionError::Protocol(_) => (
                FailureKind::Unavailable,
                "check `source.rtsp`, and that the camera is on and reachable",
            ),
        };
        Failure::new(kind, format!("{camera} {self}"), mend)
    }
}

impl From<retina::Error> for SessionError {
    fn from(error: retina::Error) -> SessionError {
        match error.status_code() {
            Some(401 | 403) => SessionError::Refused,
            // Below its first line an error says where in the stream it was.
            _ => SessionError::Protocol(one_line(
                error.to_string().lines().next().unwrap_or_default(),
            )),
        }
    }
}

/// A text of the camera, fit for a log line.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// A camera that sends. It is received from only while [`Session::next`] waits.
pub(super) struct Session {
    /// There until this is dropped.
    runtime: Option<Runtime>,
    group: Arc<SessionGroup>,
    /// The streams, and the place of the video among them, once they play.
    playing: Option<(Demuxed, usize)>,
}

impl Session {
    /// Has the camera send; `None` if `stop` is cancelled before it does.
    pub(super) fn open(
        target: &Target,
        stop: &CancellationToken,
    ) -> Result<Option<Session>, SessionError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let mut session = Session {
            runtime: Some(runtime.map_err(SessionError::Runtime)?),
            group: Arc::default(),
            playing: None,
        };
        let connecting = connect(target, session.group.clone());
        let connecting = async { timeout(ANSWER, connecting).await };
        let runtime = session.runtime.as_ref().ok_or(SessionError::Ended)?;
        let Some(connected) = runtime.block_on(stop.run_until_cancelled(connecting)) else {
            return Ok(None);
        };
        session.playing = Some(connected.map_err(|_| SessionError::NoAnswer)??);
        Ok(Some(session))
    }

    /// The next part of the video; `None` if none has come within [`STOP_SPACING`].
    pub(super) fn next(&mut self) -> Result<Option<VideoFrame>, SessionError> {
        let (Some(runtime), Some((stream, _))) = (&self.runtime, &mut self.playing) else {
            return Err(SessionError::Ended);
        };
        let receiving = async {
            loop {
                let item = stream.next().await.ok_or(SessionError::Ended)??;
                if let CodecItem::VideoFrame(sample) = item {
                    return Ok(sample);
                }
            }
        };
        // Nothing is lost when the time is over: what was received stays in the stream.
        let received = runtime.block_on(async { timeout(STOP_SPACING, receiving).await });
        received.ok().transpose()
    }

    /// The parameter sets of the video, as the decoder takes them, once they are known.
    pub(super) fn parameters(&self) -> Option<&[u8]> {
        let (stream, video) = self.playing.as_ref()?;
        match stream.streams().get(*video)?.parameters()? {
            ParametersRef::Video(parameters) => Some(parameters.extra_data()),
            _ => None,
        }
    }
}

impl Drop for Session {
    /// Tells the camera that it is over: some go on sending to whoever has gone without a word.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        let inside = runtime.enter();
        // Begins to tell it, in a task of its own.
        self.playing = None;
        drop(inside);
        let group = &self.group;
        let told = || {
            let _ = runtime.block_on(async { timeout(GOODBYE, group.await_teardown()).await });
        };
        // Async code, in which this may be dropped, is not allowed to wait like this.
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("rtsp goodbye".to_owned());
            if let Ok(thread) = thread.spawn_scoped(scope, told) {
                let _ = thread.join();
            }
        });
        // Looking up the name of a host may still go on, and is not waited for.
        runtime.shutdown_background();
    }
}

/// Asks for the first H.264 stream. Returns its place among the streams, too.
async fn connect(
    target: &Target,
    group: Arc<SessionGroup>,
) -> Result<(Demuxed, usize), SessionError> {
    let options = SessionOptions::default()
        .creds(target.login.clone())
        .session_group(group)
        .user_agent("blindsight".to_owned());
    let mut session = client::Session::describe(target.url.clone(), options).await?;
    let kinds = session.streams().iter();
    let kinds: Vec<_> = kinds
        .map(|stream| (stream.media(), stream.encoding_name()))
        .collect();
    let Some(video) = kinds.iter().position(|kind| *kind == ("video", "h264")) else {
        let names: Vec<&str> = kinds.iter().map(|(_, name)| *name).collect();
        let offered = match names.is_empty() {
            true => "nothing".to_owned(),
            false => one_line(&names.join(", ")),
        };
        return Err(SessionError::NoH264 { offered });
    };
    let transport = match target.transport {
        RtspTransport::Tcp => Transport::Tcp(TcpTransportOptions::default()),
        RtspTransport::Udp => Transport::Udp(UdpTransportOptions::default()),
    };
    // Samples as the decoder takes them; it gets the parameter sets by themselves.
    let options = SetupOptions::default()
        .transport(transport)
        .frame_format(FrameFormat::MP4);
    session.setup(video, options).await?;
    let stream = session.play(PlayOptions::default()).await?.demuxed()?;
    Ok((stream, video))
}
