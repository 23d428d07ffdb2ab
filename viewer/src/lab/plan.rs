//! What may be asked for: sizes and variants that make sense, and that end within minutes.

use cipherframe::{PoolSpec, Quantiser, SchemeId, StreamSpec};
use serde::Deserialize;
use thiserror::Error;
use utoipa::ToSchema;

/// The longest side of a frame of the lab, in pixels.
pub(crate) const MAX_SIDE: u32 = 512;
/// Variants of a run.
pub(crate) const MAX_VARIANTS: usize = 4;
/// Tiles of a frame, each a message.
const MAX_TILES: u32 = 256;
/// The longest that a variant may take, on one thread of a machine like that of docs/ref/performance.md.
const MAX_SECONDS: f64 = 900.0;
/// Seconds for a 2x2 window of scheme tfhe on one thread, up to 4 bits and above.
const TFHE_WINDOW: (f64, f64) = (0.09, 0.4);

/// What to run.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunRequest {
    /// The uploaded picture.
    pub(crate) picture: String,
    /// Width that it is resized to, in pixels.
    pub(crate) width: u32,
    /// Height that it is resized to, in pixels.
    pub(crate) height: u32,
    /// Side of a pooling window, in pixels.
    pub(crate) kernel: u8,
    /// Distance of neighbouring windows, in pixels.
    pub(crate) stride: u8,
    /// Pixels around the frame that never win.
    pub(crate) padding: u8,
    /// What to compare, in this order.
    pub(crate) variants: Vec<VariantRequest>,
}

/// One way to run it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantRequest {
    /// `bfv` or `tfhe`.
    pub(crate) scheme: String,
    /// 1 to 8; 8 is exact, fewer are approximate.
    pub(crate) bits: u8,
}

/// Why a run is not begun.
#[derive(Debug, Error, PartialEq)]
pub(crate) enum PlanError {
    #[error("{count} variants were asked for, 1 to {MAX_VARIANTS} can be compared")]
    Variants { count: usize },
    #[error("{width} x {height} pixels are out of range; each side is 1 to {MAX_SIDE}")]
    Size { width: u32, height: u32 },
    #[error("variant {variant}: {reason}")]
    Variant { variant: usize, reason: String },
    #[error(
        "variant {variant}: the lab has no public key of scheme {scheme}; it has those of {known}"
    )]
    NoKey {
        variant: usize,
        scheme: String,
        known: String,
    },
    #[error("variant {variant}: {tiles} tiles are more than the {MAX_TILES} that the lab sends")]
    Tiles { variant: usize, tiles: u32 },
    #[error(
        "variant {variant}: about {minutes:.0} minutes of one thread, {MAX_MINUTES:.0} are the most"
    )]
    TooLong { variant: usize, minutes: f64 },
}

const MAX_MINUTES: f64 = MAX_SECONDS / 60.0;

impl PlanError {
    /// What to do about it.
    pub(crate) fn mend(&self) -> &'static str {
        match self {
            Self::Variants { .. } => "add or remove variants",
            Self::Size { .. } => "choose another size",
            Self::Variant { .. } => "mend this variant, or the window",
            Self::NoKey { .. } => {
                "choose one of those, or add its camera-public.key to `lab.public_keys`"
            }
            Self::Tiles { .. } | Self::TooLong { .. } => {
                "choose a smaller size, fewer bits, or scheme bfv"
            }
        }
    }
}

/// The streams that `request` asks for, with keys of `schemes` at hand.
pub(crate) fn plan(
    request: &RunRequest,
    schemes: &[SchemeId],
) -> Result<Vec<StreamSpec>, PlanError> {
    let &RunRequest { width, height, .. } = request;
    let count = request.variants.len();
    if !(1..=MAX_VARIANTS).contains(&count) {
        return Err(PlanError::Variants { count });
    }
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(PlanError::Size { width, height });
    }
    let variants = request.variants.iter().zip(1..);
    let variants = variants.map(|(variant, number)| stream(request, variant, number, schemes));
    variants.collect()
}

fn stream(
    request: &RunRequest,
    variant: &VariantRequest,
    number: usize,
    schemes: &[SchemeId],
) -> Result<StreamSpec, PlanError> {
    let wrong = |reason: String| PlanError::Variant {
        variant: number,
        reason,
    };
    let scheme = variant.scheme.parse::<SchemeId>();
    let Some(scheme) = scheme.ok().filter(|scheme| schemes.contains(scheme)) else {
        let known: Vec<_> = schemes.iter().map(SchemeId::to_string).collect();
        return Err(PlanError::NoKey {
            variant: number,
            scheme: variant.scheme.clone(),
            known: known.join(" and "),
        });
    };
    let quantiser = Quantiser::from_bits(variant.bits).map_err(|error| wrong(error.to_string()))?;
    let pool = PoolSpec::new(request.kernel, request.stride, request.padding);
    let pool = pool.map_err(|error| wrong(error.to_string()))?;
    let spec = StreamSpec::new(scheme, request.width, request.height, quantiser, pool);
    let spec = spec.map_err(|error| wrong(error.to_string()))?;
    let tiles = spec.tile_plan().tile_count();
    if tiles > MAX_TILES {
        return Err(PlanError::Tiles {
            variant: number,
            tiles,
        });
    }
    let seconds = seconds(&spec, variant.bits);
    if seconds > MAX_SECONDS {
        return Err(PlanError::TooLong {
            variant: number,
            minutes: seconds / 60.0,
        });
    }
    Ok(spec)
}

/// How long one thread takes, roughly. Only scheme tfhe takes long.
fn seconds(spec: &StreamSpec, bits: u8) -> f64 {
    if spec.scheme() != SchemeId::Tfhe {
        return 0.0;
    }
    let pool = spec.pool();
    let size = pool.output_size(spec.width(), spec.height());
    let windows = size.map_or(0.0, |(width, height)| f64::from(width) * f64::from(height));
    let window = if bits <= 4 {
        TFHE_WINDOW.0
    } else {
        TFHE_WINDOW.1
    };
    let kernel = f64::from(pool.kernel());
    // A window of k x k pixels takes k² - 1 maxima.
    windows * window * (kernel * kernel - 1.0) / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [SchemeId; 2] = [SchemeId::Bfv, SchemeId::Tfhe];

    fn request(width: u32, height: u32, kernel: u8, variants: &[(&str, u8)]) -> RunRequest {
        let variants = variants.iter().map(|&(scheme, bits)| VariantRequest {
            scheme: scheme.to_owned(),
            bits,
        });
        RunRequest {
            picture: "p".to_owned(),
            width,
            height,
            kernel,
            stride: 2,
            padding: 0,
            variants: variants.collect(),
        }
    }

    #[test]
    fn exact_beside_approximate_is_one_run() {
        let specs = plan(
            &request(32, 32, 2, &[("bfv", 8), ("bfv", 4), ("tfhe", 4)]),
            &ALL,
        )
        .unwrap();
        let levels: Vec<_> = specs
            .iter()
            .map(|spec| spec.quantiser().level_count())
            .collect();
        assert_eq!(levels, [255, 15, 15]);
    }

    #[test]
    fn silly_numbers_get_a_sentence() {
        let sentence = |request: &RunRequest| plan(request, &ALL).unwrap_err().to_string();
        for (request, expected) in [
            (
                request(32, 32, 2, &[]),
                "0 variants were asked for, 1 to 4 can be compared",
            ),
            (
                request(0, 32, 2, &[("bfv", 4)]),
                "0 x 32 pixels are out of range; each side is 1 to 512",
            ),
            (
                request(32, 99_999, 2, &[("bfv", 4)]),
                "32 x 99999 pixels are out of range; each side is 1 to 512",
            ),
            (
                request(32, 32, 2, &[("rot13", 4)]),
                "variant 1: the lab has no public key of scheme rot13; it has those of bfv and tfhe",
            ),
            (
                request(512, 512, 2, &[("bfv", 1), ("bfv", 8)]),
                "variant 2: 4096 tiles are more than the 256 that the lab sends",
            ),
            (
                request(256, 256, 2, &[("tfhe", 4)]),
                "variant 1: about 25 minutes of one thread, 15 are the most",
            ),
        ] {
            assert_eq!(sentence(&request), expected);
        }
        let mut still = request(32, 32, 2, &[("bfv", 4)]);
        still.stride = 0;
        let mut padded = request(32, 32, 2, &[("bfv", 4)]);
        padded.padding = 2;
        for (bad, expected) in [
            (request(32, 32, 2, &[("bfv", 9)]), "9"),
            (request(32, 32, 2, &[("bfv", 0)]), "0"),
            (request(32, 32, 0, &[("bfv", 4)]), "0"),
            (request(32, 32, 5, &[("bfv", 4)]), "5"),
            (request(3, 3, 4, &[("bfv", 4)]), "3"),
            (still, "0"),
            (padded, "2"),
        ] {
            let error = sentence(&bad);
            assert!(error.starts_with("variant 1: "), "{error}");
            // It names the number that is wrong.
            assert!(error["variant 1: ".len()..].contains(expected), "{error}");
        }
        let many = vec![("bfv", 4); 1000];
        assert_eq!(
            sentence(&request(32, 32, 2, &many)),
            "1000 variants were asked for, 1 to 4 can be compared"
        );
    }

    #[test]
    fn every_choice_of_the_form_is_taken() {
        for (scheme, kernels) in [("bfv", 2..=4), ("tfhe", 1..=8)] {
            for kernel in kernels {
                for (stride, padding) in [(1, 0), (3, kernel - 1)] {
                    let variants: Vec<_> = [1, 3, 6, 8].map(|bits| (scheme, bits)).into();
                    let mut request = request(12, 10, kernel, &variants);
                    (request.stride, request.padding) = (stride, padding);
                    let specs = plan(&request, &ALL).unwrap();
                    let pool = specs[0].pool();
                    let chosen = (pool.kernel(), pool.stride(), pool.padding());
                    assert_eq!(chosen, (kernel, stride, padding));
                    let levels = specs.iter().map(|spec| spec.quantiser().level_count());
                    assert_eq!(levels.collect::<Vec<_>>(), [1, 7, 63, 255]);
                }
            }
        }
    }
}
