//! What makes a tile no part of its frame.

use cipherframe::SpecError;
use thiserror::Error;
use wire::message::TileHeader;

/// Why a tile cannot be part of a frame.
#[derive(Debug, Error)]
pub enum TileRefusal {
    /// The stream specification in the header does not parse.
    #[error("the stream specification is not valid: {0}")]
    Spec(#[from] SpecError),
    /// The header's tile count is not that of its stream specification.
    #[error("the header says {said} tiles, its stream specification has {planned}")]
    TileCount {
        /// The count in the header.
        said: u32,
        /// The count that follows from the stream specification.
        planned: u32,
    },
    /// The tile index is not below the tile count.
    #[error("tile {tile} of a frame of {tiles} tiles")]
    TileIndex {
        /// The index in the header.
        tile: u32,
        /// The count in the header.
        tiles: u32,
    },
    /// An earlier tile of the same frame said otherwise.
    #[error("the {field} differs from that of the frame's other tiles")]
    Disagrees {
        /// The header field.
        field: &'static str,
    },
    /// As many frames are in progress as may be, and all of them come before this one.
    #[error(
        "{limit} frames are in progress and all come before this one; its camera will send it \
         again; raise `limits.frames_in_progress` if this happens often"
    )]
    NoRoom {
        /// The most frames in progress.
        limit: usize,
    },
    /// The tile was decrypted to a number of values that is not its number of windows.
    #[error("{got} values for {windows} windows")]
    ValueCount {
        /// How many windows the tile has.
        windows: usize,
        /// How many values were handed in.
        got: usize,
    },
}

/// A tile of a frame is below the frame's tile count.
pub(super) fn check_index(header: &TileHeader) -> Result<(), TileRefusal> {
    if header.tile < header.tiles {
        return Ok(());
    }
    Err(TileRefusal::TileIndex {
        tile: header.tile,
        tiles: header.tiles,
    })
}

/// All tiles of a frame say the same about it, or a worker mixes frames up.
pub(super) fn agree(first: &TileHeader, other: &TileHeader) -> Result<(), TileRefusal> {
    let fields = [
        ("tile count", first.tiles == other.tiles),
        ("stream specification", first.spec == other.spec),
        ("key id", first.key_id == other.key_id),
        (
            "parameter fingerprint",
            first.parameters == other.parameters,
        ),
        (
            "capture time",
            first.captured_unix_ms == other.captured_unix_ms,
        ),
        ("count of dropped frames", first.dropped == other.dropped),
        (
            "beginning of the session",
            first.session_unix_ms == other.session_unix_ms,
        ),
    ];
    match fields.iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(TileRefusal::Disagrees { field }),
        None => Ok(()),
    }
}
