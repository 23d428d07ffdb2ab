//! Sends the frames of a run, one after the other, and waits until their tiles are back.
//!
//! Few tiles are on their way at a time, so that a large picture holds up neither the cameras nor the viewer's receipts.
//! A frame is sent once: who gets no answer is told so and may run it again. When something is sent follows from how
//! many tiles are back, never from what they were decrypted to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cipherframe::{EncryptionKey, QuantisedFrame, SchemeId, StreamSpec};
use tokio::sync::watch;
use tokio::{task, time};
use wire::envelope;
use wire::identity::SigningIdentity;
use wire::message::{FrameId, FrameTile, Message, SessionId, TileHeader};
use wire::mqtt::{PublishError, Publisher};
use wire::name::Name;
use wire::topic::Topic;

use super::returns::{Errand, Progress};
use super::shelf::{Run, Stage, Variant};
use super::{Lab, bug};
use crate::clock::unix_ms;
use crate::web::api::schema::Problem;

/// Tiles that are on their way at a time.
const TILES_ON_THE_WAY: u32 = 4;
/// How long a tile of each scheme may take. A worker that pools for cameras too takes them in turn.
const BFV_PATIENCE: Duration = Duration::from_secs(60);
const TFHE_PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The key of each scheme.
pub(super) type Keys = BTreeMap<SchemeId, Arc<dyn EncryptionKey>>;

/// What tiles are handed to.
pub(crate) trait Post: Send + Sync {
    /// Takes on a tile, or fails. Dropped before it is done, it has taken on nothing.
    fn post(
        &self,
        topic: &Topic,
        tile: Vec<u8>,
    ) -> impl Future<Output = Result<(), PublishError>> + Send;
}

impl Post for Publisher {
    async fn post(&self, topic: &Topic, tile: Vec<u8>) -> Result<(), PublishError> {
        self.publish(topic, tile).await
    }
}

/// The camera of the lab.
pub(super) struct Sender {
    pub(super) lab: Arc<Lab>,
    pub(super) site: Name,
    pub(super) identity: Arc<SigningIdentity>,
    pub(super) keys: Keys,
    pub(super) session: SessionId,
    pub(super) session_unix_ms: u64,
    /// The number of the next frame. It is taken when the first tile is sent, so that a run that is cancelled before
    /// leaves no gap.
    pub(super) next_seq: u64,
}

/// Why a frame is not waited for any longer.
enum Trouble {
    Cancelled,
    Problem(Problem),
}

/// A frame that is being sent.
struct Sending<'a> {
    run: &'a Run,
    variant: usize,
    header: TileHeader,
    spec: StreamSpec,
    key: Arc<dyn EncryptionKey>,
    quantised: Arc<QuantisedFrame>,
    progress: watch::Receiver<Progress>,
    patience: Duration,
}

impl Sender {
    /// Sends the variants of a run.
    pub(super) async fn send(&mut self, run: &Run, post: &impl Post) {
        for at in 0..run.variants.len() {
            if run.cancel.is_cancelled() {
                return;
            }
            match self.variant(run, at, post).await {
                Ok(()) => {}
                Err(Trouble::Cancelled) => {
                    self.change(run, at, |variant| variant.ended = Some(Instant::now()));
                }
                Err(Trouble::Problem(problem)) => {
                    self.change(run, at, |variant| variant.end(Stage::Failed(problem)));
                }
            }
        }
    }

    /// Sends one frame and waits until its tiles are back, or will not be.
    async fn variant(&mut self, run: &Run, at: usize, post: &impl Post) -> Result<(), Trouble> {
        let spec = run.variants[at].spec.clone();
        let key = self.keys.get(&spec.scheme()).cloned();
        let key = key.ok_or_else(|| problem(&"the key of a planned scheme is gone"))?;
        self.change(run, at, |variant| {
            variant.began = Some(Instant::now());
            variant.stage = Stage::Encrypting;
        });
        let prepared = {
            let (picture, spec) = (run.picture.clone(), spec.clone());
            task::spawn_blocking(move || {
                let frame = picture.frame(spec.width(), spec.height())?;
                let quantised = spec.quantiser().quantise(&frame);
                Ok::<_, cipherframe::FrameError>((frame, quantised))
            })
        };
        let (frame, quantised) = prepared
            .await
            .map_err(|error| problem(&error))?
            .map_err(|error| problem(&error))?;
        let header = self.header(&spec, &*key);
        let errand = Errand {
            run: run.id.clone(),
            variant: at,
            frame,
            spec: spec.clone(),
        };
        let frame = header.frame.clone();
        let sending = Sending {
            run,
            variant: at,
            progress: self.lab.returns.expect(frame.clone(), errand),
            patience: match spec.scheme() {
                SchemeId::Tfhe => TFHE_PATIENCE,
                SchemeId::Bfv | SchemeId::Plain => BFV_PATIENCE,
            },
            header,
            spec,
            key,
            quantised: Arc::new(quantised),
        };
        let sent = self.tiles(sending, post).await;
        if sent.is_err() {
            self.lab.returns.forget(&frame);
        }
        sent
    }

    async fn tiles(&mut self, mut sending: Sending<'_>, post: &impl Post) -> Result<(), Trouble> {
        let tiles = sending.header.tiles;
        let mut first_sent = None;
        for tile in 0..tiles {
            let enough = (tile + 1).saturating_sub(TILES_ON_THE_WAY);
            if !self.back(&mut sending, enough).await? {
                return Ok(());
            }
            let began = Instant::now();
            let (topic, sealed) = self.seal(&sending, tile).await?;
            let (took, bytes) = (began.elapsed(), sealed.len() as u64);
            first_sent.get_or_insert_with(Instant::now);
            let sent = tokio::select! {
                biased;
                () = sending.run.cancel.cancelled() => return Err(Trouble::Cancelled),
                sent = post.post(&topic, sealed) => sent.map_err(|error| error.to_string()),
                () = time::sleep(BFV_PATIENCE) => Err("the broker takes nothing".to_owned()),
            };
            sent.map_err(|error| {
                Trouble::Problem(Problem {
                    error: format!("a tile was not sent: {error}"),
                    mend: "see that the viewer is connected to the broker, then run it again"
                        .to_owned(),
                })
            })?;
            self.next_seq = sending.header.frame.seq + 1;
            self.change(sending.run, sending.variant, |variant| {
                variant.tiles_sent = tile + 1;
                variant.bytes_up += bytes;
                variant.encrypt = Some(variant.encrypt.unwrap_or_default() + took);
                variant.stage.pools();
            });
        }
        if self.back(&mut sending, tiles).await? {
            self.change(sending.run, sending.variant, |variant| {
                variant.round_trip = first_sent.map(|sent| sent.elapsed());
            });
        }
        Ok(())
    }

    /// Encrypts and signs a tile.
    async fn seal(&self, sending: &Sending<'_>, tile: u32) -> Result<(Topic, Vec<u8>), Trouble> {
        let Sending {
            header,
            spec,
            key,
            quantised,
            ..
        } = sending;
        let (identity, key) = (self.identity.clone(), key.clone());
        let (header, spec, quantised) = (header.clone(), spec.clone(), quantised.clone());
        let sealed = task::spawn_blocking(move || {
            let ciphertext = key.encrypt(&spec, &quantised, tile);
            let ciphertext = ciphertext.map_err(|error| error.to_string())?;
            let message = FrameTile {
                tile: TileHeader { tile, ..header },
            };
            let sealed = envelope::seal(&identity, &message, &ciphertext);
            let sealed = sealed.map_err(|error| error.to_string())?;
            Ok::<_, String>((message.topic(), sealed))
        });
        let sealed = sealed.await.map_err(|error| problem(&error))?;
        sealed.map_err(|error| problem(&error))
    }

    /// The header of the next frame. Nothing before it will be sent any more.
    fn header(&self, spec: &StreamSpec, key: &dyn EncryptionKey) -> TileHeader {
        let seq = self.next_seq;
        TileHeader {
            frame: FrameId {
                site: self.site.clone(),
                camera: self.lab.camera.clone(),
                session: self.session,
                seq,
            },
            tile: 0,
            tiles: spec.tile_plan().tile_count(),
            captured_unix_ms: unix_ms(),
            session_unix_ms: self.session_unix_ms,
            oldest: seq,
            dropped: 0,
            spec: spec.to_bytes(),
            parameters: spec.fingerprint().0,
            key_id: *key.key_id().as_bytes(),
        }
    }

    /// Waits until `wanted` tiles are back; `false` when the viewer waits for none of them any more.
    async fn back(&self, sending: &mut Sending<'_>, wanted: u32) -> Result<bool, Trouble> {
        loop {
            let progress = *sending.progress.borrow_and_update();
            match progress {
                Progress::GivenUp => return Ok(false),
                Progress::Back(back) => {
                    self.change(sending.run, sending.variant, |variant| {
                        variant.tiles_back = back;
                    });
                    if back >= wanted {
                        return Ok(true);
                    }
                }
            }
            let patience = sending.patience;
            tokio::select! {
                biased;
                () = sending.run.cancel.cancelled() => return Err(Trouble::Cancelled),
                changed = sending.progress.changed() => if changed.is_err() {
                    return Ok(false);
                },
                () = time::sleep(patience) => return Err(Trouble::Problem(Problem {
                    error: format!("no tile came back within {} s", patience.as_secs()),
                    mend: "see that a pooling worker runs with the evaluation key of this key set and enrols the lab \
                           as a camera, then run it again".to_owned(),
                })),
            }
        }
    }

    fn change(&self, run: &Run, variant: usize, change: impl FnOnce(&mut Variant)) {
        self.lab.shelf().change(&run.id, variant, change);
    }
}

fn problem(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::Problem(bug(error))
}
