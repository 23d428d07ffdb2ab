//! One connection to the camera, from the first request to the error that ends it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use retina::client::{
    Credentials, Demuxed, PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions,
    TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat, ParametersRef, VideoFrame};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::Reception;
use crate::config::RtspTransport;
use crate::source::h264::{Decoder, H264Error};

/// How long the camera may take to answer a request.
const ANSWER: Duration = Duration::from_secs(10);
/// How long it may send nothing.
const SILENCE: Duration = Duration::from_secs(10);
/// How long it may send nothing that can be decoded. Key frames may be many seconds apart.
const BLINDNESS: Duration = Duration::from_secs(60);
/// How long to wait until it was told that a session is over.
const GOODBYE: Duration = Duration::from_secs(1);

/// Whom to ask, and how.
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) login: Option<Credentials>,
    pub(super) transport: RtspTransport,
}

/// Why there are no frames, or no more. The texts continue "no frames from URL: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("it refuses the user or the password")]
    Refused,
    #[error("it has not answered for {} s", ANSWER.as_secs())]
    NoAnswer,
    #[error("it has sent no video for {} s", SILENCE.as_secs())]
    Silent,
    #[error("none of its video could be decoded for {} s", BLINDNESS.as_secs())]
    Blind,
    #[error("it has ended the stream")]
    Ended,
    #[error("it offers {offered}, and no H.264 video")]
    NoH264 { offered: String },
    #[error("its video cannot be decoded: {0}")]
    Decoder(#[from] H264Error),
    #[error("{0}")]
    Protocol(String),
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

/// Receives frames until that fails.
pub(super) async fn run(target: &Target, reception: &mut Reception) -> SessionError {
    // Some cameras go on sending to whoever has gone without a word.
    let group = Arc::new(SessionGroup::default());
    let Err(error) = receive(target, group.clone(), reception).await;
    let _ = timeout(GOODBYE, group.await_teardown()).await;
    error
}

async fn receive(
    target: &Target,
    group: Arc<SessionGroup>,
    reception: &mut Reception,
) -> Result<Infallible, SessionError> {
    let connected = timeout(ANSWER, connect(target, group)).await;
    let (mut stream, video) = connected.map_err(|_| SessionError::NoAnswer)??;
    let mut decoder = None;
    let (mut heard, mut seen) = (Instant::now(), Instant::now());
    loop {
        let item = timeout_at(heard + SILENCE, stream.next()).await;
        let item = item.map_err(|_| SessionError::Silent)?;
        let CodecItem::VideoFrame(sample) = item.ok_or(SessionError::Ended)?? else {
            continue;
        };
        heard = Instant::now();
        prepare(&mut decoder, &sample, &stream, video, reception)?;
        if decode(&mut decoder, &sample, reception) {
            seen = heard;
        } else if heard - seen > BLINDNESS {
            return Err(SessionError::Blind);
        }
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
    let mut session = Session::describe(target.url.clone(), options).await?;
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

/// Starts a decoder at a key frame. After a loss there is none until the next key frame, because
/// pictures that were made up for it would be taken for motion.
fn prepare(
    decoder: &mut Option<Decoder>,
    sample: &VideoFrame,
    stream: &Demuxed,
    video: usize,
    reception: &mut Reception,
) -> Result<(), H264Error> {
    if sample.loss() > 0 || sample.has_new_parameters() {
        *decoder = None;
    }
    if decoder.is_none() && sample.is_random_access_point() {
        let stream = stream.streams().get(video);
        let parameters = stream.and_then(retina::client::Stream::parameters);
        if let Some(ParametersRef::Video(parameters)) = parameters {
            *decoder = Some(Decoder::new(parameters.extra_data())?);
            reception.clock.restarted();
        }
    }
    Ok(())
}

/// Decodes one sample. Whether it went well.
fn decode(decoder: &mut Option<Decoder>, sample: &VideoFrame, reception: &mut Reception) -> bool {
    let Some(library) = decoder else {
        return false;
    };
    let ticks = u64::try_from(sample.timestamp().timestamp()).unwrap_or(0);
    let rate = u64::from(sample.timestamp().clock_rate().get());
    let timestamp = Duration::from_secs(ticks / rate)
        + Duration::from_nanos(ticks % rate * 1_000_000_000 / rate);
    reception.clock.arrived(timestamp, SystemTime::now());
    match library.decode(sample.data()) {
        Ok(frame) => {
            if let Some(frame) = frame {
                reception.take(frame);
            }
            true
        }
        Err(error) => {
            tracing::debug!(%error, "a part of the video cannot be decoded");
            *decoder = None;
            false
        }
    }
}
