use std::fs;
use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::source::media::{self, Media};

const WALK: &[u8] = include_bytes!("../../../../tests/data/walk.mp4");
const FRAGMENTS: &[u8] = include_bytes!("../../../../tests/data/fragments.mp4");
/// The frames of each.
const FRAMES: usize = 32;

/// Plays a file: its frames, and what was wrong with it.
fn play(bytes: &[u8]) -> (Vec<Frame>, String) {
    let mut video = match Mp4::open(Cursor::new(bytes.to_vec())) {
        Ok(video) => video,
        Err(error) => return (Vec::new(), error.to_string()),
    };
    let mut frames = Vec::new();
    loop {
        match video.next() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, "whole".to_owned()),
            Err(error) => return (frames, error.to_string()),
        }
    }
}

/// The pictures that the files were made from.
fn originals() -> Vec<Frame> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/1-walk");
    let names = (0..FRAMES).map(|index| format!("{folder}/{index:03}.png"));
    let pictures = names.map(|name| media::open(name.as_ref()).unwrap());
    pictures
        .map(|picture| match picture {
            Media::Picture(frame) => frame,
            Media::Video(_) => panic!("a PNG is no video"),
        })
        .collect()
}

/// The mean difference of pixels, and the mean absolute difference.
fn differences(a: &Frame, b: &Frame) -> (f64, f64) {
    let pairs = || a.luma().iter().zip(b.luma());
    let sum: i64 = pairs().map(|(&a, &b)| i64::from(a) - i64::from(b)).sum();
    let absolute: i64 = pairs().map(|(&a, &b)| i64::from(a.abs_diff(b))).sum();
    let pixels = a.luma().len() as f64;
    (sum as f64 / pixels, absolute as f64 / pixels)
}

#[test]
fn frames_come_in_order_and_are_the_pictures_that_they_were_made_from() {
    let originals = originals();
    for (name, bytes) in [("limited", WALK), ("full", FRAGMENTS)] {
        let (frames, verdict) = play(bytes);
        assert_eq!(
            (frames.len(), verdict.as_str()),
            (FRAMES, "whole"),
            "{name}"
        );
        for (index, frame) in frames.iter().enumerate() {
            assert_eq!((frame.width(), frame.height()), (160, 90));
            let (mean, absolute) = differences(frame, &originals[index]);
            assert!(
                mean.abs() < 1.0 && absolute < 8.0,
                "{name} {index}: {mean} {absolute}"
            );
            let nearest = (0..FRAMES).min_by(|&a, &b| {
                let distance = |other: usize| differences(frame, &originals[other]).1;
                distance(a).total_cmp(&distance(b))
            });
            assert_eq!(nearest, Some(index), "{name}");
        }
    }
}

#[test]
fn of_a_file_that_is_cut_off_the_beginning_is_played() {
    for bytes in [WALK, FRAGMENTS] {
        let (frames, verdict) = play(&bytes[..bytes.len() * 2 / 3]);
        assert!((10..FRAMES).contains(&frames.len()), "{}", frames.len());
        assert_eq!(
            verdict,
            format!("it breaks off after {} frames", frames.len())
        );
        assert!(frames == play(bytes).0[..frames.len()]);
    }
}

/// Where a text is for the last time: kinds of boxes may be brands of the file before.
fn find(bytes: &[u8], text: &[u8]) -> usize {
    let found = bytes.windows(text.len()).rposition(|window| window == text);
    found.unwrap()
}

#[test]
fn a_sample_that_cannot_be_decoded_is_counted_and_the_rest_is_played() {
    let mut bytes = WALK.to_vec();
    let track = read_index(&mut Cursor::new(WALK)).unwrap().0;
    let sample = track.samples[20];
    let start = sample.offset as usize;
    // The length of its first NAL unit.
    bytes[start..start + 4].fill(0xff);
    let (frames, verdict) = play(&bytes);
    let expected = format!("{} frames of it were decoded, ", frames.len());
    assert!(verdict.starts_with(&expected), "{verdict}");
    assert!(
        verdict.ends_with(" were not: a sample is malformed"),
        "{verdict}"
    );
    assert!((20..FRAMES).contains(&frames.len()), "{}", frames.len());
}

#[test]
fn files_without_an_index_or_without_h264_say_so() {
    let without = |kind: &[u8; 4]| {
        let mut bytes = WALK.to_vec();
        let at = find(&bytes, kind);
        bytes[at..at + 4].copy_from_slice(b"none");
        play(&bytes).1
    };
    assert_eq!(
        without(b"moov"),
        "it is an MP4 file without an index (moov): it was cut off or is still being written"
    );
    assert_eq!(without(b"avc1"), "it is an MP4 file without H.264 video");
    for table in [b"stsz", b"stco", b"stsc", b"tkhd"] {
        let malformed = "it is an MP4 file whose index is malformed";
        assert_eq!(without(table), malformed, "{}", table.escape_ascii());
    }
    let sets = "it is H.264 video that cannot be decoded: its parameter sets are malformed";
    let mut bytes = WALK.to_vec();
    let record = find(&bytes, b"avcC") + 4;
    bytes[record] = 9;
    assert_eq!(play(&bytes).1, sets);
}

#[test]
fn no_memory_is_given_to_samples_that_are_only_claimed() {
    let mut bytes = WALK.to_vec();
    // All samples of one size, and 4294967295 of them in the first chunk.
    let sizes = find(&bytes, b"stsz") + 8;
    bytes[sizes..sizes + 8].copy_from_slice(&[0, 0, 0, 1, 255, 255, 255, 255]);
    let per_chunk = find(&bytes, b"stsc") + 16;
    bytes[per_chunk..per_chunk + 4].fill(255);
    assert_eq!(
        play(&bytes).1,
        "it is an MP4 file with more than 4194304 samples"
    );
    let mut bytes = WALK.to_vec();
    let moov = find(&bytes, b"moov");
    bytes[moov - 4..moov].copy_from_slice(&u32::to_be_bytes(80 << 20));
    bytes.resize(81 << 20, 0);
    assert_eq!(
        play(&bytes).1,
        "its index has 83886072 bytes, more than 67108864"
    );
}

/// The footage that lies beside some checkouts.
#[test]
fn every_frame_of_a_real_video_comes_out() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/video/pets2009-campus.mp4"
    );
    let Ok(bytes) = fs::read(path) else {
        // Not through `eprintln!`, which tests that pass keep to themselves.
        let line = format!("skipped: {path} is not there\n");
        io::Write::write_all(&mut io::stderr(), line.as_bytes()).unwrap();
        return;
    };
    let (frames, verdict) = play(&bytes);
    assert_eq!((frames.len(), verdict.as_str()), (795, "whole"));
    assert!(
        frames
            .iter()
            .all(|frame| (frame.width(), frame.height()) == (480, 360))
    );
    // The camera stands still: frames in order differ little from the one before.
    let steps = frames
        .windows(2)
        .map(|pair| differences(&pair[0], &pair[1]).1);
    let largest = steps.fold(0.0, f64::max);
    assert!(largest < 12.0, "{largest}");
}

proptest! {
    #[test]
    fn a_damaged_index_is_refused_or_gives_bounded_samples(
        is_whole: bool, at in 0_usize..2_500, byte: u8, length in 0_usize..8_000,
    ) {
        for bytes in [WALK, FRAGMENTS] {
            let mut bytes = bytes.to_vec();
            let at = at.min(bytes.len() - 1);
            bytes[at] = byte;
            if !is_whole {
                bytes.truncate(length);
            }
            if let Ok((track, _)) = read_index(&mut Cursor::new(bytes)) {
                prop_assert!(track.samples.len() <= index::MAX_SAMPLES);
            }
        }
    }
}
