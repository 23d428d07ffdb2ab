//! The viewer's log of frames, `frames.jsonl`: a line for each frame that arrived, and the memory of what arrived.
//!
//! A line is on the disk before the frame's receipt goes out, so a viewer that dies at any moment has each frame in its
//! log once: without the line there was no receipt, and the camera sends the frame again; with it, the frame is known
//! at the next start. A line that was half written is cut off then.
//!
//! A log that is full becomes `frames.1.jsonl`, the one before that is removed. What the lines of both said about
//! sessions stays in `frames.sessions.json`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wire::failure::{Failure, FailureKind};
use wire::message::{FrameId, SessionId};
use wire::name::Name;

use crate::assemble::WholeFrame;
use crate::sessions::Sessions;

/// The log.
pub const LOG_FILE: &str = "frames.jsonl";
const FULL_LOG_FILE: &str = "frames.1.jsonl";
const SESSIONS_FILE: &str = "frames.sessions.json";
const LOCK_FILE: &str = "frames.lock";
/// Longer than any line of ours.
const MAX_LINE_BYTES: u64 = 4096;

/// What a frame turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A map.
    Map,
    /// Nothing that an honest worker sends.
    Unreadable,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The camera.
    pub camera: Name,
    /// The camera's run, 32 hexadecimal digits.
    pub session: SessionText,
    /// When that run began, by the camera's clock, in milliseconds since 1970 UTC.
    pub session_unix_ms: u64,
    /// The frame's number in its session.
    pub seq: u64,
    /// When the camera captured it, by its clock, in milliseconds since 1970 UTC.
    pub captured_unix_ms: u64,
    /// When it was logged, by the viewer's clock.
    pub received_unix_ms: u64,
    /// How many tiles it has.
    pub tiles: u32,
    /// The size of its map tiles, in bytes of ciphertext.
    pub bytes: u64,
    /// Numbers of its session between the line before and this one that never came.
    pub missing: u64,
    /// Frames that its camera captured since the line before and did not send.
    pub dropped: u64,
    /// What it turned out to be.
    pub status: Status,
}

/// A session as people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionText(pub SessionId);

impl Serialize for SessionText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SessionText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let session = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(session))
    }
}

impl Record {
    /// The line of a frame.
    pub(crate) fn of(frame: &WholeFrame, status: Status, received_unix_ms: u64) -> Self {
        Self {
            camera: frame.frame.camera.clone(),
            session: SessionText(frame.frame.session),
            session_unix_ms: frame.session_unix_ms,
            seq: frame.frame.seq,
            captured_unix_ms: frame.captured_unix_ms,
            received_unix_ms,
            tiles: frame.tiles,
            bytes: frame.bytes,
            missing: frame.gap.missing,
            dropped: frame.gap.dropped,
            status,
        }
    }
}

/// An open log.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    file: File,
    /// The length of the whole lines.
    bytes: u64,
    limit: u64,
    /// What all lines so far say.
    sessions: Sessions,
    site: Name,
    // Held as long as the journal: two viewers in one folder would log every frame twice.
    _lock: File,
}

impl Journal {
    /// Opens the log in `folder`, or begins it, and reads what is in it. A log of `limit` bytes is full. Blocks.
    ///
    /// # Errors
    /// A folder that cannot be used or that another viewer uses, or a log that is not one.
    pub(crate) fn open(
        folder: &Path,
        limit: u64,
        site: &Name,
    ) -> Result<(Self, Sessions), Failure> {
        fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
        let lock = lock(folder)?;
        let mut sessions = read_sessions(&folder.join(SESSIONS_FILE))?;
        let path = folder.join(LOG_FILE);
        let mut file = open_log(&path).map_err(|error| unusable(&path, &error))?;
        let bytes = read_lines(&path, &mut file, site, &mut sessions)?;
        sync(folder).map_err(|error| unusable(folder, &error))?;
        let journal = Self {
            folder: folder.to_owned(),
            file,
            bytes,
            limit,
            sessions: sessions.clone(),
            site: site.clone(),
            _lock: lock,
        };
        Ok((journal, sessions))
    }

    /// Writes a line: whole and on the disk, or not at all. Blocks.
    pub(crate) fn write(&mut self, record: &Record) -> io::Result<()> {
        if self.bytes >= self.limit {
            self.begin_anew()?;
        }
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What was half written must not stand before the next line.
            self.file.set_len(self.bytes)?;
            self.file.seek(SeekFrom::Start(self.bytes))?;
            return Err(error);
        }
        self.bytes += line.len() as u64;
        replay(record, &self.site, &mut self.sessions);
        Ok(())
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.sessions)?;
        // If it ends here, the lines of the full log are read again, and change nothing.
        replace(&self.folder.join(SESSIONS_FILE), &text)?;
        let path = self.folder.join(LOG_FILE);
        match fs::rename(&path, self.folder.join(FULL_LOG_FILE)) {
            // It was put aside before, and the new one could not be opened.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        self.file = open_log(&path)?;
        // Before anything else can fail: a second renaming would replace the full log by this one.
        self.bytes = 0;
        sync(&self.folder)
    }
}

/// Notes that a line is in the log.
fn replay(record: &Record, site: &Name, sessions: &mut Sessions) {
    let frame = FrameId {
        site: site.clone(),
        camera: record.camera.clone(),
        session: record.session.0,
        seq: record.seq,
    };
    let dropped = sessions.dropped(&frame).saturating_add(record.dropped);
    sessions.record(&frame, record.session_unix_ms, dropped);
}

/// Reads the log to its end; the length of its whole lines. What follows them is cut off.
fn read_lines(
    path: &Path,
    file: &mut File,
    site: &Name,
    sessions: &mut Sessions,
) -> Result<u64, Failure> {
    let failed = |error: io::Error| unusable(path, &error);
    let mut reader = BufReader::new(&*file);
    let mut whole = 0;
    for number in 1.. {
        let mut line = Vec::new();
        let limited = io::Read::take(&mut reader, MAX_LINE_BYTES).read_until(b'\n', &mut line);
        let read = limited.map_err(failed)? as u64;
        let Some(text) = line.strip_suffix(b"\n") else {
            if read == MAX_LINE_BYTES {
                return Err(not_a_log(path, number, "the line is too long"));
            }
            if read > 0 {
                tracing::warn!(file = %path.display(), line = number, "the last line was half written, cut it off");
            }
            break;
        };
        let record = serde_json::from_slice(text)
            .map_err(|error| not_a_log(path, number, &error.to_string()))?;
        replay(&record, site, sessions);
        whole += read;
    }
    file.set_len(whole).map_err(failed)?;
    file.seek(SeekFrom::Start(whole)).map_err(failed)?;
    Ok(whole)
}

fn read_sessions(path: &Path) -> Result<Sessions, Failure> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Sessions::default()),
        Err(error) => return Err(unusable(path, &error)),
    };
    serde_json::from_slice(&text).map_err(|error| {
        Failure::new(
            FailureKind::BadData,
            format!("{} is damaged: {error}", path.display()),
            "move it away; frames of sessions that are not in frames.jsonl can then be logged twice",
        )
    })
}

fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(path)
}

/// Makes new names in a folder outlive a power cut.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

fn lock(folder: &Path) -> Result<File, Failure> {
    let path = folder.join(LOCK_FILE);
    let file = open_log(&path).map_err(|error| unusable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::new(
            FailureKind::Configuration,
            format!("another viewer logs into {}", folder.display()),
            "end it, or give each viewer an `out.folder` of its own",
        )),
        Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
    }
}

fn not_a_log(path: &Path, line: usize, reason: &str) -> Failure {
    Failure::new(
        FailureKind::BadData,
        format!(
            "{}:{line} is no line of a viewer's log: {reason}",
            path.display()
        ),
        "mend the line or move the file away; frames of sessions that are not in it can then be logged twice",
    )
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::io(
        format!("using {}", path.display()),
        error,
        "mend `out.folder`, or who may write there",
    )
}

#[cfg(test)]
mod tests;
