//! `events.jsonl`: a line for each begin, update and end of an event.
//!
//! A line that cannot be written waits in memory, with those after it, until one can. A line that was half written when
//! the viewer died is cut off at the next start.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::event::AnomalyEvent;

/// The log.
const FILE: &str = "events.jsonl";
/// The one before it.
const FULL_FILE: &str = "events.1.jsonl";
/// Lines that wait for a disk that has room again.
const WAITING: usize = 10_000;
/// Longer than any line.
const LONGEST_LINE: u64 = 4096;

/// The log of events of one viewer.
#[derive(Debug)]
pub(crate) struct EventLog {
    folder: PathBuf,
    /// How long a log may get.
    most_bytes: u64,
    waiting: VecDeque<String>,
    /// Lines that found no room to wait.
    lost: u64,
    /// Where half a line begins that could not be cut off yet.
    half_line_at: Option<u64>,
}

impl EventLog {
    /// Opens the log in `folder`, which gets a second file when the first has `most_bytes`. Blocks.
    pub(crate) fn open(folder: &Path, most_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        cut_half_line(&folder.join(FILE))?;
        Ok(Self {
            folder: folder.to_owned(),
            most_bytes,
            waiting: VecDeque::new(),
            lost: 0,
            half_line_at: None,
        })
    }

    /// Writes what waits, and this. Blocks.
    ///
    /// # Errors
    /// The first line that could not be written; it waits.
    pub(crate) fn write(&mut self, events: &[AnomalyEvent]) -> io::Result<()> {
        for event in events {
            if self.waiting.len() == WAITING {
                self.waiting.pop_front();
                self.lost += 1;
                if self.lost.is_power_of_two() {
                    tracing::error!(
                        lost = self.lost,
                        "events are lost: {FILE} cannot be written"
                    );
                }
            }
            let mut line = serde_json::to_string(event).map_err(io::Error::other)?;
            line.push('\n');
            self.waiting.push_back(line);
        }
        while let Some(line) = self.waiting.front().cloned() {
            self.append(&line)?;
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Appends a line, to a new log if the one there is full.
    fn append(&mut self, line: &str) -> io::Result<()> {
        let path = self.folder.join(FILE);
        let length = line.len() as u64;
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let mut file = options.open(&path)?;
        if let Some(at) = self.half_line_at {
            // Half a line would make the next one unreadable.
            file.set_len(at)?;
            self.half_line_at = None;
        }
        let mut bytes = file.metadata()?.len();
        if bytes > 0 && bytes + length > self.most_bytes {
            fs::rename(&path, self.folder.join(FULL_FILE))?;
            file = options.open(&path)?;
            bytes = file.metadata()?.len();
        }
        let written = file.write_all(line.as_bytes());
        if written.is_err() && file.set_len(bytes).is_err() {
            self.half_line_at = Some(bytes);
        }
        written
    }
}

/// Cuts off what stands after the last end of a line.
fn cut_half_line(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file: File = match options.read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let bytes = file.metadata()?.len();
    let start = bytes.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut end = Vec::new();
    Read::by_ref(&mut file)
        .take(LONGEST_LINE)
        .read_to_end(&mut end)?;
    let whole = end
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at as u64 + 1);
    let whole = if whole == 0 && start > 0 {
        bytes
    } else {
        start + whole
    };
    if whole < bytes {
        tracing::warn!(path = %path.display(), "a half written event was cut off");
        file.set_len(whole)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AnomalyKind;
    use crate::journal::SessionText;
    use crate::testing::{frame, name};

    fn event(seq: u64) -> AnomalyEvent {
        AnomalyEvent {
            kind: AnomalyKind::Begin,
            id: format!("gate-{seq}"),
            camera: name("gate"),
            session: SessionText(frame("gate", 1, seq).session),
            seq,
            captured_unix_ms: 5,
            began_unix_ms: 5,
            ended_unix_ms: None,
            score: 1.5,
            peak: 1.5,
            peak_seq: seq,
            peak_unix_ms: 5,
            threshold: 1.4,
            region: None,
        }
    }

    fn read(folder: &Path, file: &str) -> Vec<AnomalyEvent> {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn lines_are_whole_and_survive_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mut log = EventLog::open(path, 1 << 20).unwrap();
        log.write(&[event(1), event(2)]).unwrap();
        drop(log);
        let mut file = OpenOptions::new()
            .append(true)
            .open(path.join(FILE))
            .unwrap();
        file.write_all(b"{\"kind\":\"beg").unwrap();
        let mut log = EventLog::open(path, 1 << 20).unwrap();
        log.write(&[event(3)]).unwrap();
        assert_eq!(read(path, FILE), [event(1), event(2), event(3)]);
    }

    #[test]
    fn a_full_log_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = EventLog::open(folder.path(), 600).unwrap();
        for seq in 0..5 {
            log.write(&[event(seq)]).unwrap();
        }
        let (full, last) = (read(folder.path(), FULL_FILE), read(folder.path(), FILE));
        assert_eq!(last.last(), Some(&event(4)));
        assert_eq!(full.last().unwrap().seq + 1, last[0].seq);
    }

    #[test]
    fn half_a_line_is_cut_off_before_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mut log = EventLog::open(path, 1 << 20).unwrap();
        log.write(&[event(1)]).unwrap();
        let whole = fs::read(path.join(FILE)).unwrap();
        let half = [&*whole, b"{\"kind\":\"beg"].concat();
        fs::write(path.join(FILE), half).unwrap();
        log.half_line_at = Some(whole.len() as u64);
        log.write(&[event(2)]).unwrap();
        log.write(&[event(3)]).unwrap();
        assert_eq!(read(path, FILE), [event(1), event(2), event(3)]);
    }

    #[test]
    fn what_cannot_be_written_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut log = EventLog::open(&path, 1 << 20).unwrap();
        fs::remove_dir(&path).unwrap();
        assert!(log.write(&[event(1)]).is_err());
        assert!(log.write(&[event(2)]).is_err());
        fs::create_dir(&path).unwrap();
        log.write(&[event(3)]).unwrap();
        assert_eq!(read(&path, FILE), [event(1), event(2), event(3)]);
    }
}
