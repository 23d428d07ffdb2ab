//! What happens to one message: verified, decrypted, put together with its frame.
//!
//! No network, and a clock for nothing but how long decryption takes. Everything that the untrusted side can see of a viewer, namely which receipts it sends,
//! follows from the steps returned here, and they depend on no decrypted value. When it sends them is not hidden.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cipherframe::scheme::check_scheme;
use cipherframe::{Fingerprint, KeyId, SchemeError, SchemeId, StreamSpec};
use client_key::ClientKey;
use thiserror::Error;
use wire::envelope::{self, Limits, Refusal, Verified};
use wire::message::{FrameId, MapTile, TileHeader};
use wire::trust::Trust;

use crate::assemble::{self, Admission, Assembler, Contents, IncompleteFrame, WholeFrame};
use crate::keyring::Keyring;

/// Why a message was refused.
#[derive(Debug, Error)]
pub(crate) enum MessageRefusal {
    #[error(transparent)]
    Envelope(#[from] Refusal),
    #[error(transparent)]
    Tile(#[from] assemble::TileRefusal),
    #[error("no client key of key set {key_id}; add its client.key to `decrypt.client_keys`")]
    UnknownKey { key_id: KeyId },
    #[error(
        "the tile was made for parameter set {tile} of scheme {scheme}, this version uses {own}; \
         run the same version on camera and viewer"
    )]
    Parameters {
        scheme: SchemeId,
        tile: Fingerprint,
        own: Fingerprint,
    },
    #[error(transparent)]
    Scheme(#[from] SchemeError),
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Step {
    /// A tile was new. It may have made frames ready, and may have been the end of others.
    Placed {
        /// The frame of the tile.
        frame: FrameId,
        /// How many of its tiles have arrived.
        arrived: u32,
        /// How many tiles it has.
        tiles: u32,
        /// The frames whose turn has come, in their order.
        ready: Vec<WholeFrame>,
        /// The frames that were given up.
        given_up: Vec<IncompleteFrame>,
    },
    /// A tile had been seen before. `receipt_again` is its frame when that is finished and the camera seems not to
    /// know, once for each time that the camera sends the frame.
    Repeated {
        /// The frame whose receipt should be sent again.
        receipt_again: Option<FrameId>,
        /// The frames whose turn has come, because the tile says that earlier ones will not come.
        ready: Vec<WholeFrame>,
        /// The frames that were given up.
        given_up: Vec<IncompleteFrame>,
    },
    /// A tile of a frame that later ones were logged before. `say_so` is its frame, once for each time that the camera
    /// sends it.
    TooLate {
        /// The frame whose camera should be told that it need not be sent again.
        say_so: Option<FrameId>,
    },
    /// The message was dropped.
    Refused {
        /// The tile, when the message was signed by an enrolled worker.
        tile: Option<Box<TileHeader>>,
        /// Why.
        reason: MessageRefusal,
    },
}

/// Keys, enrolled workers and the frames in progress.
pub(crate) struct Desk {
    pub(crate) trust: Trust,
    pub(crate) limits: Limits,
    pub(crate) keyring: Keyring,
    pub(crate) assembler: Assembler,
}

impl Desk {
    /// Takes one message. Blocks for as long as the decryption of a tile takes.
    pub(crate) fn take(&mut self, topic: &str, bytes: Bytes) -> Step {
        match envelope::open::<MapTile>(topic, bytes, &self.trust.current(), &self.limits) {
            Ok(tile) => self.place(&tile).unwrap_or_else(|reason| Step::Refused {
                tile: Some(Box::new(tile.message().tile.clone())),
                reason,
            }),
            Err(refusal) => Step::Refused {
                tile: None,
                reason: refusal.into(),
            },
        }
    }

    fn place(&mut self, tile: &Verified<MapTile>) -> Result<Step, MessageRefusal> {
        let header = &tile.message().tile;
        let spec = match self.assembler.admit(header)? {
            Admission::Wanted(spec) => spec,
            known @ (Admission::RepeatedTile | Admission::FinishedFrame) => {
                let is_finished = known == Admission::FinishedFrame;
                let receipt_again = (is_finished && header.tile == 0).then(|| header.frame.clone());
                let noted = self.assembler.note_repeated(header);
                return Ok(Step::Repeated {
                    receipt_again,
                    ready: noted.ready,
                    given_up: noted.given_up,
                });
            }
            Admission::TooLate => {
                let say_so = (header.tile == 0).then(|| header.frame.clone());
                return Ok(Step::TooLate { say_so });
            }
        };
        let key = self.key(header, &spec)?;
        let began = Instant::now();
        let decrypted = decrypt(&**key, &spec, header.tile, tile.payload())?;
        let took = began.elapsed();
        let contents = decrypted
            .as_deref()
            .map_or(Contents::Unreadable, Contents::Values);
        let bytes = tile.payload().len() as u64;
        let pool_ms = tile.message().pool_ms;
        let placed = self
            .assembler
            .insert(header, pool_ms, took, bytes, contents)?;
        Ok(Step::Placed {
            frame: header.frame.clone(),
            arrived: placed.arrived,
            tiles: header.tiles,
            ready: placed.ready,
            given_up: placed.given_up,
        })
    }

    fn key(
        &self,
        header: &TileHeader,
        spec: &StreamSpec,
    ) -> Result<&Arc<dyn ClientKey>, MessageRefusal> {
        let own = spec.fingerprint();
        let tile = Fingerprint(header.parameters);
        if tile != own {
            let scheme = spec.scheme();
            return Err(MessageRefusal::Parameters { scheme, tile, own });
        }
        let key_id = KeyId::from_bytes(header.key_id);
        let key = self.keyring.get(key_id);
        let key = key.ok_or(MessageRefusal::UnknownKey { key_id })?;
        check_scheme(key.scheme(), spec)?;
        Ok(key)
    }
}

/// The values of a tile; `None` when what was decrypted makes no sense.
///
/// Only what anyone can see of the ciphertext (its length, its parameter set) is an error, which withholds the
/// receipt. All that may depend on the plaintext, a panic included, is `None`, and the receipt goes out as ever: a
/// worker that forges tiles must not learn from the receipts what they decrypt to.
fn decrypt(
    key: &dyn ClientKey,
    spec: &StreamSpec,
    tile: u32,
    ciphertext: &[u8],
) -> Result<Option<Vec<u8>>, MessageRefusal> {
    // A key holds no state that a panic could leave half changed: decryption takes it by shared reference.
    match catch_unwind(AssertUnwindSafe(|| key.decrypt(spec, tile, ciphertext))) {
        Ok(Ok(values)) => Ok(Some(values)),
        Ok(Err(SchemeError::Corrupt { .. })) | Err(_) => Ok(None),
        Ok(Err(error)) => Err(MessageRefusal::Scheme(error)),
    }
}

#[cfg(test)]
mod tests;
