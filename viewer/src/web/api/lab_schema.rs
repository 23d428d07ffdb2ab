//! The JSON of the lab.

use std::time::{Duration, Instant};

use cipherframe::SchemeId;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::Problem;
use crate::lab::Lab;
use crate::lab::picture::{FORMATS, MAX_UPLOAD_BYTES};
use crate::lab::plan::{MAX_SIDE, MAX_VARIANTS};
use crate::lab::shelf::{Run, Stage, Variant};

/// What to do where there is no lab.
pub(crate) const NO_LAB: &str = "add the section [lab] to the viewer's configuration";

/// What the lab offers.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct LabState {
    pub(crate) available: bool,
    /// Why not, and what to do.
    pub(crate) reason: Option<String>,
    pub(crate) schemes: Vec<LabScheme>,
    pub(crate) max_upload_bytes: usize,
    /// The formats of pictures that are read.
    pub(crate) formats: Vec<&'static str>,
    /// The longest side of a frame, in pixels.
    pub(crate) max_side: u32,
    pub(crate) max_variants: usize,
    /// Sides of a pooling window, in pixels.
    pub(crate) kernels: Vec<u8>,
    pub(crate) defaults: LabDefaults,
}

/// A scheme that the lab has a key of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LabScheme {
    pub(crate) scheme: String,
    pub(crate) bits: Vec<u8>,
}

/// What a new run begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LabDefaults {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) kernel: u8,
    pub(crate) stride: u8,
    pub(crate) padding: u8,
    pub(crate) variants: Vec<DefaultVariant>,
}

/// A variant that a new run begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DefaultVariant {
    pub(crate) scheme: String,
    pub(crate) bits: u8,
}

impl LabState {
    pub(crate) fn of(lab: Option<&Lab>) -> Self {
        let reason = match lab {
            None => Some(NO_LAB.to_owned()),
            Some(lab) => {
                let closed = |Problem { error, mend }: &Problem| format!("{error}; {mend}");
                lab.shelf().closed().map(closed)
            }
        };
        let mut schemes = lab.map(Lab::schemes).unwrap_or_default();
        // Exact beside approximate, in the fast scheme if it is there.
        schemes.sort_by_key(|scheme| *scheme != SchemeId::Bfv);
        let variant = |bits| {
            schemes.first().map(|scheme| DefaultVariant {
                scheme: scheme.to_string(),
                bits,
            })
        };
        let scheme = |scheme: &SchemeId| LabScheme {
            scheme: scheme.to_string(),
            bits: (1..=8).collect(),
        };
        Self {
            available: reason.is_none(),
            reason,
            max_upload_bytes: MAX_UPLOAD_BYTES,
            formats: FORMATS.map(|(_, name)| name).to_vec(),
            max_side: MAX_SIDE,
            max_variants: MAX_VARIANTS,
            kernels: kernels(&schemes),
            defaults: LabDefaults {
                width: 32,
                height: 32,
                kernel: 2,
                stride: 2,
                padding: 0,
                variants: [8, 4].into_iter().filter_map(variant).collect(),
            },
            schemes: schemes.iter().map(scheme).collect(),
        }
    }
}

/// The kernels that at least one of `schemes` has.
fn kernels(schemes: &[SchemeId]) -> Vec<u8> {
    let has = |scheme: &SchemeId, kernel| scheme.get().kernels().contains(&kernel);
    let kernels = 1..=u8::MAX;
    kernels
        .filter(|kernel| schemes.iter().any(|scheme| has(scheme, *kernel)))
        .collect()
}

/// An uploaded picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PictureState {
    pub(crate) id: String,
    /// As uploaded, in pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `png`, for example.
    pub(crate) format: String,
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunStage {
    Running,
    Done,
    Cancelled,
}

/// A run and its variants.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RunState {
    pub(crate) id: String,
    pub(crate) picture: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) kernel: u8,
    pub(crate) stride: u8,
    pub(crate) padding: u8,
    pub(crate) state: RunStage,
    /// Since the first variant got its turn, until the last one ended.
    pub(crate) elapsed_ms: f64,
    pub(crate) variants: Vec<VariantState>,
}

/// How far a variant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VariantStage {
    Queued,
    Encrypting,
    Pooling,
    Done,
    Failed,
}

/// A variant and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct VariantState {
    pub(crate) scheme: String,
    pub(crate) bits: u8,
    pub(crate) state: VariantStage,
    pub(crate) error: Option<Problem>,
    pub(crate) tiles: u32,
    pub(crate) tiles_sent: u32,
    pub(crate) tiles_back: u32,
    /// Since it got its turn.
    pub(crate) elapsed_ms: f64,
    /// Encryption and signing alone.
    pub(crate) encrypt_ms: Option<f64>,
    /// From the first tile sent to the last one back.
    pub(crate) round_trip_ms: Option<f64>,
    /// The workers' time.
    pub(crate) pool_ms: Option<u64>,
    /// Decryption in the viewer, of all tiles.
    pub(crate) decrypt_ms: Option<f64>,
    /// Plaintext pooling and the comparison with it.
    pub(crate) compare_ms: Option<f64>,
    /// Signed ciphertext sent.
    pub(crate) bytes_up: u64,
    /// Ciphertext that came back.
    pub(crate) bytes_down: u64,
    pub(crate) map_width: Option<u32>,
    pub(crate) map_height: Option<u32>,
    /// L: a value of the map is 0 to L.
    pub(crate) level_count: u8,
    /// Windows that differ from plaintext pooling of the very same quantised frame.
    pub(crate) wrong_cells: Option<u64>,
    /// The largest difference from plaintext pooling at 8 bits, in grey levels.
    pub(crate) max_error: Option<u8>,
    /// The mean difference, in grey levels.
    pub(crate) mean_error: Option<f64>,
}

impl RunState {
    pub(crate) fn of(run: &Run) -> Self {
        let state = match (run.cancel.is_cancelled(), run.is_over()) {
            (true, _) => RunStage::Cancelled,
            (false, true) => RunStage::Done,
            (false, false) => RunStage::Running,
        };
        let request = &run.request;
        let elapsed = run.span().map(|(began, ended)| {
            let until = ended.unwrap_or_else(Instant::now);
            until.saturating_duration_since(began)
        });
        Self {
            id: run.id.clone(),
            picture: request.picture.clone(),
            width: request.width,
            height: request.height,
            kernel: request.kernel,
            stride: request.stride,
            padding: request.padding,
            state,
            elapsed_ms: millis(elapsed.unwrap_or_default()),
            variants: run.variants.iter().map(VariantState::of).collect(),
        }
    }
}

impl VariantState {
    fn of(variant: &Variant) -> Self {
        let (state, error, done) = match &variant.stage {
            Stage::Queued => (VariantStage::Queued, None, None),
            Stage::Encrypting => (VariantStage::Encrypting, None, None),
            Stage::Pooling => (VariantStage::Pooling, None, None),
            Stage::Done(comparison) => (VariantStage::Done, None, Some(comparison)),
            Stage::Failed(problem) => (VariantStage::Failed, Some(problem.clone()), None),
        };
        let spec = &variant.spec;
        let until = variant.ended.unwrap_or_else(Instant::now);
        let elapsed = variant
            .began
            .map(|began| until.saturating_duration_since(began));
        let size = spec.pool().output_size(spec.width(), spec.height()).ok();
        Self {
            scheme: spec.scheme().to_string(),
            bits: variant.bits,
            state,
            error,
            tiles: spec.tile_plan().tile_count(),
            tiles_sent: variant.tiles_sent,
            tiles_back: variant.tiles_back,
            elapsed_ms: millis(elapsed.unwrap_or_default()),
            encrypt_ms: variant.encrypt.map(millis),
            round_trip_ms: variant.round_trip.map(millis),
            pool_ms: variant.pool_ms,
            decrypt_ms: variant.decrypt.map(millis),
            compare_ms: variant.compare.map(millis),
            bytes_up: variant.bytes_up,
            bytes_down: variant.bytes_down,
            map_width: size.map(|(width, _)| width),
            map_height: size.map(|(_, height)| height),
            level_count: spec.quantiser().level_count(),
            wrong_cells: done.map(|done| done.wrong_cells),
            max_error: done.map(|done| done.max_error),
            mean_error: done.map(|done| done.mean_error),
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
