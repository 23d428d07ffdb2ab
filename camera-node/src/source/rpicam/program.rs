//! A program whose output is frames, one run of it.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

/// How many of the last lines that a program said are kept, and how many bytes of each.
const LINES_KEPT: usize = 4;
const LINE_BYTES: usize = 200;
/// How long a program that has closed its output is waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A running program. It is killed when this is dropped, and so are the programs that it started.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    output: Option<ChildStdout>,
    errors: Option<ChildStderr>,
    said: LastLines,
}

/// What reading came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// So many bytes were read.
    Bytes(usize),
    /// Nothing came in time.
    Nothing,
    /// There is no more.
    End,
}

impl Program {
    /// Starts `program`.
    pub(super) fn start<A: AsRef<OsStr>>(
        program: &OsStr,
        arguments: impl IntoIterator<Item = A>,
    ) -> io::Result<Program> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A signal from the terminal is for the camera node, which ends the program itself.
            .process_group(0)
            .spawn()?;
        Ok(Program {
            output: child.stdout.take(),
            errors: child.stderr.take(),
            child,
            said: LastLines::default(),
        })
    }

    /// Reads what the program has written into `buffer`, and waits for it for at most `patience`.
    pub(super) fn read(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<Output> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let has_output = self.wait(left)?;
            match &mut self.output {
                Some(output) if has_output => match output.read(buffer)? {
                    0 => self.output = None,
                    bytes => return Ok(Output::Bytes(bytes)),
                },
                Some(_) if left.is_zero() => return Ok(Output::Nothing),
                Some(_) => {}
                None => return Ok(Output::End),
            }
        }
    }

    /// How the program ended, or `None` if it goes on without output.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let until = Instant::now() + LAST_WORDS;
        loop {
            let status = self.child.try_wait()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || (status.is_some() && self.errors.is_none()) {
                return Ok(status);
            }
            self.output = None;
            self.wait(left.min(Duration::from_millis(5)))?;
        }
    }

    /// The last lines that the program said on stderr.
    pub(super) fn said(&self) -> String {
        self.said.to_string()
    }

    /// Waits for output or a word on stderr, which it takes in. Whether there is output to read.
    fn wait(&mut self, patience: Duration) -> io::Result<bool> {
        let output = self.output.as_ref().map(AsFd::as_fd);
        let errors = self.errors.as_ref().map(AsFd::as_fd);
        let watched = [output, errors].into_iter().flatten();
        let watched = watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        let mut watched: Vec<PollFd<'_>> = watched.collect();
        let patience = Timespec {
            tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        match poll(&mut watched, Some(&patience)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let mut ready = watched.iter().map(|fd| !fd.revents().is_empty());
        let has_output = self.output.is_some() && ready.next() == Some(true);
        let has_errors = self.errors.is_some() && ready.next() == Some(true);
        if let Some(errors) = self.errors.as_mut().filter(|_| has_errors) {
            let mut bytes = [0; 1024];
            match errors.read(&mut bytes)? {
                0 => self.errors = None,
                length => self.said.push(&bytes[..length]),
            }
        }
        Ok(has_output)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended, and its group with it.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The end of a text, of a length that is bounded.
#[derive(Debug, Default)]
struct LastLines {
    lines: VecDeque<Vec<u8>>,
    /// Whether the last line goes on.
    open: bool,
}

impl LastLines {
    fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !std::mem::replace(&mut self.open, !piece.ends_with(b"\n")) {
                if self.lines.len() == LINES_KEPT {
                    self.lines.pop_front();
                }
                self.lines.push_back(Vec::new());
            }
            if let Some(line) = self.lines.back_mut() {
                let room = LINE_BYTES.saturating_sub(line.len());
                line.extend(
                    piece
                        .iter()
                        .filter(|byte| !byte.is_ascii_control())
                        .take(room),
                );
            }
        }
    }
}

impl std::fmt::Display for LastLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.lines.iter().map(|line| String::from_utf8_lossy(line));
        let lines: Vec<_> = lines.filter(|line| !line.trim().is_empty()).collect();
        f.write_str(&lines.join(" / "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept_and_no_more_of_each_than_is_allowed() {
        let mut said = LastLines::default();
        for piece in ["one\ntwo\n\nth", "ree\x1b[31m", "\nfour\nfi", "ve"] {
            said.push(piece.as_bytes());
        }
        assert_eq!(said.to_string(), "three[31m / four / five");
        said.push(&[b'x'; 100_000]);
        assert_eq!(said.lines.len(), LINES_KEPT);
        assert!(said.lines.iter().all(|line| line.len() <= LINE_BYTES));
    }
}
