//! The folder `samples/` holds exactly the frames that `camera-node render-samples` renders.

use std::fs;
use std::path::{Path, PathBuf};

use camera_node::samples;
use camera_node::source::synthetic::{SAMPLES_SEED, SyntheticSource};
use camera_node::source::{FolderSource, Pull, Repeat, Source, SourceFrame};

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples")
}

/// Every frame of a source; no file may be skipped.
fn frames(mut source: impl Source) -> Vec<SourceFrame> {
    let mut frames = Vec::new();
    loop {
        match source.next().unwrap() {
            Pull::Frame(frame) => frames.push(frame),
            Pull::Skipped { file, reason } => panic!("{} is skipped: {reason}", file.display()),
            Pull::End => return frames,
        }
    }
}

/// Compares decoded pixels: another version of the PNG encoder may write other bytes.
fn assert_same(folder: &Path) {
    let read = frames(FolderSource::open(folder, None, Repeat::Once).unwrap());
    let rendered = frames(SyntheticSource::new(SAMPLES_SEED, None, Repeat::Once));
    assert_eq!(read.len(), rendered.len());
    for (read, rendered) in read.iter().zip(&rendered) {
        let name = format!("{} {}", rendered.clip, rendered.index);
        assert_eq!((&read.clip, read.index), (&rendered.clip, rendered.index));
        assert!(
            read.frame == rendered.frame,
            "{name}: the pixels differ; render samples/ again"
        );
    }
}

#[test]
fn the_committed_samples_are_what_the_renderer_makes() {
    assert_same(&committed());
}

#[test]
fn a_fresh_rendering_replaces_an_old_one() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("new/samples");
    assert_eq!(samples::render(&out).unwrap(), 64);
    assert_eq!(samples::render(&out).unwrap(), 64);
    assert_same(&out);
}

#[test]
fn the_samples_stay_small() {
    let mut total = 0;
    for clip in fs::read_dir(committed()).unwrap() {
        let clip = clip.unwrap().path();
        if clip.is_dir() {
            let files = fs::read_dir(clip).unwrap();
            total += files
                .map(|file| file.unwrap().metadata().unwrap().len())
                .sum::<u64>();
        }
    }
    assert!(total < 900_000, "{total} bytes");
}

#[test]
fn a_folder_that_cannot_be_made_is_a_two_part_error() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let failure = samples::render(&file).unwrap_err();
    let expected = format!(
        "writing {}/1-walk/000.png failed: Not a directory (os error 20)\n  \
         help: check the path, who may write there and the free space",
        file.display()
    );
    assert_eq!(failure.to_string(), expected);
}
