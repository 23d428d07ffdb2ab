//! Which streams the demo runs, and what each is unless options say otherwise.
//!
//! `live` shows what runs at the rate of a camera, `compact` what short ciphertexts cost in time. Each has a camera of
//! its own that opens the same folder.

use crate::stream_args::{Defaults, Levels, Size, StreamArgs};
use camera_node::Feature;
use cipherframe::{SchemeId, StreamSpec};
use std::str::FromStr;
use std::time::Duration;
use wire::failure::Failure;
use wire::name::Name;

/// What `--scheme` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    /// The streams `live` and `compact`.
    Both,
    /// The one stream of a scheme.
    One(SchemeId),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "both" {
            return Ok(Self::Both);
        }
        let scheme = SchemeId::from_str(text);
        scheme
            .map(Self::One)
            .map_err(|_| format!("unknown scheme `{text}`; known are: both, bfv, tfhe, plain"))
    }
}

/// A stream of the demo: one camera.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Stream {
    /// Name of the stream and of its camera.
    pub(crate) camera: Name,
    /// Scheme, size, levels and window.
    pub(crate) spec: StreamSpec,
    /// What a pixel is.
    pub(crate) feature: Feature,
    /// How long a receipt is waited for at least; longer where receipts take longer.
    pub(crate) receipt_timeout: Duration,
}

impl Choice {
    /// The streams asked for. Options that are given hold for each of them.
    pub(crate) fn streams(
        self,
        args: &StreamArgs,
        feature: Option<Feature>,
    ) -> Result<Vec<Stream>, Failure> {
        let presets = match self {
            Self::Both => vec![Preset::of(SchemeId::Bfv), Preset::of(SchemeId::Tfhe)],
            Self::One(scheme) => vec![Preset::of(scheme)],
        };
        let stream = |preset: &Preset| {
            Ok(Stream {
                camera: super::name(preset.camera),
                spec: args.spec(preset.scheme, &preset.defaults)?,
                feature: feature.unwrap_or(preset.feature),
                receipt_timeout: preset.receipt_timeout,
            })
        };
        presets.iter().map(stream).collect()
    }
}

/// What the stream of a scheme is where no option says otherwise.
struct Preset {
    scheme: SchemeId,
    camera: &'static str,
    defaults: Defaults,
    feature: Feature,
    receipt_timeout: Duration,
}

impl Preset {
    fn of(scheme: SchemeId) -> Self {
        // The camera of scheme plain is not named after it: `DataFolder` has a folder of that name.
        let (camera, defaults, feature, seconds) = match scheme {
            // One tile for each frame: 1296 windows at 3 levels fill 3888 of 4096 slots.
            SchemeId::Bfv => {
                let size = Size {
                    width: 96,
                    height: 54,
                };
                let levels = Levels::Thresholds(&[8, 20, 45]);
                ("live", Defaults { size, levels }, Feature::Motion, 60)
            }
            // Large frames take minutes.
            SchemeId::Tfhe => ("compact", Defaults::SMALL, Feature::Luma, 600),
            SchemeId::Plain => ("clear", Defaults::SMALL, Feature::Luma, 60),
        };
        Self {
            scheme,
            camera,
            defaults,
            feature,
            receipt_timeout: Duration::from_secs(seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, specification and feature of each stream.
    fn described(scheme: &str, args: &StreamArgs, feature: Option<Feature>) -> Vec<String> {
        let streams = scheme.parse::<Choice>().unwrap().streams(args, feature);
        let described = |stream: Stream| {
            let Stream {
                camera,
                spec,
                feature,
                ..
            } = stream;
            format!("{camera}: {spec}, {feature}")
        };
        streams.unwrap().into_iter().map(described).collect()
    }

    #[test]
    fn each_scheme_has_a_stream_and_both_means_live_and_compact() {
        let plain = StreamArgs {
            insecure_plain: true,
            ..StreamArgs::default()
        };
        let live = "live: bfv 96x54 3 levels kernel 2 stride 2 padding 0, motion";
        let compact = "compact: tfhe 16x16 4 bits kernel 2 stride 2 padding 0, luma";
        let clear = "clear: plain 16x16 4 bits kernel 2 stride 2 padding 0, luma";
        for (scheme, expected) in [
            ("both", &[live, compact][..]),
            ("bfv", &[live]),
            ("tfhe", &[compact]),
            ("plain", &[clear]),
        ] {
            assert_eq!(described(scheme, &plain, None), expected);
        }
    }

    #[test]
    fn a_frame_of_the_live_stream_is_one_tile() {
        let streams = Choice::Both.streams(&StreamArgs::default(), None).unwrap();
        assert!(
            streams
                .iter()
                .all(|stream| stream.spec.tile_plan().tile_count() == 1)
        );
    }

    #[test]
    fn options_replace_one_default_each_in_every_stream() {
        let args = StreamArgs {
            bits: Some(2),
            kernel: Some(3),
            ..StreamArgs::default()
        };
        assert_eq!(
            described("both", &args, Some(Feature::Luma)),
            [
                "live: bfv 96x54 2 bits kernel 3 stride 2 padding 0, luma",
                "compact: tfhe 16x16 2 bits kernel 3 stride 2 padding 0, luma"
            ]
        );
        let size = Some("64x64".parse().unwrap());
        let args = StreamArgs {
            size,
            ..StreamArgs::default()
        };
        assert_eq!(
            described("bfv", &args, None),
            ["live: bfv 64x64 3 levels kernel 2 stride 2 padding 0, motion"]
        );
    }

    #[test]
    fn plain_is_never_part_of_both_and_wants_its_option() {
        let failure = Choice::One(SchemeId::Plain).streams(&StreamArgs::default(), None);
        assert_eq!(failure.unwrap_err().what, "scheme plain encrypts nothing");
        let unknown = "rot13".parse::<Choice>().unwrap_err();
        assert_eq!(
            unknown,
            "unknown scheme `rot13`; known are: both, bfv, tfhe, plain"
        );
    }
}
