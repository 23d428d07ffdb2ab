//! H.264 video in an MP4 file.
//!
//! Only the index is kept in memory; samples are read when they are due. The index is read here and
//! not by a crate: those that were looked at panic on tables that do not fit each other, or give
//! memory to as many samples as a file claims to have.

mod boxes;
mod index;

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom};

use cipherframe::Frame;

use self::boxes::Header;
use self::index::{Sample, Track};
use super::{Video, VideoError};
use crate::source::h264::Decoder;

pub(super) use self::index::IndexError;

/// The largest index (`moov`), and the largest of one fragment (`moof`), in bytes.
pub(super) const MAX_INDEX_BYTES: u64 = 64 << 20;
/// The largest sample in bytes.
const MAX_SAMPLE_BYTES: u32 = 16 << 20;

/// A file that is being played.
#[derive(Debug)]
pub(super) struct Mp4<F> {
    file: F,
    /// Those that were not decoded yet.
    samples: std::vec::IntoIter<Sample>,
    /// `None` at the end.
    decoder: Option<Decoder>,
    /// Pictures that were not asked for yet.
    decoded: VecDeque<Frame>,
    /// Pictures that were given out.
    frames: u64,
    /// How reading went so far.
    read: io::Result<()>,
    undecodable: Undecodable,
}

/// Samples that cannot be decoded.
#[derive(Debug, Default)]
struct Undecodable {
    samples: u64,
    /// What is wrong with the first one.
    first: String,
}

impl Undecodable {
    fn add(&mut self, reason: impl ToString) {
        if self.samples == 0 {
            self.first = reason.to_string();
        }
        self.samples += 1;
    }
}

impl<F: Read + Seek> Mp4<F> {
    /// Reads the index.
    pub(super) fn open(mut file: F) -> Result<Mp4<F>, VideoError> {
        let (track, is_whole) = read_index(&mut file)?;
        Ok(Mp4 {
            file,
            samples: track.samples.into_iter(),
            decoder: Some(Decoder::new(&track.configuration)?),
            decoded: VecDeque::new(),
            frames: 0,
            read: match is_whole {
                true => Ok(()),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            },
            undecodable: Undecodable::default(),
        })
    }

    /// The pictures that the next sample completes, or all that are left at the end.
    fn decode_next(&mut self, decoder: &mut Decoder) -> Option<Vec<Frame>> {
        let sample = self.samples.next()?;
        if sample.bytes > MAX_SAMPLE_BYTES {
            self.undecodable.add("a sample is too large");
            return Some(Vec::new());
        }
        match read_at(&mut self.file, sample.offset, sample.bytes.into()) {
            Ok(bytes) => match decoder.decode(&bytes) {
                Ok(frame) => Some(frame.into_iter().collect()),
                Err(error) => {
                    self.undecodable.add(error);
                    Some(Vec::new())
                }
            },
            Err(error) => {
                self.read = Err(error);
                None
            }
        }
    }
}

impl<F: Read + Seek + Send + std::fmt::Debug> Video for Mp4<F> {
    fn next(&mut self) -> Result<Option<Frame>, VideoError> {
        while self.decoded.is_empty() {
            let Some(mut decoder) = self.decoder.take() else {
                return self.verdict().map(|()| None);
            };
            match self.decode_next(&mut decoder) {
                Some(frames) => {
                    self.decoded.extend(frames);
                    self.decoder = Some(decoder);
                }
                None => self.decoded.extend(decoder.finish()),
            }
        }
        self.frames += 1;
        Ok(self.decoded.pop_front())
    }
}

impl<F> Mp4<F> {
    /// What was wrong with the file.
    fn verdict(&mut self) -> Result<(), VideoError> {
        let frames = self.frames;
        match std::mem::replace(&mut self.read, Ok(())) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(VideoError::BreaksOff { frames });
            }
            read => read?,
        }
        let Undecodable { samples, first } = std::mem::take(&mut self.undecodable);
        match samples {
            0 => Ok(()),
            samples => Err(VideoError::Undecodable {
                samples,
                frames,
                first,
            }),
        }
    }
}

/// The track, and whether the file ends where its last box does.
fn read_index(file: &mut (impl Read + Seek)) -> Result<(Track, bool), VideoError> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut track = None;
    let mut position = 0;
    while position < end {
        let header = read_at(file, position, Header::MAX_BYTES.min(end - position))?;
        let Some(header) = Header::read(&header) else {
            break;
        };
        let start = position + header.header_bytes;
        let after = match header.content_bytes {
            None => end,
            Some(bytes) => start.saturating_add(bytes),
        };
        if after > end {
            position = after;
            break;
        }
        if matches!(&header.kind, b"moov" | b"moof") {
            let bytes = after - start;
            if bytes > MAX_INDEX_BYTES {
                return Err(VideoError::IndexTooLarge { bytes });
            }
            let content = read_at(file, start, bytes)?;
            match (&header.kind, &mut track) {
                (b"moof", None) => {}
                (b"moof", Some(track)) => Track::add_fragment(track, &content, position)?,
                (_, track) => *track = Some(Track::find(&content)?),
            }
        }
        position = after;
    }
    let track = track.ok_or(VideoError::NoIndex)?;
    Ok((track, position == end))
}

fn read_at(file: &mut (impl Read + Seek), offset: u64, bytes: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut read = Vec::new();
    file.take(bytes).read_to_end(&mut read)?;
    if (read.len() as u64) < bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
