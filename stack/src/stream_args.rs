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

/// What a stream is.
#[derive(Args, Clone, Debug)]
pub(crate) struct StreamArgs {
    /// Scheme: tfhe (or plain, with --insecure-plain)
    #[arg(long, default_value = "tfhe")]
    pub(crate) scheme: SchemeId,
    /// Levels as bits per pixel, 1 to 8: evenly spaced [default: 4]
    #[arg(long, conflicts_with = "levels")]
    pub(crate) bits: Option<u8>,
    /// Levels as rising thresholds, such as 8,20,45
    #[arg(long, value_delimiter = ',')]
    pub(crate) levels: Option<Vec<u8>>,
    /// Frame size, such as 24x16
    #[arg(long, default_value = "16x16")]
    pub(crate) size: Size,
    /// Side of the pooling window in pixels
    #[arg(long, default_value_t = 2)]
    pub(crate) kernel: u8,
    /// Pixels from one window to the next
    #[arg(long, default_value_t = 2)]
    pub(crate) stride: u8,
    /// Pixels of padding on each side; padding never wins a maximum
    #[arg(long, default_value_t = 0)]
    pub(crate) padding: u8,
    /// Allow scheme plain, which encrypts nothing
    #[arg(long)]
    pub(crate) insecure_plain: bool,
}

impl StreamArgs {
    /// The stream these options describe.
    pub(crate) fn spec(&self) -> Result<StreamSpec, Failure> {
        if self.scheme == SchemeId::Plain && !self.insecure_plain {
            return Err(Failure::new(
                FailureKind::Usage,
                "scheme plain encrypts nothing",
                "use --scheme tfhe, or add --insecure-plain for a dry run",
            ));
        }
        let usage = |error: &dyn std::error::Error| Failure::of(FailureKind::Usage, error);
        let quantiser = match &self.levels {
            Some(thresholds) => Quantiser::from_thresholds(thresholds.clone()),
            None => Quantiser::from_bits(self.bits.unwrap_or(4)),
        };
        let quantiser = quantiser.map_err(|error| usage(&error))?;
        let pool =
            PoolSpec::new(self.kernel, self.stride, self.padding).map_err(|error| usage(&error))?;
        StreamSpec::new(
            self.scheme,
            self.size.width,
            self.size.height,
            quantiser,
            pool,
        )
        .map_err(|error| usage(&error))
    }
}
