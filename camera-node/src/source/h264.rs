//! H.264 to luma.

use std::fmt;

use cipherframe::{Frame, FrameError};
use h264_reader::avcc::AvcDecoderConfigurationRecord;
use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::nal::{Nal, RefNal, UnitType};
use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, DecoderConfig, Flush};
use openh264::formats::YUVSource;

/// Why something is not decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum H264Error {
    #[error("its parameter sets are malformed")]
    Configuration,
    #[error("a sample is malformed")]
    Sample,
    #[error("{0}")]
    Decoder(#[from] openh264::Error),
    #[error("a picture is no frame: {0}")]
    NoFrame(#[from] FrameError),
}

/// Decodes one stream. Its pictures come out in the order in which they are shown, which with
/// B-frames is later than they go in. A picture has at most 36864 macroblocks (level 5.2): the
/// library takes no more. It is not exact where there are B-frames: some pixels are a few tones off.
pub(super) struct Decoder {
    library: openh264::decoder::Decoder,
    /// Bytes of the length before each NAL unit.
    length_bytes: usize,
    range: Range,
    /// The sample that is being decoded, with start codes instead of lengths.
    annex_b: Vec<u8>,
}

/// Which values of luma are black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    /// 16 and 235, unless a stream says otherwise.
    Limited,
    /// 0 and 255.
    Full,
}

impl Decoder {
    /// A decoder for what `configuration` describes, an AVCDecoderConfigurationRecord (ISO/IEC
    /// 14496-15) with the parameter sets.
    pub(super) fn new(configuration: &[u8]) -> Result<Decoder, H264Error> {
        // The default flushes after each sample, which fails where there are B-frames.
        let settings = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let api = OpenH264API::from_source();
        let library = openh264::decoder::Decoder::with_api_config(api, settings)?;
        let record = AvcDecoderConfigurationRecord::try_from(configuration);
        let record = record.map_err(|_| H264Error::Configuration)?;
        let mut decoder = Decoder {
            library,
            length_bytes: usize::from(record.length_size_minus_one()) + 1,
            range: Range::Limited,
            annex_b: Vec::new(),
        };
        let sets = record.sequence_parameter_sets();
        for set in sets.chain(record.picture_parameter_sets()) {
            decoder.add_unit(set.map_err(|_| H264Error::Configuration)?);
        }
        decoder.library.decode(&decoder.annex_b)?;
        Ok(decoder)
    }

    /// Decodes one sample: NAL units with their lengths before them.
    pub(super) fn decode(&mut self, mut sample: &[u8]) -> Result<Option<Frame>, H264Error> {
        self.annex_b.clear();
        while let Some((length, rest)) = sample.split_at_checked(self.length_bytes) {
            let length = length
                .iter()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
            let (unit, rest) = rest.split_at_checked(length).ok_or(H264Error::Sample)?;
            self.add_unit(unit);
            sample = rest;
        }
        let picture = self.library.decode(&self.annex_b)?;
        picture
            .map(|picture| luma(&picture, self.range))
            .transpose()
    }

    /// The pictures that are left at the end.
    #[cfg(any(test, feature = "mp4"))]
    pub(super) fn finish(mut self) -> Vec<Frame> {
        let range = self.range;
        let pictures = self.library.flush_remaining().unwrap_or_default();
        let frames = pictures.iter().map(|picture| luma(picture, range));
        frames.filter_map(Result::ok).collect()
    }

    fn add_unit(&mut self, unit: &[u8]) {
        if let Some(range) = range(unit) {
            self.range = range;
        }
        self.annex_b.extend([0, 0, 0, 1]);
        self.annex_b.extend(unit);
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

/// What a sequence parameter set says of the range; `None` for other NAL units.
fn range(unit: &[u8]) -> Option<Range> {
    if unit.is_empty() {
        return None;
    }
    let nal = RefNal::new(unit, &[], true);
    if nal.header().ok()?.nal_unit_type() != UnitType::SeqParameterSet {
        return None;
    }
    let set = SeqParameterSet::from_bits(nal.rbsp_bits()).ok()?;
    let signal = set.vui_parameters.and_then(|vui| vui.video_signal_type);
    Some(match signal {
        Some(signal) if signal.video_full_range_flag => Range::Full,
        _ => Range::Limited,
    })
}

/// The luma plane as a frame, in which 0 is black and 255 is white.
fn luma(picture: &DecodedYUV, range: Range) -> Result<Frame, H264Error> {
    let (width, height) = picture.dimensions();
    let (stride, _, _) = picture.strides();
    // Rows are padded.
    let rows = picture.y().chunks(stride.max(1)).take(height);
    let rows = rows.flat_map(|row| row.iter().take(width));
    let luma = match range {
        Range::Full => rows.copied().collect(),
        Range::Limited => rows.map(|&luma| expanded(luma)).collect(),
    };
    Ok(Frame::new(width as u32, height as u32, luma)?)
}

/// Limited to full range: 16..=235 becomes 0..=255.
fn expanded(luma: u8) -> u8 {
    let luma = u32::from(luma.clamp(16, 235)) - 16;
    ((luma * 255 + 109) / 219) as u8
}

#[cfg(test)]
mod tests {
    use openh264::encoder::{Encoder, EncoderConfig, QpRange, VuiConfig};
    use openh264::formats::YUVSlices;

    use super::*;

    const WIDTH: usize = 64;
    /// No multiple of a macroblock.
    const HEIGHT: usize = 50;

    /// Every tone, four pixels wide.
    fn picture() -> Vec<u8> {
        (0..WIDTH * HEIGHT).map(|pixel| (pixel / 4) as u8).collect()
    }

    /// The NAL units of one picture, whose luma is `luma`.
    fn encode(luma: &[u8], vui: Option<VuiConfig>) -> Vec<Vec<u8>> {
        let config = EncoderConfig::new().qp(QpRange::new(0, 1));
        let config = vui.map_or(config, |vui| config.vui(vui));
        let api = OpenH264API::from_source();
        let mut encoder = Encoder::with_api_config(api, config).unwrap();
        let grey = vec![128; luma.len() / 4];
        let strides = (WIDTH, WIDTH / 2, WIDTH / 2);
        let slices = YUVSlices::new((luma, &grey, &grey), (WIDTH, HEIGHT), strides);
        let stream = encoder.encode(&slices).unwrap().to_vec();
        let units = openh264::nal_units(&stream).map(|unit| {
            let start_code = unit.iter().position(|byte| *byte == 1).unwrap() + 1;
            unit[start_code..].to_vec()
        });
        units.collect()
    }

    /// The configuration record for parameter sets, with lengths of two bytes.
    fn record(sequence: &[u8], picture: &[u8]) -> Vec<u8> {
        let mut record = vec![1, sequence[1], sequence[2], sequence[3], 0xfd];
        for (count, set) in [(0xe1, sequence), (1, picture)] {
            record.push(count);
            record.extend((set.len() as u16).to_be_bytes());
            record.extend(set);
        }
        record
    }

    fn sample(units: &[Vec<u8>]) -> Vec<u8> {
        let unit = |unit: &Vec<u8>| [&(unit.len() as u16).to_be_bytes(), unit.as_slice()].concat();
        units.iter().flat_map(unit).collect()
    }

    /// Encodes a picture and decodes it.
    fn decoded(luma: &[u8], vui: Option<VuiConfig>) -> Frame {
        let units = encode(luma, vui);
        let mut decoder = Decoder::new(&record(&units[0], &units[1])).unwrap();
        let early = decoder.decode(&sample(&units[2..])).unwrap();
        let mut frames: Vec<Frame> = early.into_iter().chain(decoder.finish()).collect();
        assert_eq!(frames.len(), 1);
        frames.remove(0)
    }

    #[test]
    fn luma_is_that_of_the_picture_in_both_ranges() {
        let picture = picture();
        let limited: Vec<u8> = picture
            .iter()
            .map(|&tone| (16.0 + f64::from(tone) * 219.0 / 255.0).round() as u8)
            .collect();
        for (luma, vui) in [
            (&limited, None),
            (&limited, Some(VuiConfig::bt709())),
            (&picture, Some(VuiConfig::bt709_full())),
        ] {
            let frame = decoded(luma, vui);
            assert_eq!((frame.width(), frame.height()), (64, 50));
            for (&found, &tone) in frame.luma().iter().zip(&picture) {
                assert!(found.abs_diff(tone) <= 6, "{found} is not {tone}: {vui:?}");
            }
        }
    }

    #[test]
    fn limited_range_ends_at_black_and_white() {
        let tones = [0, 16, 17, 125, 234, 235, 255].map(expanded);
        assert_eq!(tones, [0, 0, 1, 127, 254, 255, 255]);
    }

    #[test]
    fn malformed_input_is_refused() {
        let units = encode(&picture(), None);
        let record = record(&units[0], &units[1]);
        for cut in 0..record.len() {
            assert!(Decoder::new(&record[..cut]).is_err(), "{cut}");
        }
        let mut decoder = Decoder::new(&record).unwrap();
        let sample = sample(&units[2..]);
        let error = decoder.decode(&sample[..sample.len() - 1]).unwrap_err();
        assert!(matches!(error, H264Error::Sample), "{error}");
        // A unit without a byte is none.
        assert!(matches!(decoder.decode(&[0, 0]), Ok(None)));
    }
}
