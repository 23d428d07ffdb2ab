//! The homomorphic schemes behind one trait.
//!
//! A scheme is chosen by a word in the camera's configuration ([`SchemeId`]). Each has one folder or file here with its
//! parameters, encryption and pooling, and one module in the crate `client-key` with key generation and decryption.

pub mod bfv;
mod failure;
pub mod plain;
pub mod tfhe;

pub use failure::FailureReport;

use crate::progress::Progress;
use crate::quantiser::QuantisedFrame;
use crate::spec::StreamSpec;
use crate::tile::TileCut;
use keyfile::KeyId;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// The name of a scheme.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SchemeId {
    /// No encryption: the oracle for tests and dry runs.
    Plain,
    /// TFHE: one bootstrap per maximum.
    Tfhe,
    /// BFV: thousands of maxima in one shallow circuit.
    Bfv,
}

/// A scheme name or code that this version does not know.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown scheme `{0}`; known are: plain, tfhe, bfv")]
pub struct UnknownScheme(String);

impl SchemeId {
    /// Every scheme.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Tfhe, Self::Bfv];

    /// The scheme's implementation.
    pub fn get(self) -> &'static dyn Scheme {
        match self {
            Self::Plain => &plain::Plain,
            Self::Tfhe => &tfhe::Tfhe,
            Self::Bfv => &bfv::Bfv,
        }
    }

    /// What the scheme has for who pools.
    pub fn evaluation(self) -> &'static dyn Evaluation {
        match self {
            Self::Plain => &plain::Plain,
            Self::Tfhe => &tfhe::Tfhe,
            Self::Bfv => &bfv::Bfv,
        }
    }

    /// The name, as in configuration and key files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tfhe => "tfhe",
            Self::Bfv => "bfv",
        }
    }

    /// The code in stream specifications.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::Tfhe => 1,
            Self::Bfv => 2,
        }
    }

    pub(crate) fn from_code(code: u8) -> Result<Self, UnknownScheme> {
        let found = Self::ALL.into_iter().find(|scheme| scheme.code() == code);
        found.ok_or_else(|| UnknownScheme(code.to_string()))
    }
}

impl fmt::Display for SchemeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SchemeId {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, UnknownScheme> {
        let found = Self::ALL.into_iter().find(|scheme| scheme.as_str() == name);
        found.ok_or_else(|| UnknownScheme(name.to_owned()))
    }
}

/// Identifies a parameter set: the first 16 bytes of the BLAKE3 hash of its full description. It stands in key files and
/// in signed headers, so that keys and ciphertexts of different sets are never mixed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fingerprint(pub [u8; FINGERPRINT_BYTES]);

/// Bytes of a fingerprint, which stands in front of every key.
pub const FINGERPRINT_BYTES: usize = 16;

impl Fingerprint {
    pub(crate) fn of(description: &str) -> Self {
        Self(*KeyId::of(description.as_bytes()).as_bytes())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One way to pool without seeing: what it can pool, its parameter set and how its keys are read.
///
/// Adding a scheme is one implementation of this trait and of [`Evaluation`], one variant of [`SchemeId`] and one module in `client-key`.
pub trait Scheme: Sync {
    /// The scheme's name.
    fn id(&self) -> SchemeId;

    /// Kernels there is a circuit for.
    fn kernels(&self) -> RangeInclusive<u8>;

    /// How frames of `levels` levels, pooled with a `kernel`, are cut into tiles.
    fn tile_cut(&self, kernel: u8, levels: u8) -> TileCut;

    /// Whether pooling one tile keeps all threads of a pool busy. Where it does not, a tile is the work of one thread
    /// and several tiles are pooled at once.
    fn tile_uses_all_threads(&self) -> bool;

    /// The name of the parameter set that pools a `kernel`.
    fn parameter_set(&self, kernel: u8) -> &'static str;

    /// The fingerprint of the parameter set that pools a `kernel`.
    fn fingerprint(&self, kernel: u8) -> Fingerprint;

    /// The fingerprint of every parameter set that a key set serves. It stands in each key.
    fn key_fingerprint(&self) -> Fingerprint;

    /// Work and failure probability of pooling under `spec`, computed from the noise formulas.
    fn failure_report(&self, spec: &StreamSpec) -> FailureReport;

    /// The exact length of a tile, in bytes, made with the camera public key, or with the camera secret key where the
    /// scheme has one. [`EncryptionKey::tile_bytes`] says the same once there is a key.
    fn tile_bytes(
        &self,
        spec: &StreamSpec,
        tile: u32,
        secret_key: bool,
    ) -> Result<usize, SchemeError>;

    /// The exact payload length of a camera public key, in bytes.
    fn public_key_bytes(&self) -> usize;

    /// The exact payload length of a camera secret key, in bytes; `None` for a scheme that cameras use with their public
    /// key only.
    fn camera_secret_key_bytes(&self) -> Option<usize> {
        None
    }

    /// The exact payload length of an evaluation key, in bytes.
    fn evaluation_key_bytes(&self) -> usize;

    /// Reads a camera public key; `key_id` names the key set it belongs to.
    fn read_public_key(
        &self,
        key_id: KeyId,
        payload: &[u8],
    ) -> Result<Arc<dyn EncryptionKey>, SchemeError>;

    /// Reads a camera secret key, which makes shorter tiles and decrypts as the client key does; `key_id` names the key
    /// set it belongs to.
    fn read_camera_secret_key(
        &self,
        _key_id: KeyId,
        _payload: &[u8],
    ) -> Result<Arc<dyn EncryptionKey>, SchemeError> {
        Err(SchemeError::NoSecretKeyMode { scheme: self.id() })
    }
}

/// What a scheme has for who pools. It stands beside [`Scheme`], so that a camera does not link the code that pools.
pub trait Evaluation: Sync {
    /// Reads and expands an evaluation key; `key_id` names the key set it belongs to.
    fn read_evaluation_key(
        &self,
        key_id: KeyId,
        payload: &[u8],
        progress: &dyn Progress,
    ) -> Result<Arc<dyn EvaluationKey>, SchemeError>;
}

/// What every key can say of itself.
pub trait Key: Send + Sync {
    /// The scheme the key is for.
    fn scheme(&self) -> SchemeId;

    /// The key set the key belongs to.
    fn key_id(&self) -> KeyId;
}

/// The camera's key: encrypts, and offers nothing else. A public key cannot decrypt at all; from a camera secret key
/// somebody with other code could.
pub trait EncryptionKey: Key {
    /// Encrypts tile `tile` of a frame that was quantised with the quantiser of `spec`. The length depends on `spec` and
    /// `tile` alone.
    fn encrypt(
        &self,
        spec: &StreamSpec,
        frame: &QuantisedFrame,
        tile: u32,
    ) -> Result<Vec<u8>, SchemeError>;

    /// The length of what [`EncryptionKey::encrypt`] makes of tile `tile`, in bytes.
    fn tile_bytes(&self, spec: &StreamSpec, tile: u32) -> Result<usize, SchemeError>;
}

/// The worker's key: pools ciphertexts, and can neither encrypt nor decrypt.
pub trait EvaluationKey: Key {
    /// Pools an encrypted tile: one encrypted maximum per window. Runs on the current rayon pool, or on the calling
    /// thread alone where [`Scheme::tile_uses_all_threads`] is false, and reports finished steps to `progress`. The same
    /// tile gives the same map.
    fn pool(
        &self,
        spec: &StreamSpec,
        tile: u32,
        ciphertext: &[u8],
        progress: &dyn Progress,
    ) -> Result<Vec<u8>, SchemeError>;
}

/// Why a key or ciphertext could not be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SchemeError {
    /// The key is for another scheme than the stream.
    #[error("the key is for scheme {key}, the stream uses {stream}; load a key of that scheme")]
    WrongScheme {
        /// Scheme of the key.
        key: SchemeId,
        /// Scheme of the stream.
        stream: SchemeId,
    },
    /// A camera secret key of a scheme that has none.
    #[error("cameras use scheme {scheme} with its public key only; set `key_mode = \"public\"`")]
    NoSecretKeyMode {
        /// The scheme.
        scheme: SchemeId,
    },
    /// Bytes of the wrong length.
    #[error(
        "{what} has {actual} bytes, {expected} are needed; it is damaged or made by another version"
    )]
    Length {
        /// What was read.
        what: &'static str,
        /// Bytes needed.
        expected: usize,
        /// Bytes found.
        actual: usize,
    },
    /// The bytes are of another parameter set.
    #[error(
        "{what} was made for parameter set {actual}, this version uses {expected}; make new keys with `blindsight keys new`"
    )]
    ParameterSet {
        /// What was read.
        what: &'static str,
        /// Fingerprint in use.
        expected: Fingerprint,
        /// Fingerprint found.
        actual: Fingerprint,
    },
    /// No such tile.
    #[error(
        "tile {tile} was asked for, the frame has {tiles}; sender and receiver disagree on the stream"
    )]
    Tile {
        /// Tile asked for.
        tile: u32,
        /// Tiles in a frame.
        tiles: u32,
    },
    /// The frame is not what the specification says.
    #[error("the frame is {actual}, the stream is {expected}; resize and quantise it first")]
    Frame {
        /// Size and levels found.
        actual: String,
        /// Size and levels needed.
        expected: String,
    },
    /// A ciphertext or decrypted value that no honest sender makes.
    #[error("{what} is corrupt: {why}; the tile is dropped")]
    Corrupt {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Bytes of the right length that are no ciphertext.
    #[error("{what} is malformed: {why}; the sender is broken or lying, the tile is dropped")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The library that a scheme is built on refused something that it should accept.
    #[error("{what} failed: {why}; this is a bug, please report it")]
    Library {
        /// What was tried.
        what: &'static str,
        /// What the library said.
        why: String,
    },
    /// The planner built a circuit that cannot be.
    #[error("the circuit of this stream cannot be built: {0}; this is a bug, please report it")]
    Circuit(#[from] tfhe::circuit::CircuitError),
    /// The listener asked to stop.
    #[error("cancelled before the work was done; start it again")]
    Cancelled,
}

/// Work and failure probability of pooling under `spec`.
pub fn failure_report(spec: &StreamSpec) -> FailureReport {
    spec.scheme().get().failure_report(spec)
}

/// Refuses a key of another scheme than the stream's.
pub fn check_scheme(key: SchemeId, spec: &StreamSpec) -> Result<(), SchemeError> {
    if key == spec.scheme() {
        Ok(())
    } else {
        Err(SchemeError::WrongScheme {
            key,
            stream: spec.scheme(),
        })
    }
}

/// The key behind its fingerprint, which must be `expected`.
pub fn check_fingerprint<'a>(
    what: &'static str,
    payload: &'a [u8],
    expected: Fingerprint,
) -> Result<&'a [u8], SchemeError> {
    let (actual, key) = payload.split_first_chunk().ok_or(SchemeError::Length {
        what,
        expected: FINGERPRINT_BYTES,
        actual: payload.len(),
    })?;
    if *actual == expected.0 {
        Ok(key)
    } else {
        Err(SchemeError::ParameterSet {
            what,
            expected,
            actual: Fingerprint(*actual),
        })
    }
}

/// Refuses bytes of any other length than `expected`.
pub fn check_length(what: &'static str, expected: usize, actual: usize) -> Result<(), SchemeError> {
    if expected == actual {
        Ok(())
    } else {
        Err(SchemeError::Length {
            what,
            expected,
            actual,
        })
    }
}

/// How many windows tile `tile` holds, or why there is no such tile.
pub fn window_count(spec: &StreamSpec, tile: u32) -> Result<usize, SchemeError> {
    let windows = spec.tile_plan().windows(tile);
    windows
        .map(|windows| windows.len())
        .ok_or_else(|| no_tile(spec, tile))
}

/// The rectangle of tile `tile`, or why there is none.
pub(crate) fn region(spec: &StreamSpec, tile: u32) -> Result<crate::TileRegion, SchemeError> {
    let region = spec.tile_plan().region(tile);
    region.ok_or_else(|| no_tile(spec, tile))
}

/// The error for a tile that the frame does not have.
pub(crate) fn no_tile(spec: &StreamSpec, tile: u32) -> SchemeError {
    let tiles = spec.tile_plan().tile_count();
    SchemeError::Tile { tile, tiles }
}

/// Refuses a frame of another size or other levels than the stream's.
pub(crate) fn check_frame(spec: &StreamSpec, frame: &QuantisedFrame) -> Result<(), SchemeError> {
    let describe = |w: u32, h: u32, levels: u8| format!("{w}x{h} at {levels} levels");
    let actual = (frame.width(), frame.height(), frame.level_count());
    let expected = (spec.width(), spec.height(), spec.quantiser().level_count());
    if actual == expected {
        return Ok(());
    }
    Err(SchemeError::Frame {
        actual: describe(actual.0, actual.1, actual.2),
        expected: describe(expected.0, expected.1, expected.2),
    })
}

/// The levels of the pixels of a tile that is a rectangle, row by row, after checking that the frame is what `spec` says.
pub(crate) fn tile_levels(
    spec: &StreamSpec,
    frame: &QuantisedFrame,
    tile: u32,
) -> Result<Vec<u8>, SchemeError> {
    check_frame(spec, frame)?;
    let region = region(spec, tile)?;
    let row = |y: u32| {
        region
            .columns
            .iter()
            .filter_map(move |x| frame.level_at(*x, y))
    };
    Ok(region.rows.iter().flat_map(|y| row(*y)).collect())
}
