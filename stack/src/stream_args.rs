//! The options that say what a stream is: scheme, size, levels and pooling window.

use cipherframe::{PoolSpec, Quantiser, SchemeId, StreamSpec};
use clap::Args;
use std::str::FromStr;
use wire::failure::{Failure, FailureKind};

/// A frame size, written `WIDTHxHEIGHT`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Size {
    /// Width in pixels.
    pub(crate) width: u32,
    /// Height in pixels.
    pub(crate) height: u32,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| text.parse().ok();
        text.split_once('x')
            .and_then(|(width, height)| {
                Some(Self {
                    width: side(width)?,
                    height: side(height)?,
                })
            })
            .ok_or_else(|| {
                format!("`{text}` is not a size; write it as WIDTHxHEIGHT, such as 24x16")
            })
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// Options that say what a stream is. Where one is not given, the stream has a default of its own.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct StreamArgs {
    /// Levels as bits per pixel, 1 to 8: evenly spaced
    #[arg(long, conflicts_with = "levels")]
    pub(crate) bits: Option<u8>,
    /// Levels as rising thresholds, such as 8,20,45
    #[arg(long, value_delimiter = ',')]
    pub(crate) levels: Option<Vec<u8>>,
    /// Frame size, such as 24x16
    #[arg(long)]
    pub(crate) size: Option<Size>,
    /// Side of the pooling window in pixels [default: 2]
    #[arg(long)]
    pub(crate) kernel: Option<u8>,
    /// Pixels from one window to the next [default: 2]
    #[arg(long)]
    pub(crate) stride: Option<u8>,
    /// Pixels of padding on each side; padding never wins a maximum [default: 0]
    #[arg(long)]
    pub(crate) padding: Option<u8>,
    /// Allow scheme plain, which encrypts nothing
    #[arg(long)]
    pub(crate) insecure_plain: bool,
}

/// What a stream is where no option says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    /// Frame size.
    pub(crate) size: Size,
    /// Levels.
    pub(crate) levels: Levels,
}

/// Levels of a pixel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Levels {
    /// Evenly spaced.
    Bits(u8),
    /// By their thresholds.
    Thresholds(&'static [u8]),
}

impl Defaults {
    /// Frames that scheme tfhe pools in seconds.
    pub(crate) const SMALL: Self = Self {
        size: Size {
            width: 16,
            height: 16,
        },
        levels: Levels::Bits(4),
    };
}

impl StreamArgs {
    /// The stream of `scheme` that these options describe.
    pub(crate) fn spec(
        &self,
        scheme: SchemeId,
        defaults: &Defaults,
    ) -> Result<StreamSpec, Failure> {
        if scheme == SchemeId::Plain && !self.insecure_plain {
            return Err(Failure::new(
                FailureKind::Usage,
                "scheme plain encrypts nothing",
                "use --scheme bfv or --scheme tfhe, or add --insecure-plain for a dry run",
            ));
        }
        let usage = |error: &dyn std::error::Error| Failure::of(FailureKind::Usage, error);
        let quantiser = match (&self.levels, self.bits, defaults.levels) {
            (Some(thresholds), _, _) => Quantiser::from_thresholds(thresholds.clone()),
            (None, Some(bits), _) | (None, None, Levels::Bits(bits)) => Quantiser::from_bits(bits),
            (None, None, Levels::Thresholds(thresholds)) => {
                Quantiser::from_thresholds(thresholds.to_vec())
            }
        };
        let quantiser = quantiser.map_err(|error| usage(&error))?;
        let pool = PoolSpec::new(
            self.kernel.unwrap_or(2),
            self.stride.unwrap_or(2),
            self.padding.unwrap_or(0),
        );
        let pool = pool.map_err(|error| usage(&error))?;
        let size = self.size.unwrap_or(defaults.size);
        StreamSpec::new(scheme, size.width, size.height, quantiser, pool)
            .map_err(|error| usage(&error))
    }
}
