//! A prepared frame becomes signed, encrypted tiles.

use std::sync::Arc;

use cipherframe::keys::{KeyError, load_camera_secret_key, load_public_key};
use cipherframe::{EncryptionKey, QuantisedFrame, SchemeError, SchemeId, StreamSpec};
use wire::envelope::{SealError, seal};
use wire::failure::{Failure, FailureKind};
use wire::identity::SigningIdentity;
use wire::message::{FrameId, FrameTile, TileHeader};

use crate::config::{CameraConfig, CameraKey};
use crate::key_mode::KeyMode;
use crate::room::FrameSize;
use crate::spool::EncryptedFrame;

/// Encrypts with the key of the stream and signs with the camera's own.
pub(crate) struct Sealer {
    identity: SigningIdentity,
    key: Arc<dyn EncryptionKey>,
    spec: StreamSpec,
}

/// Why a tile cannot be made. Each is a fault of the program: the same for every frame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealingError {
    #[error("encrypting failed: {0}")]
    Encryption(#[from] SchemeError),
    #[error("signing failed: {0}")]
    Envelope(#[from] SealError),
}

impl Sealer {
    /// Loads the encryption key that `config` names. Blocks for a moment.
    ///
    /// # Errors
    /// A key file that cannot be used, or one of another scheme than the stream's.
    pub(crate) fn load(
        config: &CameraConfig,
        identity: SigningIdentity,
    ) -> Result<Sealer, Failure> {
        let spec = config.stream.spec.clone();
        if spec.scheme() == SchemeId::Plain && !config.insecure_plain {
            return Err(Failure::new(
                FailureKind::Configuration,
                "the scheme `plain` hides nothing: broker and worker would see every frame",
                "set `stream.scheme = \"tfhe\"`, or pass `--insecure-plain` for a dry run",
            ));
        }
        let file = &config.stream.key;
        let key = match file {
            CameraKey::Public(path) => load_public_key(path),
            CameraKey::Secret(path) => load_camera_secret_key(path),
        };
        let key = key.map_err(|error| key_failure(error, file.mode()))?;
        check_scheme(file, key.scheme(), spec.scheme())?;
        Ok(Sealer::new(identity, key, spec))
    }

    /// Signs as `identity` what `key` encrypts.
    pub(crate) fn new(
        identity: SigningIdentity,
        key: Arc<dyn EncryptionKey>,
        spec: StreamSpec,
    ) -> Sealer {
        Sealer {
            identity,
            key,
            spec,
        }
    }

    /// The stream that the tiles belong to.
    pub(crate) fn spec(&self) -> &StreamSpec {
        &self.spec
    }

    /// What the messages of a frame take at most.
    pub(crate) fn frame_size(&self) -> Result<FrameSize, SchemeError> {
        FrameSize::of(self.key.as_ref(), &self.spec)
    }

    /// The key set that the tiles are encrypted under.
    pub(crate) fn key_set(&self) -> cipherframe::KeyId {
        self.key.key_id()
    }

    /// Encrypts a frame, one tile after the other. Takes up to a second of CPU time for each.
    /// `dropped` frames of the session, which began at `session_unix_ms`, were not sent before it.
    pub(crate) fn encrypt(
        &self,
        frame: &FrameId,
        session_unix_ms: u64,
        captured_unix_ms: u64,
        dropped: u64,
        quantised: &QuantisedFrame,
    ) -> Result<EncryptedFrame, SealingError> {
        let tiles = self.spec.tile_plan().tile_count();
        let header = TileHeader {
            frame: frame.clone(),
            tile: 0,
            tiles,
            captured_unix_ms,
            session_unix_ms,
            oldest: frame.seq,
            dropped,
            spec: self.spec.to_bytes(),
            parameters: self.spec.fingerprint().0,
            key_id: *self.key.key_id().as_bytes(),
        };
        let tiles = (0..tiles).map(|tile| self.key.encrypt(&self.spec, quantised, tile));
        Ok(EncryptedFrame {
            header,
            tiles: tiles.collect::<Result<_, _>>()?,
        })
    }

    /// Puts tile number `tile` of a frame into a signed envelope. Frames of its session below
    /// `oldest` will not be sent any more.
    pub(crate) fn seal(
        &self,
        frame: &EncryptedFrame,
        tile: usize,
        oldest: u64,
    ) -> Result<Vec<u8>, SealingError> {
        let header = TileHeader {
            tile: tile as u32,
            oldest,
            ..frame.header.clone()
        };
        let ciphertext = frame.tiles.get(tile).map_or(&[][..], Vec::as_slice);
        Ok(seal(
            &self.identity,
            &FrameTile { tile: header },
            ciphertext,
        )?)
    }
}

fn check_scheme(file: &CameraKey, key: SchemeId, stream: SchemeId) -> Result<(), Failure> {
    if key == stream {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Configuration,
        format!(
            "{} is a key of the scheme `{key}`, the stream uses `{stream}`",
            file.path().display()
        ),
        format!("mend `stream.scheme` or `stream.{}_key`", file.mode()),
    ))
}

fn key_failure(error: KeyError, mode: KeyMode) -> Failure {
    let mend = match mode {
        KeyMode::Public => {
            "make new keys with `blindsight keys new` and copy their camera-public.key here"
        }
        KeyMode::Secret => {
            "make new keys with `blindsight keys new` and a camera-secret.key of them with \
             `blindsight keys export --key-mode secret`"
        }
    };
    match error {
        KeyError::File(error) => error.into(),
        other => Failure::new(FailureKind::BadData, other.to_string(), mend),
    }
}
