//! Videos in other containers and codecs, decoded by the program `ffmpeg`, if it is installed.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use cipherframe::{Frame, MAX_SIDE};

use super::{Video, VideoError};

/// How much is kept of what the program says, in bytes.
const MAX_SAID_BYTES: u64 = 400;
/// The longest line of a picture's header in bytes: two sides, or less.
const MAX_HEADER_LINE: u64 = 32;

/// One run of the program, which ends with this.
#[derive(Debug)]
struct Ffmpeg {
    child: Child,
    pictures: BufReader<ChildStdout>,
    /// Keeps the beginning of what the program says, and lets it say the rest.
    listener: Option<JoinHandle<String>>,
    frames: u64,
}

/// Starts the program on a file.
pub(super) fn open(path: &Path) -> Result<Box<dyn Video>, VideoError> {
    let mut input = OsString::from("file:");
    input.push(path);
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-hide_banner", "-loglevel", "error"])
        // A playlist may name files; nothing is fetched.
        .args(["-protocol_whitelist", "file", "-i"])
        .arg(input)
        // Every picture once, as grey from 0 to 255 with its size before it.
        .args(["-map", "0:v:0", "-fps_mode", "passthrough"])
        .args(["-pix_fmt", "gray", "-c:v", "pgm", "-f", "image2pipe", "-"]);
    play(command)
}

fn play(mut command: Command) -> Result<Box<dyn Video>, VideoError> {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A signal from the terminal is for the camera node, which ends the program itself.
        .process_group(0);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => VideoError::NoFfmpeg,
        _ => VideoError::FfmpegStart(error),
    })?;
    let (pictures, said) = child
        .stdout
        .take()
        .zip(child.stderr.take())
        .ok_or_else(|| VideoError::FfmpegStart(io::ErrorKind::BrokenPipe.into()))?;
    Ok(Box::new(Ffmpeg {
        child,
        pictures: BufReader::new(pictures),
        listener: Some(thread::spawn(|| listen(said))),
        frames: 0,
    }))
}

impl Video for Ffmpeg {
    fn next(&mut self) -> Result<Option<Frame>, VideoError> {
        match read_pgm(&mut self.pictures) {
            Ok(Some(frame)) => {
                self.frames += 1;
                Ok(Some(frame))
            }
            Ok(None) => self.verdict().map(|()| None),
            Err(error) => Err(VideoError::Unreadable(error)),
        }
    }
}

impl Ffmpeg {
    /// What the program found wrong with the file.
    fn verdict(&mut self) -> Result<(), VideoError> {
        let status = self.child.wait()?;
        let listener = self.listener.take().map(JoinHandle::join);
        let said = listener.and_then(Result::ok).unwrap_or_default();
        if status.success() && said.is_empty() {
            return Ok(());
        }
        Err(VideoError::Ffmpeg {
            frames: self.frames,
            said: if said.is_empty() {
                status.to_string()
            } else {
                said
            },
        })
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        // Fails for a program that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line of `said`, read to its end.
fn listen(mut said: impl Read) -> String {
    let mut start = Vec::new();
    let _ = said.by_ref().take(MAX_SAID_BYTES).read_to_end(&mut start);
    let _ = io::copy(&mut said, &mut io::sink());
    let start = String::from_utf8_lossy(&start);
    let line = start.lines().next().unwrap_or_default();
    line.replace(char::is_control, " ").trim().to_owned()
}

/// Reads a picture in the format PGM as the program writes it; `None` at the end.
fn read_pgm(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
    if from.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "`ffmpeg` wrote no PGM picture");
    let mut line = || {
        let mut line = String::new();
        from.take(MAX_HEADER_LINE).read_line(&mut line)?;
        io::Result::Ok(line)
    };
    let (format, sides, white) = (line()?, line()?, line()?);
    if (format.as_str(), white.as_str()) != ("P5\n", "255\n") {
        return Err(bad());
    }
    let (width, height) = sides.trim_end().split_once(' ').ok_or_else(bad)?;
    let side = |text: &str| text.parse::<u32>().map_err(|_| bad());
    let (width, height) = (side(width)?, side(height)?);
    if width > MAX_SIDE || height > MAX_SIDE {
        let reason =
            format!("its {width}x{height} pixels are too many; a side may have {MAX_SIDE}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    let mut luma = vec![0; width as usize * height as usize];
    from.read_exact(&mut luma)?;
    Frame::new(width, height, luma)
        .map(Some)
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_follow_each_other_with_their_sizes() {
        let mut from = b"P5\n2 1\n255\n\x01\x02P5\n1 1\n255\n\x03".as_slice();
        let mut next = || read_pgm(&mut from).unwrap();
        let first = next().unwrap();
        assert_eq!((first.width(), first.luma()), (2, [1, 2].as_slice()));
        assert_eq!(next().unwrap().luma(), [3]);
        assert!(next().is_none());
    }

    #[test]
    fn what_is_no_picture_is_refused_before_memory_is_given_to_it() {
        for (bytes, reason) in [
            (
                &b"P6\n2 1\n255\n\x01\x02"[..],
                "`ffmpeg` wrote no PGM picture",
            ),
            (b"P5\n2\n255\n\x01\x02", "`ffmpeg` wrote no PGM picture"),
            (&[b'7'; 1 << 10], "`ffmpeg` wrote no PGM picture"),
            (
                b"P5\n9000 4000000000\n255\n",
                "its 9000x4000000000 pixels are too many; a side may have 8192",
            ),
            (b"P5\n2 1\n255\n\x01", "failed to fill whole buffer"),
        ] {
            let error = read_pgm(&mut &*bytes).unwrap_err();
            assert_eq!(error.to_string(), reason);
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_said() {
        let error = play(Command::new("ffmpeg-that-nobody-has")).unwrap_err();
        assert!(matches!(error, VideoError::NoFfmpeg), "{error}");
    }

    /// Plays what a shell writes instead of the program.
    fn verdict(script: &str) -> (u64, String) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut video = play(command).unwrap();
        let mut frames = 0;
        loop {
            match video.next() {
                Ok(Some(_)) => frames += 1,
                Ok(None) => return (frames, "whole".to_owned()),
                Err(error) => return (frames, error.to_string()),
            }
        }
    }

    #[test]
    fn frames_before_the_damage_are_used_and_the_reason_is_kept() {
        let picture = r"printf 'P5\n1 1\n255\nx'";
        assert_eq!(verdict(picture), (1, "whole".to_owned()));
        let script = format!("{picture}; printf 'bad\\a packet\nmore\n' >&2");
        let said = "`ffmpeg` decoded 1 frames of it and said: bad  packet";
        assert_eq!(verdict(&script), (1, said.to_owned()));
        let said = "`ffmpeg` decoded 0 frames of it and said: exit status: 3";
        assert_eq!(verdict("exit 3"), (0, said.to_owned()));
    }

    #[test]
    fn a_program_that_says_a_lot_is_not_held_up() {
        let script = "yes noise | head -c 1000000 >&2";
        let said = "`ffmpeg` decoded 0 frames of it and said: noise";
        assert_eq!(verdict(script), (0, said.to_owned()));
    }
}
