//! Takes the frames of the lab to the worker, one variant after the other, and waits for their maps.
//!
//! Few tiles are on their way at a time, so that a large picture holds up neither the cameras nor the viewer's receipts.
//! A frame is sent once: who gets no answer is told so and may run it again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cipherframe::keys::{KeyError, load_public_key};
use cipherframe::{EncryptionKey, FeatureMap, Frame, SchemeId, StreamSpec};
use tokio::sync::mpsc;
use tokio::{task, time};
use tokio_util::sync::CancellationToken;
use wire::envelope;
use wire::failure::{Failure, FailureKind};
use wire::identity::SigningIdentity;
use wire::message::{FrameId, FrameTile, Message, SessionId, TileHeader};
use wire::mqtt::Publisher;
use wire::name::Name;
use wire::random;

use super::LabConfig;
use super::comparison::Comparison;
use super::shelf::{Shelf, Stage, Variant};
use crate::clock::unix_ms;
use crate::event::ViewerEvent;
use crate::web::api::schema::Problem;

/// Tiles that are on their way at a time.
const TILES_ON_THE_WAY: u32 = 4;
/// How long a tile of each scheme may take. A worker that pools for cameras too takes them in turn.
const BFV_PATIENCE: Duration = Duration::from_secs(60);
const TFHE_PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The lab as the pages know it.
pub(crate) struct Lab {
    camera: Name,
    keys: BTreeMap<SchemeId, Arc<dyn EncryptionKey>>,
    shelf: Mutex<Shelf>,
    orders: mpsc::UnboundedSender<String>,
    news: mpsc::UnboundedSender<News>,
    /// The frame that is waited for. What is said of others, which a worker may make up, is dropped at once.
    awaited: Mutex<Option<FrameId>>,
}

/// What the viewer says of the frame that is waited for.
#[derive(Debug)]
enum News {
    Arrived(u32),
    Map {
        map: FeatureMap,
        pool_ms: u64,
        bytes: u64,
    },
    Lost(String),
}

/// The part that does the work.
pub(crate) struct Courier {
    lab: Arc<Lab>,
    site: Name,
    identity: Arc<SigningIdentity>,
    session: SessionId,
    session_unix_ms: u64,
    next_seq: u64,
    orders: mpsc::UnboundedReceiver<String>,
    news: mpsc::UnboundedReceiver<News>,
}

/// Why a variant gives no map.
enum Trouble {
    Cancelled,
    Problem(Problem),
}

impl Courier {
    /// Loads the keys of the lab. Blocks for a moment.
    ///
    /// # Errors
    /// A file that cannot be used, or a signing key that was made for another name.
    pub(crate) fn load(config: &LabConfig, site: &Name) -> Result<Self, Failure> {
        let identity = SigningIdentity::load(&config.signing_key)?;
        if *identity.name() != config.name {
            let what = format!(
                "{} is the signing key of `{}`, the lab is called `{}`",
                config.signing_key.display(),
                identity.name(),
                config.name
            );
            let mend = "mend `lab.name` or `lab.signing_key`";
            return Err(Failure::new(FailureKind::Configuration, what, mend));
        }
        let mut keys = BTreeMap::new();
        for path in &config.public_keys {
            let key = load_public_key(path).map_err(key_failure)?;
            let scheme = key.scheme();
            if keys.insert(scheme, key).is_some() {
                let what = format!("{} is a second key of scheme {scheme}", path.display());
                let mend = "name one key of each scheme in `lab.public_keys`";
                return Err(Failure::new(FailureKind::Configuration, what, mend));
            }
        }
        let session = SessionId::random();
        let session = session.map_err(|error| Failure::of(FailureKind::Io, &error))?;
        let (orders_sender, orders) = mpsc::unbounded_channel();
        let (news_sender, news) = mpsc::unbounded_channel();
        let lab = Lab {
            camera: config.name.clone(),
            keys,
            shelf: Mutex::default(),
            orders: orders_sender,
            news: news_sender,
            awaited: Mutex::default(),
        };
        Ok(Self {
            lab: Arc::new(lab),
            site: site.clone(),
            identity: Arc::new(identity),
            session,
            session_unix_ms: unix_ms(),
            next_seq: 0,
            orders,
            news,
        })
    }

    /// The lab that it works for.
    pub(crate) fn lab(&self) -> Arc<Lab> {
        self.lab.clone()
    }

    /// Works until dropped.
    pub(crate) async fn run(mut self, publisher: Arc<Publisher>) {
        while let Some(id) = self.orders.recv().await {
            let run = self.lab.shelf().run(&id).cloned();
            let Some(run) = run else { continue };
            for (at, variant) in run.variants.iter().enumerate() {
                let frame = run.picture.frame(run.request.width, run.request.height);
                let outcome = match frame {
                    Ok(frame) => {
                        let errand = Errand {
                            run: &id,
                            variant: at,
                            cancel: &run.cancel,
                        };
                        self.variant(&publisher, &errand, variant, frame).await
                    }
                    Err(error) => Err(bug(&error)),
                };
                self.lab.wait_for(None);
                let stage = match outcome {
                    Ok(comparison) => Stage::Done(Arc::new(comparison)),
                    Err(Trouble::Problem(problem)) => Stage::Failed(problem),
                    Err(Trouble::Cancelled) => {
                        self.lab
                            .shelf()
                            .change(&id, at, |variant| variant.ended = Some(Instant::now()));
                        break;
                    }
                };
                self.lab.shelf().change(&id, at, |variant| {
                    variant.stage = stage;
                    variant.ended = Some(Instant::now());
                });
            }
        }
    }

    /// Sends one frame and waits for its map.
    async fn variant(
        &mut self,
        publisher: &Publisher,
        errand: &Errand<'_>,
        variant: &Variant,
        frame: Frame,
    ) -> Result<Comparison, Trouble> {
        let spec = variant.spec.clone();
        let key = self.lab.keys.get(&spec.scheme()).cloned();
        let key = key.ok_or_else(|| bug(&"the key of a planned scheme is gone"))?;
        let header = self.header(&spec, &*key);
        self.lab.wait_for(Some(header.frame.clone()));
        // What was said of the one before is of no use any more.
        while self.news.try_recv().is_ok() {}
        let quantised = Arc::new(spec.quantiser().quantise(&frame));
        let patience = match spec.scheme() {
            SchemeId::Tfhe => TFHE_PATIENCE,
            SchemeId::Bfv | SchemeId::Plain => BFV_PATIENCE,
        };
        self.change(errand, |variant| {
            variant.began = Some(Instant::now());
            variant.stage = Stage::Encrypting;
        });
        let mut first_sent = None;
        let mut back = 0;
        for tile in 0..header.tiles {
            while tile.saturating_sub(back) >= TILES_ON_THE_WAY {
                match self.next_news(errand, patience).await? {
                    News::Arrived(arrived) => back = arrived,
                    News::Map { .. } => return Err(bug(&"a map came before its tiles were sent")),
                    News::Lost(reason) => return Err(lost(&reason)),
                }
            }
            if errand.cancel.is_cancelled() {
                return Err(Trouble::Cancelled);
            }
            let began = Instant::now();
            let sealed = {
                let (identity, key, spec) = (self.identity.clone(), key.clone(), spec.clone());
                let (header, quantised) = (header.clone(), quantised.clone());
                task::spawn_blocking(move || {
                    let ciphertext = key.encrypt(&spec, &quantised, tile);
                    let ciphertext = ciphertext.map_err(|error| error.to_string())?;
                    let message = FrameTile {
                        tile: TileHeader { tile, ..header },
                    };
                    let sealed = envelope::seal(&identity, &message, &ciphertext);
                    let sealed = sealed.map_err(|error| error.to_string())?;
                    Ok::<_, String>((message.topic(), sealed))
                })
            };
            let (topic, sealed) = sealed
                .await
                .map_err(|error| bug(&error))?
                .map_err(|error| bug(&error))?;
            let (took, bytes) = (began.elapsed(), sealed.len() as u64);
            first_sent.get_or_insert_with(Instant::now);
            let sent = tokio::select! {
                biased;
                () = errand.cancel.cancelled() => return Err(Trouble::Cancelled),
                sent = publisher.publish(&topic, sealed) => sent.map_err(|error| error.to_string()),
                () = time::sleep(BFV_PATIENCE) => Err("the broker takes nothing".to_owned()),
            };
            sent.map_err(|error| {
                Trouble::Problem(Problem {
                    error: format!("a tile was not sent: {error}"),
                    mend: "see that the viewer is connected to the broker, then run it again"
                        .to_owned(),
                })
            })?;
            self.change(errand, |variant| {
                variant.tiles_sent = tile + 1;
                variant.bytes_up += bytes;
                variant.encrypt = Some(variant.encrypt.unwrap_or_default() + took);
                if tile + 1 == header.tiles {
                    variant.stage = Stage::Pooling;
                }
            });
        }
        loop {
            match self.next_news(errand, patience).await? {
                News::Arrived(_) => {}
                News::Lost(reason) => return Err(lost(&reason)),
                News::Map {
                    map,
                    pool_ms,
                    bytes,
                } => {
                    self.change(errand, |variant| {
                        variant.round_trip = first_sent.map(|sent| sent.elapsed());
                        variant.pool_ms = Some(pool_ms);
                        variant.bytes_down = bytes;
                    });
                    let compared =
                        task::spawn_blocking(move || Comparison::new(&frame, &spec, map)).await;
                    return compared
                        .map_err(|error| bug(&error))?
                        .map_err(|error| bug(&error));
                }
            }
        }
    }

    /// The header of the next frame. Nothing before it will be sent any more.
    fn header(&mut self, spec: &StreamSpec, key: &dyn EncryptionKey) -> TileHeader {
        let seq = self.next_seq;
        self.next_seq += 1;
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

    /// The next thing that the viewer says of the frame that is waited for.
    async fn next_news(
        &mut self,
        errand: &Errand<'_>,
        patience: Duration,
    ) -> Result<News, Trouble> {
        let news = tokio::select! {
            biased;
            () = errand.cancel.cancelled() => return Err(Trouble::Cancelled),
            news = self.news.recv() => news,
            () = time::sleep(patience) => return Err(Trouble::Problem(Problem {
                error: format!("no tile came back within {} s", patience.as_secs()),
                mend: "see that a pooling worker runs with the evaluation key of this key set and enrols the lab as a \
                       camera, then run it again".to_owned(),
            })),
        };
        if let Some(News::Arrived(arrived)) = news {
            self.change(errand, |variant| variant.tiles_back = arrived);
        }
        // The sender is part of the lab, which lives as long as this.
        news.ok_or(Trouble::Cancelled)
    }

    fn change(&self, errand: &Errand<'_>, change: impl FnOnce(&mut Variant)) {
        self.lab.shelf().change(errand.run, errand.variant, change);
    }
}

/// What a frame is sent for.
struct Errand<'a> {
    run: &'a str,
    variant: usize,
    cancel: &'a CancellationToken,
}

impl Lab {
    /// The schemes that it has keys of.
    pub(crate) fn schemes(&self) -> Vec<SchemeId> {
        self.keys.keys().copied().collect()
    }

    pub(crate) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Each change leaves the shelf whole.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the run with this name done, after those before it.
    pub(crate) fn order(&self, id: String) {
        // The courier lives as long as the pages.
        let _ = self.orders.send(id);
    }

    /// The camera that its frames come from.
    pub(crate) fn camera(&self) -> &Name {
        &self.camera
    }

    /// Takes note of what happened to the frame that is waited for.
    pub(crate) fn observe(&self, event: &ViewerEvent) {
        let (ViewerEvent::Tile { frame, .. }
        | ViewerEvent::Map { frame, .. }
        | ViewerEvent::Unreadable { frame, .. }
        | ViewerEvent::Incomplete { frame, .. }) = event
        else {
            return;
        };
        if frame.camera != self.camera || self.awaited().as_ref() != Some(frame) {
            return;
        }
        let news = match event {
            ViewerEvent::Tile { arrived, .. } => News::Arrived(*arrived),
            ViewerEvent::Map {
                map,
                pool_ms,
                bytes,
                ..
            } => News::Map {
                map: map.clone(),
                pool_ms: *pool_ms,
                bytes: *bytes,
            },
            ViewerEvent::Unreadable { reason, .. } => News::Lost(reason.clone()),
            _ => News::Lost("the viewer gave the frame up".to_owned()),
        };
        // Without a courier there is nobody who waits.
        let _ = self.news.send(news);
    }

    fn wait_for(&self, frame: Option<FrameId>) {
        *self.awaited() = frame;
    }

    fn awaited(&self) -> MutexGuard<'_, Option<FrameId>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that nobody guesses.
pub(crate) fn new_id() -> Result<String, random::RandomError> {
    let bytes = random::bytes::<8>()?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}

fn lost(reason: &str) -> Trouble {
    Trouble::Problem(Problem {
        error: format!("the frame gave no map: {reason}"),
        mend: "run it again; if that does not help, look at the viewer's log".to_owned(),
    })
}

fn bug(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::Problem(Problem {
        error: error.to_string(),
        mend: "report this with the viewer's log".to_owned(),
    })
}

fn key_failure(error: KeyError) -> Failure {
    match error {
        KeyError::File(error) => error.into(),
        other => Failure::new(
            FailureKind::BadData,
            other.to_string(),
            "name a camera-public.key made by `blindsight keys new`",
        ),
    }
}
