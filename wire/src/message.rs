//! What envelopes carry: frame tiles, map tiles, receipts.
//!
//! These types are wire format. A new field is a new envelope version; the golden file in
//! `tests/golden` guards that.

use std::fmt;
use std::str::FromStr;

use keyfile::KeyId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::hex;
use crate::name::Name;
use crate::random;
pub use crate::random::RandomError;
use crate::role::NodeRole;
use crate::topic::Topic;

/// Marks one run of a camera, so that a restarted camera's sequence numbers are not mixed with old
/// ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// A fresh session.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn random() -> Result<Self, RandomError> {
        random::bytes().map(Self)
    }

    /// A session with known bytes, for tests and replays.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

/// A text that is no session: not 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no session; a session is 32 hexadecimal digits")]
pub struct SessionIdError {
    /// The refused text.
    pub text: String,
}

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(text: &str) -> Result<Self, SessionIdError> {
        hex::read(text).map(Self).ok_or_else(|| SessionIdError {
            text: text.to_owned(),
        })
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names one frame of one camera for ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FrameId {
    /// The site that the camera belongs to.
    pub site: Name,
    /// The camera.
    pub camera: Name,
    /// The camera's run.
    pub session: SessionId,
    /// Rises by one with each frame of the session, from 0.
    pub seq: u64,
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{} frame {} of session {}",
            self.site, self.camera, self.seq, self.session
        )
    }
}

/// What a frame tile and the map tile made of it have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TileHeader {
    /// The frame that the tile is part of.
    pub frame: FrameId,
    /// Which tile of the frame this is, `0..tiles`.
    pub tile: u32,
    /// How many tiles the frame has, `1..=`[`TileHeader::MAX_TILES`].
    pub tiles: u32,
    /// When the frame was captured by the camera's clock, milliseconds since 1970 UTC.
    pub captured_unix_ms: u64,
    /// When the session began by the camera's clock, milliseconds since 1970 UTC. Tells later
    /// sessions of a camera from earlier ones, as far as its clock does.
    pub session_unix_ms: u64,
    /// The lowest sequence number of the session that the camera may still send, as it stood when
    /// this tile was sent; at most the frame's own. Frames below have arrived or never will.
    pub oldest: u64,
    /// Frames of the session that the camera captured before this one and did not send, because no
    /// place was free. They have no sequence number.
    pub dropped: u64,
    /// The stream's scheme, size, quantiser and pooling as cipherframe writes them, at most
    /// [`TileHeader::MAX_SPEC_BYTES`] bytes.
    pub spec: Vec<u8>,
    /// Fingerprint of the scheme's parameters.
    pub parameters: [u8; 16],
    /// The key set that the tile is encrypted under.
    pub key_id: [u8; 16],
}

impl TileHeader {
    /// The most tiles that a frame may have.
    pub const MAX_TILES: u32 = 65_536;
    /// The most bytes that a stream specification may have.
    pub const MAX_SPEC_BYTES: usize = 512;

    /// The header as bytes, for a file of the camera's own. On the wire it is part of a message.
    ///
    /// # Errors
    /// When it is longer than messages may be.
    pub fn to_bytes(&self) -> Result<Vec<u8>, HeaderError> {
        codec::encode(self).map_err(|error| HeaderError {
            reason: error.to_string(),
        })
    }

    /// What [`TileHeader::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are no header, or one that no honest camera writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HeaderError> {
        let header: Self = codec::decode(bytes).map_err(|error| HeaderError {
            reason: error.to_string(),
        })?;
        header.check().map_err(|error| HeaderError {
            reason: error.to_string(),
        })?;
        Ok(header)
    }

    fn check(&self) -> Result<(), RangeError> {
        if !(1..=Self::MAX_TILES).contains(&self.tiles) {
            return Err(RangeError::Tiles { tiles: self.tiles });
        }
        if self.tile >= self.tiles {
            return Err(RangeError::Tile {
                tile: self.tile,
                tiles: self.tiles,
            });
        }
        if self.oldest > self.frame.seq {
            return Err(RangeError::Oldest {
                oldest: self.oldest,
                seq: self.frame.seq,
            });
        }
        if self.spec.len() > Self::MAX_SPEC_BYTES {
            return Err(RangeError::Spec {
                bytes: self.spec.len(),
            });
        }
        Ok(())
    }
}

/// Bytes that are not a tile header, or a header that makes too many bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a tile header: {reason}")]
pub struct HeaderError {
    /// What the codec said.
    pub reason: String,
}

/// A message holds a number that no honest node writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The number of tiles is out of range.
    #[error("a frame of {tiles} tiles, allowed are 1 to {}", TileHeader::MAX_TILES)]
    Tiles {
        /// The number written.
        tiles: u32,
    },
    /// The tile's number is not below the number of tiles.
    #[error("tile {tile} of a frame of {tiles} tiles, counted from 0")]
    Tile {
        /// The tile's number.
        tile: u32,
        /// How many tiles the frame has.
        tiles: u32,
    },
    /// The oldest frame still to come is later than the frame itself.
    #[error("frame {seq} says that frame {oldest} is the oldest one still to come")]
    Oldest {
        /// The sequence number written.
        oldest: u64,
        /// The frame's own.
        seq: u64,
    },
    /// The stream specification is too long.
    #[error(
        "a stream specification of {bytes} bytes, allowed are {}",
        TileHeader::MAX_SPEC_BYTES
    )]
    Spec {
        /// Its length.
        bytes: usize,
    },
}

/// An encrypted tile of a frame, camera to worker. The payload is the ciphertext.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameTile {
    /// Which tile this is and how to read it.
    pub tile: TileHeader,
}

/// An encrypted tile of a feature map, worker to viewer. The payload is the ciphertext.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapTile {
    /// The header of the frame tile that was pooled, unchanged.
    pub tile: TileHeader,
    /// BLAKE3 of that frame tile's payload.
    pub input_hash: [u8; 32],
    /// How long the pooling took, in milliseconds.
    pub pool_ms: u32,
}

/// Says what became of a whole frame at the viewer, and nothing of what it shows; viewer to camera.
/// The payload is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The frame that arrived.
    pub frame: FrameId,
    /// Whether it is in the viewer's log. If not, it came after later frames, is counted there as
    /// missing, and need not be sent again.
    pub logged: bool,
}

/// A message that an envelope can carry.
pub trait Message: Serialize + DeserializeOwned {
    /// The envelope's kind byte; no two message types share one.
    const KIND: u8;
    /// What such a message is called in messages to people, such as "frame tile".
    const NAME: &'static str;
    /// The role that a node needs to sign such messages.
    const SIGNER: NodeRole;
    /// The most payload bytes such a message may have; the limits of a connection hold besides.
    const MAX_PAYLOAD_BYTES: usize;

    /// The topic that the message belongs on.
    fn topic(&self) -> Topic;

    /// The frame that the message is about.
    fn frame(&self) -> &FrameId;

    /// The node that alone may sign this message, when the message names it.
    fn bound_signer(&self) -> Option<&Name> {
        None
    }

    /// The key set that the payload is encrypted under, when there is one.
    fn key_set(&self) -> Option<KeyId> {
        None
    }

    /// Checks the ranges that the field types leave open.
    ///
    /// # Errors
    /// When a field is outside its documented range.
    fn check(&self) -> Result<(), RangeError>;
}

impl Message for FrameTile {
    const KIND: u8 = 1;
    const NAME: &'static str = "frame tile";
    const SIGNER: NodeRole = NodeRole::Camera;
    const MAX_PAYLOAD_BYTES: usize = usize::MAX;

    fn topic(&self) -> Topic {
        let FrameId { site, camera, .. } = self.frame().clone();
        Topic::Frame { site, camera }
    }

    fn frame(&self) -> &FrameId {
        &self.tile.frame
    }

    fn key_set(&self) -> Option<KeyId> {
        Some(KeyId::from_bytes(self.tile.key_id))
    }

    fn bound_signer(&self) -> Option<&Name> {
        Some(&self.tile.frame.camera)
    }

    fn check(&self) -> Result<(), RangeError> {
        self.tile.check()
    }
}

impl Message for MapTile {
    const KIND: u8 = 2;
    const NAME: &'static str = "map tile";
    const SIGNER: NodeRole = NodeRole::Worker;
    const MAX_PAYLOAD_BYTES: usize = usize::MAX;

    fn topic(&self) -> Topic {
        let FrameId { site, camera, .. } = self.frame().clone();
        Topic::Map { site, camera }
    }

    fn frame(&self) -> &FrameId {
        &self.tile.frame
    }

    fn key_set(&self) -> Option<KeyId> {
        Some(KeyId::from_bytes(self.tile.key_id))
    }

    fn check(&self) -> Result<(), RangeError> {
        self.tile.check()
    }
}

impl Message for Receipt {
    const KIND: u8 = 3;
    const NAME: &'static str = "receipt";
    const SIGNER: NodeRole = NodeRole::Viewer;
    const MAX_PAYLOAD_BYTES: usize = 0;

    fn topic(&self) -> Topic {
        let FrameId { site, camera, .. } = self.frame.clone();
        Topic::Receipt { site, camera }
    }

    fn frame(&self) -> &FrameId {
        &self.frame
    }

    fn check(&self) -> Result<(), RangeError> {
        Ok(())
    }
}
