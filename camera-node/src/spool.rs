//! The spool: encrypted frames in files, until their receipts come.
//!
//! A file is written whole and durably or not at all; its length and its hash are inside, so one
//! that a dying disk tore is found and dropped. Files hold ciphertext and what the header says of
//! it: nothing that the broker does not see. They are signed only when they are sent.
//!
//! ```text
//! 8   magic "BSSPOOL1"
//! 8   length of the file in bytes
//! 32  BLAKE3 of all that follows
//! 2   length of the header, then the header of tile 0
//!     for each tile: 4 its length, then its ciphertext
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wire::failure::{Failure, FailureKind};
use wire::message::TileHeader;
use wire::name::Name;
use wire::whole_file;

use crate::outbox::FrameKey;
use crate::room::{FrameSize, MESSAGE_OVERHEAD_BYTES};

const MAGIC: &[u8; 8] = b"BSSPOOL1";
const HASHED_FROM: usize = 8 + 8 + 32;
const ENDING: &str = "frame";
/// What [`whole_file`] leaves behind when the camera is killed ends so.
const UNFINISHED: &str = "new";
const LOCK: &str = "lock";

/// A frame that is encrypted and not yet signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncryptedFrame {
    /// The header of its first tile; the others differ in the number of the tile.
    pub(crate) header: TileHeader,
    /// The ciphertext of each tile.
    pub(crate) tiles: Vec<Vec<u8>>,
}

impl EncryptedFrame {
    pub(crate) fn key(&self) -> FrameKey {
        FrameKey {
            session: self.header.frame.session,
            seq: self.header.frame.seq,
        }
    }
}

/// Why a spooled frame cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The file is not as it was written.
    #[error("it is torn: {0}")]
    Torn(&'static str),
    /// The file system does not give it out.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A file of the spool.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Orders the runs of the camera.
    run: u64,
    bytes: u64,
}

/// How full a spool is.
#[derive(Debug)]
pub(crate) struct Usage {
    limit: u64,
    used: AtomicU64,
}

impl Usage {
    /// Whether a frame of at most `bytes` fits.
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.limit
    }
}

/// A folder of frames of one camera.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    usage: Arc<Usage>,
    /// The number of this run.
    run: u64,
    entries: HashMap<FrameKey, Entry>,
    // Held as long as the spool: two cameras in one folder would send each other's frames.
    _lock: File,
}

/// What was found in a spool.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The frames of earlier runs, in the order in which they were captured.
    pub(crate) frames: Vec<FrameKey>,
    /// Files that were torn, and are removed.
    pub(crate) torn: u64,
    /// What the largest of the frames takes on its way.
    pub(crate) largest: FrameSize,
}

impl Spool {
    /// Opens the folder of `camera`, and makes it where it is missing. Blocks.
    ///
    /// # Errors
    /// A folder that cannot be used, that another process uses, or that holds frames of another
    /// camera.
    pub(crate) fn open(
        folder: &Path,
        limit: u64,
        site: &Name,
        camera: &Name,
    ) -> Result<(Spool, Found), Failure> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| unusable(folder, &error))?;
        let lock = lock(folder)?;
        let mut spool = Spool {
            folder: folder.to_owned(),
            usage: Arc::new(Usage {
                limit,
                used: AtomicU64::new(0),
            }),
            run: 1,
            entries: HashMap::new(),
            _lock: lock,
        };
        let mut found = Found::default();
        let mut lengths = HashSet::new();
        let names = spool.list().map_err(|error| unusable(folder, &error))?;
        for (run, name) in names {
            let path = folder.join(&name);
            let (header, bytes) = match read_header(&path) {
                Ok(read) => read,
                Err(ReadError::Io(error)) => return Err(unusable(&path, &error)),
                Err(ReadError::Torn(reason)) => {
                    torn(&path, reason, &mut found);
                    continue;
                }
            };
            if (&header.frame.site, &header.frame.camera) != (site, camera) {
                return Err(foreign(folder, &header));
            }
            let key = FrameKey {
                session: header.frame.session,
                seq: header.frame.seq,
            };
            // Frames of one stream have one length.
            if !lengths.contains(&bytes) {
                match read_size(&path) {
                    Ok(size) => found.largest = found.largest.max(size),
                    Err(ReadError::Io(error)) => return Err(unusable(&path, &error)),
                    Err(ReadError::Torn(reason)) => {
                        torn(&path, reason, &mut found);
                        continue;
                    }
                }
                lengths.insert(bytes);
            }
            spool.run = spool.run.max(run + 1);
            spool.usage.used.fetch_add(bytes, Ordering::Relaxed);
            spool.entries.insert(key, Entry { run, bytes });
            found.frames.push(key);
        }
        Ok((spool, found))
    }

    /// How full it is, as it changes.
    pub(crate) fn usage(&self) -> Arc<Usage> {
        self.usage.clone()
    }

    /// Writes a frame: whole and on the disk, or not at all. Blocks.
    pub(crate) fn write(&mut self, frame: &EncryptedFrame) -> io::Result<()> {
        let bytes = encode(frame)?;
        let path = self.path(self.run, frame.key());
        whole_file::write_durably(&path, &bytes, 0o600)?;
        let bytes = bytes.len() as u64;
        self.usage.used.fetch_add(bytes, Ordering::Relaxed);
        let run = self.run;
        self.entries.insert(frame.key(), Entry { run, bytes });
        Ok(())
    }

    /// Reads a frame. `None` when it is not in the spool. Blocks.
    pub(crate) fn read(&self, key: FrameKey) -> Option<Result<EncryptedFrame, ReadError>> {
        let entry = self.entries.get(&key)?;
        let bytes = fs::read(self.path(entry.run, key));
        Some(
            bytes
                .map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => ReadError::Torn("somebody removed its file"),
                    _ => ReadError::Io(error),
                })
                .and_then(|bytes| decode(&bytes)),
        )
    }

    /// Removes a frame, if it is in the spool. Blocks.
    pub(crate) fn remove(&mut self, key: FrameKey) {
        if let Some(entry) = self.entries.remove(&key) {
            self.usage.used.fetch_sub(entry.bytes, Ordering::Relaxed);
            remove_file(&self.path(entry.run, key));
        }
    }

    /// The files with frames by the run that wrote them and their names; what a run left unfinished
    /// is removed.
    fn list(&self) -> io::Result<Vec<(u64, String)>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if extension == Some(UNFINISHED) {
                remove_file(&path);
            }
            let name = path.file_name().and_then(|name| name.to_str());
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if extension == Some(ENDING)
                && let (Some(name), Some(place)) = (name, stem.and_then(parse_place))
            {
                files.insert(place, name.to_owned());
            }
        }
        Ok(files
            .into_iter()
            .map(|((run, _), name)| (run, name))
            .collect())
    }

    fn path(&self, run: u64, key: FrameKey) -> PathBuf {
        let seq = key.seq;
        self.folder.join(format!("{run:010}-{seq:020}.{ENDING}"))
    }
}

/// Run and sequence number in the name of a file.
fn parse_place(stem: &str) -> Option<(u64, u64)> {
    let (run, seq) = stem.split_once('-')?;
    Some((run.parse().ok()?, seq.parse().ok()?))
}

fn encode(frame: &EncryptedFrame) -> io::Result<Vec<u8>> {
    let header = frame.header.to_bytes().map_err(io::Error::other)?;
    let mut bytes = [MAGIC.as_slice(), &[0; HASHED_FROM - 8]].concat();
    // Headers are far below 2^16 bytes and tiles far below 2^32: both fit an MQTT packet.
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&header);
    for tile in &frame.tiles {
        bytes.extend_from_slice(&(tile.len() as u32).to_le_bytes());
        bytes.extend_from_slice(tile);
    }
    let length = (bytes.len() as u64).to_le_bytes();
    let hash = *blake3::hash(&bytes[HASHED_FROM..]).as_bytes();
    bytes[8..16].copy_from_slice(&length);
    bytes[16..HASHED_FROM].copy_from_slice(&hash);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<EncryptedFrame, ReadError> {
    let (start, rest) = bytes
        .split_at_checked(HASHED_FROM)
        .ok_or(ReadError::Torn("it is too short"))?;
    check_start(start, bytes.len() as u64)?;
    if start[16..] != *blake3::hash(rest).as_bytes() {
        return Err(ReadError::Torn("its hash is another one"));
    }
    let (header, mut rest) = split_header(rest)?;
    let mut tiles = Vec::new();
    while let Some((&length, after)) = rest.split_first_chunk() {
        let length = u32::from_le_bytes(length) as usize;
        let (tile, after) = after
            .split_at_checked(length)
            .ok_or(ReadError::Torn("a tile is cut off"))?;
        tiles.push(tile.to_vec());
        rest = after;
    }
    if tiles.len() != header.tiles as usize || !rest.is_empty() {
        return Err(ReadError::Torn("it has another number of tiles"));
    }
    Ok(EncryptedFrame { header, tiles })
}

fn torn(path: &Path, reason: &str, found: &mut Found) {
    tracing::warn!(file = %path.display(), reason, "a spooled frame is torn, dropped it");
    found.torn += 1;
    remove_file(path);
}

/// What the messages of a frame take.
fn read_size(path: &Path) -> Result<FrameSize, ReadError> {
    let messages = decode(&fs::read(path)?)?.tiles.into_iter();
    let messages = messages.map(|tile| tile.len() as u64 + MESSAGE_OVERHEAD_BYTES);
    Ok(
        messages.fold(FrameSize::default(), |size, message| FrameSize {
            bytes: size.bytes + message,
            largest_message: size.largest_message.max(message),
        }),
    )
}

/// The header of a file and the file's length, without its tiles.
fn read_header(path: &Path) -> Result<(TileHeader, u64), ReadError> {
    /// More than a header has.
    const START: u64 = 4096;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut start = Vec::new();
    file.take(START).read_to_end(&mut start)?;
    let (fixed, rest) = start
        .split_at_checked(HASHED_FROM)
        .ok_or(ReadError::Torn("it is too short"))?;
    check_start(fixed, length)?;
    Ok((split_header(rest)?.0, length))
}

fn check_start(start: &[u8], length: u64) -> Result<(), ReadError> {
    if !start.starts_with(MAGIC) {
        return Err(ReadError::Torn("it does not begin like a spooled frame"));
    }
    if start[8..16] != length.to_le_bytes() {
        return Err(ReadError::Torn("its length is another one"));
    }
    Ok(())
}

fn split_header(bytes: &[u8]) -> Result<(TileHeader, &[u8]), ReadError> {
    let torn = ReadError::Torn("its header is damaged");
    let Some((&length, rest)) = bytes.split_first_chunk() else {
        return Err(torn);
    };
    let Some((header, rest)) = rest.split_at_checked(usize::from(u16::from_le_bytes(length)))
    else {
        return Err(torn);
    };
    match TileHeader::from_bytes(header) {
        Ok(header) => Ok((header, rest)),
        Err(_) => Err(torn),
    }
}

fn lock(folder: &Path) -> Result<File, Failure> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| unusable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Failure::new(
            FailureKind::Configuration,
            format!("another process uses the spool {}", folder.display()),
            "end it, or give each camera a `delivery.spool` of its own",
        )),
        Err(fs::TryLockError::Error(error)) => Err(unusable(&path, &error)),
    }
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::io(
        format!("using the spool {}", path.display()),
        error,
        "mend `delivery.spool`, or who may write there",
    )
}

fn foreign(folder: &Path, header: &TileHeader) -> Failure {
    let (site, camera) = (&header.frame.site, &header.frame.camera);
    Failure::new(
        FailureKind::Configuration,
        format!(
            "the spool {} holds frames of the camera `{camera}` of the site `{site}`",
            folder.display()
        ),
        "give each camera a `delivery.spool` of its own, or move those frames away",
    )
}

/// A file that stays is found at the next start, and sent again: the viewer knows the frame.
fn remove_file(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(file = %path.display(), %error, "a file of the spool cannot be removed");
    }
}

#[cfg(test)]
mod tests;
