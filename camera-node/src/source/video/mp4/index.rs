//! Where in an MP4 file the samples of its H.264 track lie: the sample tables of `moov`, and the
//! runs of `moof` in files that are made of fragments.
//!
//! Of times nothing is read: samples are stored in the order in which they are decoded, the decoder
//! puts its pictures in order, and the camera has a pace of its own.

use super::boxes::Content;

/// The most samples of a file: 38 hours at 30 frames a second.
pub(super) const MAX_SAMPLES: usize = 1 << 22;

/// The bytes of one sample: what becomes one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) offset: u64,
    pub(super) bytes: u32,
}

/// An H.264 track.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Track {
    id: u32,
    /// What the track says of its decoder (`avcC`).
    pub(super) configuration: Vec<u8>,
    /// Its samples in the order in which they are decoded.
    pub(super) samples: Vec<Sample>,
    /// The size of samples in fragments that do not say it.
    default_bytes: u32,
}

/// Why a file has no samples to decode. The texts continue "it is an MP4 file ...".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::source) enum IndexError {
    #[error("without H.264 video")]
    NoTrack,
    #[error("whose index is malformed")]
    Malformed,
    #[error("with more than {MAX_SAMPLES} samples")]
    TooManySamples,
}

impl Track {
    /// The first H.264 track in the content of `moov`.
    pub(super) fn find(moov: &[u8]) -> Result<Track, IndexError> {
        let moov = Content::new(moov);
        let mut tracks = moov.children(b"trak");
        let (trak, tables, configuration) = tracks
            .find_map(|trak| {
                let tables = trak.child(b"mdia")?.child(b"minf")?.child(b"stbl")?;
                Some((trak, tables, configuration(tables)?))
            })
            .ok_or(IndexError::NoTrack)?;
        let id = track_id(trak).ok_or(IndexError::Malformed)?;
        let mut track = Track {
            id,
            configuration: configuration.to_vec(),
            samples: Vec::new(),
            default_bytes: default_bytes(moov, id).unwrap_or(0),
        };
        track.add_tables(tables)?;
        Ok(track)
    }

    /// Adds the samples of the sample tables, which are empty in a file of fragments.
    fn add_tables(&mut self, tables: Content) -> Result<(), IndexError> {
        let mut sizes = sizes(tables).ok_or(IndexError::Malformed)?;
        let chunks = chunk_offsets(tables).ok_or(IndexError::Malformed)?;
        let mut runs = samples_per_chunk(tables).ok_or(IndexError::Malformed)?;
        for (number, mut offset) in (1_u64..).zip(chunks) {
            for _ in 0..runs.of_chunk(number) {
                let Some(bytes) = sizes.next() else {
                    return Ok(());
                };
                self.push(offset, bytes)?;
                offset = offset.saturating_add(u64::from(bytes));
            }
        }
        match sizes.next() {
            None => Ok(()),
            // Samples that lie in no chunk.
            Some(_) => Err(IndexError::Malformed),
        }
    }

    /// Adds the samples of a fragment: the content of a `moof` that begins at `start`.
    pub(super) fn add_fragment(&mut self, moof: &[u8], start: u64) -> Result<(), IndexError> {
        for traf in Content::new(moof).children(b"traf") {
            self.add_runs(traf, start)?;
        }
        Ok(())
    }

    fn add_runs(&mut self, traf: Content, start: u64) -> Result<(), IndexError> {
        let header = traf.child(b"tfhd").and_then(FragmentHeader::read);
        let header = header.ok_or(IndexError::Malformed)?;
        if header.track != self.id {
            return Ok(());
        }
        let base = header.base.unwrap_or(start);
        let default_bytes = header.default_bytes.unwrap_or(self.default_bytes);
        let mut offset = base;
        for run in traf.children(b"trun") {
            let run = Run::read(run).ok_or(IndexError::Malformed)?;
            if let Some(from_base) = run.offset {
                let moved = base.checked_add_signed(i64::from(from_base));
                offset = moved.ok_or(IndexError::Malformed)?;
            }
            let mut fields = run.fields;
            for _ in 0..run.samples {
                let bytes = run.sample_bytes(&mut fields);
                let bytes = bytes.ok_or(IndexError::Malformed)?.unwrap_or(default_bytes);
                self.push(offset, bytes)?;
                offset = offset.saturating_add(u64::from(bytes));
            }
        }
        Ok(())
    }

    fn push(&mut self, offset: u64, bytes: u32) -> Result<(), IndexError> {
        if self.samples.len() == MAX_SAMPLES {
            return Err(IndexError::TooManySamples);
        }
        self.samples.push(Sample { offset, bytes });
        Ok(())
    }
}

/// The decoder configuration of H.264 in the first sample description, if that is what it is.
fn configuration(tables: Content<'_>) -> Option<&[u8]> {
    let mut descriptions = tables.child(b"stsd")?;
    // Version and flags, and how many descriptions there are.
    descriptions.skip(8)?;
    let mut entry = descriptions
        .child(b"avc1")
        .or_else(|| descriptions.child(b"avc3"))?;
    // The fixed fields of a visual sample entry.
    entry.skip(78)?;
    Some(entry.child(b"avcC")?.rest())
}

fn track_id(trak: Content) -> Option<u32> {
    let mut header = trak.child(b"tkhd")?;
    // Two times come before it.
    let times = match header.version_and_flags()? {
        (0, _) => 8,
        _ => 16,
    };
    header.skip(times)?;
    header.u32()
}

/// The size of samples in fragments of track `id` that do not say it.
fn default_bytes(moov: Content, id: u32) -> Option<u32> {
    moov.child(b"mvex")?.children(b"trex").find_map(|mut trex| {
        trex.version_and_flags()?;
        (trex.u32()? == id).then_some(())?;
        // Which description, and the duration.
        trex.skip(8)?;
        trex.u32()
    })
}

fn sizes<'a>(tables: Content<'a>) -> Option<Box<dyn Iterator<Item = u32> + 'a>> {
    let mut fields = tables.child(b"stsz")?;
    fields.version_and_flags()?;
    Some(match fields.u32()? {
        0 => Box::new(fields.table()?.iter().map(|size| u32::from_be_bytes(*size))),
        size => Box::new(std::iter::repeat_n(size, fields.u32()? as usize)),
    })
}

fn chunk_offsets<'a>(tables: Content<'a>) -> Option<Box<dyn Iterator<Item = u64> + 'a>> {
    if let Some(mut fields) = tables.child(b"stco") {
        fields.version_and_flags()?;
        let offsets = fields.table()?.iter();
        return Some(Box::new(
            offsets.map(|offset| u64::from(u32::from_be_bytes(*offset))),
        ));
    }
    let mut fields = tables.child(b"co64")?;
    fields.version_and_flags()?;
    let offsets = fields.table()?.iter();
    Some(Box::new(offsets.map(|offset| u64::from_be_bytes(*offset))))
}

/// How many samples the chunks have, in runs of chunks that have as many.
struct ChunkRuns<'a> {
    /// The runs that have not begun: each with its first chunk, how many samples its chunks have,
    /// and which description.
    next: &'a [[u8; 12]],
    samples: u32,
}

fn samples_per_chunk(tables: Content<'_>) -> Option<ChunkRuns<'_>> {
    let mut fields = tables.child(b"stsc")?;
    fields.version_and_flags()?;
    let next = fields.table()?;
    Some(ChunkRuns { next, samples: 0 })
}

impl ChunkRuns<'_> {
    /// The samples of a chunk; chunks are asked for in order, from 1.
    fn of_chunk(&mut self, number: u64) -> u32 {
        while let Some((run, later)) = self.next.split_first() {
            let mut fields = Content::new(run);
            let (Some(first), Some(samples)) = (fields.u32(), fields.u32()) else {
                break;
            };
            if u64::from(first) > number {
                break;
            }
            (self.samples, self.next) = (samples, later);
        }
        self.samples
    }
}

/// What the runs of a fragment have in common.
struct FragmentHeader {
    track: u32,
    base: Option<u64>,
    default_bytes: Option<u32>,
}

impl FragmentHeader {
    fn read(mut tfhd: Content) -> Option<FragmentHeader> {
        let (_, flags) = tfhd.version_and_flags()?;
        let track = tfhd.u32()?;
        let base = match flags & 0x01 {
            0 => None,
            _ => Some(tfhd.u64()?),
        };
        // Which description, and the default duration.
        tfhd.skip(4 * (flags & 0x0a).count_ones() as usize)?;
        let default_bytes = match flags & 0x10 {
            0 => None,
            _ => Some(tfhd.u32()?),
        };
        Some(FragmentHeader {
            track,
            base,
            default_bytes,
        })
    }
}

/// Samples that lie one after the other.
struct Run<'a> {
    flags: u32,
    samples: u32,
    /// Where the first one lies, from the base; without it they follow the run before.
    offset: Option<i32>,
    /// The fields of the samples.
    fields: Content<'a>,
}

impl<'a> Run<'a> {
    fn read(mut trun: Content<'a>) -> Option<Run<'a>> {
        let (_, flags) = trun.version_and_flags()?;
        let samples = trun.u32()?;
        let offset = match flags & 0x01 {
            0 => None,
            _ => Some(trun.u32()?.cast_signed()),
        };
        if flags & 0x04 != 0 {
            // The flags of the first sample.
            trun.skip(4)?;
        }
        Some(Run {
            flags,
            samples,
            offset,
            fields: trun,
        })
    }

    /// Reads the fields of the next sample: its size, if it says one. `None` if they are cut off.
    fn sample_bytes(&self, fields: &mut Content) -> Option<Option<u32>> {
        let has = |flag| usize::from(self.flags & flag != 0);
        fields.skip(4 * has(0x100))?;
        let bytes = match has(0x200) {
            0 => None,
            _ => Some(fields.u32()?),
        };
        fields.skip(4 * (has(0x400) + has(0x800)))?;
        Some(bytes)
    }
}
