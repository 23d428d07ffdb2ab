//! Folders of pictures and videos as a source.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use camera_node::source::{FolderSource, Pull, Repeat, Source, SourceFrame};
use image::GrayImage;

const WALK: &[u8] = include_bytes!("data/walk.mp4");
/// Its frames.
const FRAMES: usize = 32;

fn picture(path: &Path) {
    GrayImage::new(2, 2).save(path).unwrap();
}

/// Pulls until the end, or so many times.
fn pulls(folder: &Path, repeat: Repeat, count: usize) -> (Vec<SourceFrame>, Vec<String>) {
    let mut source = FolderSource::open(folder, None, repeat).unwrap();
    let (mut frames, mut skipped) = (Vec::new(), Vec::new());
    for _ in 0..count {
        match source.next().unwrap() {
            Pull::Frame(frame) => frames.push(frame),
            Pull::Skipped { file, reason } => {
                let name = file.strip_prefix(folder).unwrap().display();
                skipped.push(format!("{name}: {reason}"));
            }
            Pull::End => break,
        }
    }
    (frames, skipped)
}

/// The clips with the places of their frames, frames that follow each other in one line.
fn clips(frames: &[SourceFrame]) -> Vec<String> {
    let follows = |a: &SourceFrame, b: &SourceFrame| a.clip == b.clip && a.index + 1 == b.index;
    let runs = frames.chunk_by(follows);
    let line = |run: &[SourceFrame]| match run {
        [one] => format!("{} {}", one.clip, one.index),
        [first, .., last] => format!("{} {}..={}", first.clip, first.index, last.index),
        [] => unreachable!("a run has a frame"),
    };
    runs.map(line).collect()
}

#[test]
fn a_video_is_a_clip_among_the_pictures_of_its_folder() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("yard");
    fs::create_dir_all(folder.join("night")).unwrap();
    picture(&folder.join("1.png"));
    fs::write(folder.join("2.mp4"), WALK).unwrap();
    picture(&folder.join("3.jpg"));
    fs::write(folder.join("10.m4v"), &WALK[..WALK.len() * 2 / 3]).unwrap();
    fs::write(folder.join("11.bmp"), "a text").unwrap();
    fs::write(folder.join("night/2.mp4"), WALK).unwrap();
    let (frames, skipped) = pulls(&folder, Repeat::Once, usize::MAX);
    let of_cut = frames.iter().filter(|frame| frame.clip == "10.m4v").count();
    assert!((10..FRAMES).contains(&of_cut), "{of_cut}");
    let expected = [
        "yard 0".to_owned(),
        "2.mp4 0..=31".to_owned(),
        "yard 2".to_owned(),
        format!("10.m4v 0..={}", of_cut - 1),
        "night/2.mp4 0..=31".to_owned(),
    ];
    assert_eq!(clips(&frames), expected);
    let said = [
        format!("10.m4v: it breaks off after {of_cut} frames"),
        "11.bmp: it is neither an image (PNG, JPEG, BMP, TIFF, WebP) nor a video".to_owned(),
    ];
    assert_eq!(skipped, said);
    // When looping nothing is said again, and what is good is played again.
    let (looped, said_once) = pulls(&folder, Repeat::Forever, 2 * frames.len() + said.len());
    assert_eq!(said_once, said);
    assert_eq!(clips(&looped), [expected.as_slice(), &expected].concat());
}

#[test]
fn other_containers_are_played_by_ffmpeg() {
    let root = tempfile::tempdir().unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/walk.mp4");
    let mkv = root.path().join("walk.mkv");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-i", source, "-c", "copy"])
        .arg(&mkv)
        .status();
    if let Err(error) = made {
        // Not through `eprintln!`, which tests that pass keep to themselves.
        let line = format!("skipped: ffmpeg does not run: {error}\n");
        io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    }
    assert!(made.unwrap().success());
    fs::copy(source, root.path().join("walk.mp4")).unwrap();
    fs::write(root.path().join("zero.avi"), "a text").unwrap();
    let (frames, skipped) = pulls(root.path(), Repeat::Once, usize::MAX);
    assert_eq!(clips(&frames), ["walk.mkv 0..=31", "walk.mp4 0..=31"]);
    let (theirs, ours) = frames.split_at(FRAMES);
    for (theirs, ours) in theirs.iter().zip(ours) {
        let pairs = theirs.frame.luma().iter().zip(ours.frame.luma());
        let differ: Vec<u8> = pairs
            .map(|(a, b)| a.abs_diff(*b))
            .filter(|d| *d > 1)
            .collect();
        // openh264 is not exact where there are B-frames.
        let largest = differ.iter().max();
        assert!(
            largest <= Some(&8) && differ.len() < ours.frame.luma().len() / 100,
            "{} {largest:?} {}",
            ours.index,
            differ.len()
        );
    }
    let [skipped] = skipped.as_slice() else {
        panic!("one file is no video: {skipped:?}")
    };
    let said = "zero.avi: `ffmpeg` decoded 0 frames of it and said: ";
    assert!(skipped.starts_with(said), "{skipped}");
}
