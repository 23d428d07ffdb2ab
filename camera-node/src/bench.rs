//! What the frames of a camera cost on this machine, without a broker.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use wire::failure::{Failure, FailureKind};
use wire::message::{FrameId, SessionId};
use wire::node::Credentials;
use wire::role::NodeRole;
use wire::telemetry::{cpu_time, peak_resident_bytes};

use crate::config::CameraConfig;
use crate::preprocess::Preprocessor;
use crate::sealing::Sealer;
use crate::source::{SourceError, next_frame};

/// The result of a bench. Times are processor time of this process, in milliseconds for each frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Frames that were measured.
    pub frames: u64,
    /// Taking a frame from the source.
    pub capture_cpu_ms: f64,
    /// Resizing it, making the feature of it and quantising that.
    pub preprocess_cpu_ms: f64,
    /// Encrypting and signing it.
    pub encrypt_cpu_ms: f64,
    /// Tiles of a frame.
    pub tiles: u64,
    /// Bytes of all envelopes of a frame.
    pub frame_bytes: u64,
    /// The most memory the process ever held, in bytes; `None` where the system does not say.
    pub peak_rss_bytes: Option<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            frames,
            capture_cpu_ms,
            preprocess_cpu_ms,
            encrypt_cpu_ms,
            tiles,
            frame_bytes,
            peak_rss_bytes,
        } = self;
        writeln!(f, "{frames} frames; of processor time, for each:")?;
        writeln!(f, "  capture     {capture_cpu_ms:9.3} ms")?;
        writeln!(f, "  preprocess  {preprocess_cpu_ms:9.3} ms")?;
        writeln!(f, "  encryption  {encrypt_cpu_ms:9.3} ms")?;
        write!(f, "{frame_bytes} bytes in {tiles} tiles for each frame")?;
        match peak_rss_bytes {
            Some(bytes) => write!(
                f,
                "; {:.1} MiB of memory at most",
                *bytes as f64 / 1048576.0
            ),
            None => Ok(()),
        }
    }
}

/// Takes, prepares, encrypts and signs up to `frames` frames as the camera of `config` does.
///
/// # Errors
/// A key file that cannot be used; a source that cannot be opened, has no frame or is lost.
pub fn run(config: &CameraConfig, frames: u64) -> Result<Report, Failure> {
    let credentials = Credentials::load(&config.link.node, NodeRole::Camera)?;
    let sealer = Sealer::load(config, credentials.identity.clone())?;
    let mut preprocessor = Preprocessor::new(sealer.spec().clone(), config.stream.feature);
    let mut source = config.source.open_briefly()?;
    let mut id = FrameId {
        site: config.link.node.site.clone(),
        camera: config.link.node.name.clone(),
        session: SessionId::random()?,
        seq: 0,
    };
    let (mut bytes, mut spent) = (0, [Duration::ZERO; 3]);
    while id.seq < frames {
        let Some(frame) = timed(&mut spent[0], || next_frame(source.as_mut()))? else {
            break;
        };
        let prepared = timed(&mut spent[1], || preprocessor.prepare(frame));
        let prepared = prepared.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
        let sealed = timed(&mut spent[2], || {
            let encrypted = sealer.encrypt(&id, 0, 0, 0, &prepared.quantised)?;
            let tiles = 0..encrypted.tiles.len();
            tiles
                .map(|tile| sealer.seal(&encrypted, tile, id.seq))
                .collect::<Result<Vec<_>, _>>()
        });
        let sealed = sealed.map_err(|error| Failure::of(FailureKind::Bug, &error))?;
        bytes += sealed.iter().map(|tile| tile.len() as u64).sum::<u64>();
        id.seq += 1;
    }
    if id.seq == 0 {
        return Err(SourceError::NoFrame.into());
    }
    let [capture, preprocess, encrypt] =
        spent.map(|spent| spent.as_secs_f64() * 1e3 / id.seq as f64);
    Ok(Report {
        frames: id.seq,
        capture_cpu_ms: capture,
        preprocess_cpu_ms: preprocess,
        encrypt_cpu_ms: encrypt,
        tiles: u64::from(sealer.spec().tile_plan().tile_count()),
        frame_bytes: bytes / id.seq,
        peak_rss_bytes: peak_resident_bytes(),
    })
}

/// Does `work` and adds the processor time that it took.
fn timed<T>(spent: &mut Duration, work: impl FnOnce() -> T) -> T {
    let began = cpu_time();
    let done = work();
    *spent += cpu_time().saturating_sub(began);
    done
}
