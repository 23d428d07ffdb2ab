//! Pictures and runs that are kept in memory: the latest few of each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cipherframe::StreamSpec;
use tokio_util::sync::CancellationToken;

use super::comparison::Comparison;
use super::picture::Picture;
use super::plan::RunRequest;
use crate::web::api::schema::Problem;

/// Pictures that are kept, each of at most a megabyte.
const PICTURES: usize = 16;
/// Runs that are kept.
const RUNS: usize = 16;
/// Runs that may wait or be in work.
const OPEN_RUNS: usize = 4;

/// How far a variant is.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// It waits for its turn.
    Queued,
    /// No tile is sent yet.
    Encrypting,
    /// The worker has tiles. Others may be encrypted as they come back.
    Pooling,
    /// Its map is compared.
    Done(Arc<Comparison>),
    /// It gave no map.
    Failed(Problem),
}

impl Stage {
    /// A tile is sent. The outcome may be known already.
    pub(super) fn pools(&mut self) {
        if matches!(self, Self::Encrypting) {
            *self = Self::Pooling;
        }
    }
}

/// Why a run is not begun.
#[derive(Debug, PartialEq)]
pub(crate) enum BeginError {
    /// Too many are open.
    TooMany,
    /// No run will be done any more.
    Closed(Problem),
}

/// One variant of a run.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub(crate) spec: StreamSpec,
    pub(crate) bits: u8,
    pub(crate) stage: Stage,
    pub(crate) tiles_sent: u32,
    pub(crate) tiles_back: u32,
    /// When it got its turn.
    pub(crate) began: Option<Instant>,
    /// When it was done or failed.
    pub(crate) ended: Option<Instant>,
    /// The time of encryption and signing alone.
    pub(crate) encrypt: Option<Duration>,
    /// From the first tile sent to the last one back.
    pub(crate) round_trip: Option<Duration>,
    /// The workers' time.
    pub(crate) pool_ms: Option<u64>,
    /// The time of decryption.
    pub(crate) decrypt: Option<Duration>,
    /// The time of plaintext pooling and of the comparison with it.
    pub(crate) compare: Option<Duration>,
    /// Signed ciphertext sent, in bytes.
    pub(crate) bytes_up: u64,
    /// Ciphertext that came back, in bytes.
    pub(crate) bytes_down: u64,
}

/// A run of one picture.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) request: RunRequest,
    pub(crate) picture: Arc<Picture>,
    pub(crate) variants: Vec<Variant>,
    /// Whether it has got its turn.
    taken: bool,
    /// Cancelled when nobody wants it any more. See [`Run::cancel`].
    pub(crate) cancel: CancellationToken,
}

impl Variant {
    fn new(spec: StreamSpec, bits: u8) -> Self {
        Self {
            spec,
            bits,
            stage: Stage::Queued,
            tiles_sent: 0,
            tiles_back: 0,
            began: None,
            ended: None,
            encrypt: None,
            round_trip: None,
            pool_ms: None,
            decrypt: None,
            compare: None,
            bytes_up: 0,
            bytes_down: 0,
        }
    }

    /// It is done or failed.
    pub(super) fn end(&mut self, stage: Stage) {
        self.stage = stage;
        self.ended = Some(Instant::now());
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done(_) | Stage::Failed(_))
    }
}

impl Run {
    /// When the first variant began, and when the last one ended if all have.
    pub(crate) fn span(&self) -> Option<(Instant, Option<Instant>)> {
        let began = self
            .variants
            .iter()
            .filter_map(|variant| variant.began)
            .min()?;
        let ended = self
            .variants
            .iter()
            .filter_map(|variant| variant.ended)
            .max();
        Some((began, ended.filter(|_| self.is_over())))
    }

    /// Whether nothing more will happen.
    pub(crate) fn is_over(&self) -> bool {
        self.cancel.is_cancelled() || self.variants.iter().all(Variant::is_over)
    }

    /// Ends what is not over yet.
    pub(crate) fn cancel(&self) {
        if !self.is_over() {
            self.cancel.cancel();
        }
    }
}

/// The pictures and runs of the lab.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pictures: VecDeque<(String, Arc<Picture>)>,
    runs: VecDeque<Run>,
    /// Why no run will be done any more.
    closed: Option<Problem>,
}

impl Shelf {
    pub(crate) fn put_picture(&mut self, id: String, picture: Picture) {
        if self.pictures.len() == PICTURES {
            self.pictures.pop_front();
        }
        self.pictures.push_back((id, Arc::new(picture)));
    }

    /// One of the latest pictures, or that of a run.
    pub(crate) fn picture(&self, id: &str) -> Option<Arc<Picture>> {
        let pictures = self.pictures.iter().map(|(id, picture)| (id, picture));
        let of_runs = self
            .runs
            .iter()
            .map(|run| (&run.request.picture, &run.picture));
        let found = pictures.chain(of_runs).find(|(known, _)| *known == id);
        found.map(|(_, picture)| picture.clone())
    }

    /// Begins a run.
    pub(crate) fn begin(
        &mut self,
        id: String,
        request: RunRequest,
        picture: Arc<Picture>,
        specs: Vec<StreamSpec>,
    ) -> Result<(), BeginError> {
        if let Some(problem) = &self.closed {
            return Err(BeginError::Closed(problem.clone()));
        }
        if self.runs.iter().filter(|run| !run.is_over()).count() >= OPEN_RUNS {
            return Err(BeginError::TooMany);
        }
        if self.runs.len() == RUNS {
            let over = self.runs.iter().position(Run::is_over);
            over.map(|at| self.runs.remove(at));
        }
        let variants = specs.into_iter().zip(&request.variants);
        let variants = variants.map(|(spec, variant)| Variant::new(spec, variant.bits));
        self.runs.push_back(Run {
            id,
            variants: variants.collect(),
            request,
            picture,
            taken: false,
            cancel: CancellationToken::new(),
        });
        Ok(())
    }

    /// The oldest run that has had no turn, which it gets now.
    pub(super) fn take_next(&mut self) -> Option<Run> {
        let mut runs = self.runs.iter_mut();
        let next = runs.find(|run| !run.taken && !run.is_over())?;
        next.taken = true;
        Some(next.clone())
    }

    /// Ends all runs, and begins none any more.
    pub(super) fn close(&mut self, problem: Problem) {
        let open = self.runs.iter_mut().filter(|run| !run.is_over());
        for variant in open.flat_map(|run| &mut run.variants) {
            if !variant.is_over() {
                variant.end(Stage::Failed(problem.clone()));
            }
        }
        self.closed = Some(problem);
    }

    /// Why no run will be done any more.
    pub(crate) fn closed(&self) -> Option<&Problem> {
        self.closed.as_ref()
    }

    pub(crate) fn run(&self, id: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// Changes a variant of a run that is still kept.
    pub(crate) fn change(&mut self, id: &str, variant: usize, change: impl FnOnce(&mut Variant)) {
        let run = self.runs.iter_mut().find(|run| run.id == id);
        if let Some(variant) = run.and_then(|run| run.variants.get_mut(variant)) {
            change(variant);
        }
    }
}
