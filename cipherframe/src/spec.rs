//! What camera, worker and viewer must agree on for a stream: scheme, frame size, levels and pooling window.

use crate::frame::{FrameError, check_sides};
use crate::pool::{PoolSpec, PoolSpecError};
use crate::quantiser::{Quantiser, QuantiserError};
use crate::scheme::{Fingerprint, SchemeId, UnknownScheme};
use crate::tile::{MAX_TILES, TilePlan};
use thiserror::Error;

/// The agreement a stream runs under. It travels in every signed header as [`StreamSpec::to_bytes`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamSpec {
    scheme: SchemeId,
    width: u32,
    height: u32,
    quantiser: Quantiser,
    pool: PoolSpec,
    tile_plan: TilePlan,
}

/// Why a stream specification was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SpecError {
    /// The frame size is out of range.
    #[error(transparent)]
    Size(#[from] FrameError),
    /// The pooling window is out of range or does not fit the frame.
    #[error(transparent)]
    Pool(#[from] PoolSpecError),
    /// The levels are out of range.
    #[error(transparent)]
    Quantiser(#[from] QuantiserError),
    /// The scheme is not known here.
    #[error(transparent)]
    Scheme(#[from] UnknownScheme),
    /// A kernel the scheme has no circuit for.
    #[error(
        "scheme {scheme} pools kernels {smallest} to {largest}, {kernel} was asked for; use another kernel"
    )]
    Kernel {
        /// The scheme.
        scheme: SchemeId,
        /// Smallest kernel.
        smallest: u8,
        /// Largest kernel.
        largest: u8,
        /// Kernel asked for.
        kernel: u8,
    },
    /// More tiles than a frame may have.
    #[error(
        "a frame of {width}x{height} pixels is cut into {tiles} tiles, at most {MAX_TILES} are possible; use a smaller size or a larger stride"
    )]
    Tiles {
        /// Frame width in pixels.
        width: u32,
        /// Frame height in pixels.
        height: u32,
        /// Tiles it would be cut into.
        tiles: u32,
    },
    /// The bytes are not a stream specification of this version.
    #[error(
        "stream specification of {0} bytes is malformed; camera and receiver must run the same version"
    )]
    Malformed(usize),
}

const VERSION: u8 = 1;

impl StreamSpec {
    /// A specification, checked against what the scheme can pool.
    pub fn new(
        scheme: SchemeId,
        width: u32,
        height: u32,
        quantiser: Quantiser,
        pool: PoolSpec,
    ) -> Result<Self, SpecError> {
        check_sides(width, height)?;
        let kernels = scheme.get().kernels();
        if !kernels.contains(&pool.kernel()) {
            let (smallest, largest) = (*kernels.start(), *kernels.end());
            return Err(SpecError::Kernel {
                scheme,
                smallest,
                largest,
                kernel: pool.kernel(),
            });
        }
        let tile_plan = TilePlan::new(
            width,
            height,
            pool,
            scheme
                .get()
                .tile_cut(pool.kernel(), quantiser.level_count()),
        )?;
        let tiles = tile_plan.tile_count();
        if tiles > MAX_TILES {
            return Err(SpecError::Tiles {
                width,
                height,
                tiles,
            });
        }
        Ok(Self {
            scheme,
            width,
            height,
            quantiser,
            pool,
            tile_plan,
        })
    }

    /// The scheme.
    pub fn scheme(&self) -> SchemeId {
        self.scheme
    }

    /// The fingerprint of the parameter set that the stream runs under.
    pub fn fingerprint(&self) -> Fingerprint {
        self.scheme.get().fingerprint(self.pool.kernel())
    }

    /// Frame width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Frame height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The quantiser.
    pub fn quantiser(&self) -> &Quantiser {
        &self.quantiser
    }

    /// The pooling window.
    pub fn pool(&self) -> &PoolSpec {
        &self.pool
    }

    /// How frames are cut into tiles.
    pub fn tile_plan(&self) -> &TilePlan {
        &self.tile_plan
    }

    /// The canonical bytes, at most 265: version, scheme, width and height (u16 little endian), kernel, stride, padding,
    /// number of thresholds, thresholds.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.scheme.code()];
        bytes.extend((self.width as u16).to_le_bytes());
        bytes.extend((self.height as u16).to_le_bytes());
        bytes.extend([self.pool.kernel(), self.pool.stride(), self.pool.padding()]);
        bytes.push(self.quantiser.level_count());
        bytes.extend(self.quantiser.thresholds());
        bytes
    }

    /// Reads and checks what [`Self::to_bytes`] wrote; only canonical bytes are accepted.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SpecError> {
        let malformed = || SpecError::Malformed(bytes.len());
        let (head, thresholds) = bytes.split_at_checked(10).ok_or_else(malformed)?;
        let [
            version,
            scheme,
            w0,
            w1,
            h0,
            h1,
            kernel,
            stride,
            padding,
            count,
        ] = head
        else {
            return Err(malformed());
        };
        if *version != VERSION || thresholds.len() != usize::from(*count) {
            return Err(malformed());
        }
        Self::new(
            SchemeId::from_code(*scheme)?,
            u16::from_le_bytes([*w0, *w1]).into(),
            u16::from_le_bytes([*h0, *h1]).into(),
            Quantiser::from_thresholds(thresholds.to_vec())?,
            PoolSpec::new(*kernel, *stride, *padding)?,
        )
    }
}

impl std::fmt::Display for StreamSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kernel, stride, padding) =
            (self.pool.kernel(), self.pool.stride(), self.pool.padding());
        write!(f, "{} {}x{} ", self.scheme, self.width, self.height)?;
        match self.quantiser.bits() {
            Some(bits) => write!(f, "{bits} bits")?,
            None => write!(f, "{} levels", self.quantiser.level_count())?,
        }
        write!(f, " kernel {kernel} stride {stride} padding {padding}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec(scheme: SchemeId, bits: u8, kernel: u8) -> Result<StreamSpec, SpecError> {
        StreamSpec::new(
            scheme,
            24,
            16,
            Quantiser::from_bits(bits)?,
            PoolSpec::new(kernel, 2, 0)?,
        )
    }

    #[test]
    fn bytes_are_golden() {
        let spec = StreamSpec::new(
            SchemeId::Tfhe,
            300,
            16,
            Quantiser::from_thresholds(vec![8, 20, 45]).unwrap(),
            PoolSpec::new(3, 2, 1).unwrap(),
        )
        .unwrap();
        assert_eq!(spec.to_bytes(), [1, 1, 44, 1, 16, 0, 3, 2, 1, 3, 8, 20, 45]);
        assert_eq!(
            spec.to_string(),
            "tfhe 300x16 3 levels kernel 3 stride 2 padding 1"
        );
    }

    #[test]
    fn kernels_of_the_scheme_are_kept() {
        for (kernel, refused) in [(1, true), (2, false), (4, false), (5, true)] {
            let error = SpecError::Kernel {
                scheme: SchemeId::Bfv,
                smallest: 2,
                largest: 4,
                kernel,
            };
            assert_eq!(
                spec(SchemeId::Bfv, 8, kernel).err(),
                refused.then_some(error)
            );
        }
        assert!(spec(SchemeId::Tfhe, 8, 8).is_ok());
        assert!(spec(SchemeId::Plain, 8, 8).is_ok());
        let (bits, pool) = (
            Quantiser::from_bits(4).unwrap(),
            PoolSpec::new(3, 1, 0).unwrap(),
        );
        assert_eq!(
            StreamSpec::new(SchemeId::Tfhe, 8192, 8192, bits, pool)
                .unwrap_err()
                .to_string(),
            "a frame of 8192x8192 pixels is cut into 106470 tiles, at most 65536 are possible; \
             use a smaller size or a larger stride"
        );
    }

    proptest! {
        #[test]
        fn bytes_round_trip_and_nothing_else_is_accepted(
            width in 8u32..9000, height in 8u32..9000, bits in 1u8..=4, kernel in 2u8..=3, stride in 1u8..5, cut in 0usize..30,
        ) {
            let quantiser = Quantiser::from_bits(bits).unwrap();
            let Ok(spec) = StreamSpec::new(SchemeId::Tfhe, width, height, quantiser, PoolSpec::new(kernel, stride, 1).unwrap())
            else { return Ok(()); };
            let bytes = spec.to_bytes();
            prop_assert_eq!(StreamSpec::from_bytes(&bytes), Ok(spec.clone()));
            let mut long = bytes.clone();
            long.push(255);
            prop_assert!(StreamSpec::from_bytes(&long).is_err());
            if cut < bytes.len() {
                prop_assert!(StreamSpec::from_bytes(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = StreamSpec::from_bytes(&bytes);
        }
    }
}
