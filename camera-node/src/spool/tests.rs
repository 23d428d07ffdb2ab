use wire::message::{FrameId, SessionId};

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A frame of `session` with tiles of a few bytes.
fn frame(session: u8, seq: u64) -> EncryptedFrame {
    let tiles: Vec<Vec<u8>> = vec![vec![seq as u8; 100], vec![], vec![9; 7]];
    EncryptedFrame {
        header: TileHeader {
            frame: FrameId {
                site: name("demo"),
                camera: name("gate"),
                session: SessionId::from_bytes([session; 16]),
                seq,
            },
            tile: 0,
            tiles: tiles.len() as u32,
            captured_unix_ms: 5,
            session_unix_ms: 1,
            oldest: seq,
            dropped: 0,
            spec: vec![1, 2, 3],
            parameters: [3; 16],
            key_id: [4; 16],
        },
        tiles,
    }
}

fn open(folder: &Path) -> (Spool, Found) {
    Spool::open(folder, 10_000, &name("demo"), &name("gate")).unwrap()
}

fn keys(frames: &[EncryptedFrame]) -> Vec<FrameKey> {
    frames.iter().map(EncryptedFrame::key).collect()
}

/// The files with frames in a spool, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
        .collect();
    files.sort();
    files
}

#[test]
fn frames_come_back_after_a_restart_in_the_order_of_their_capture() {
    let folder = tempfile::tempdir().unwrap();
    let first = [frame(9, 3), frame(9, 10)];
    let later = [frame(1, 0), frame(1, 1)];
    for frames in [&first, &later] {
        let (mut spool, _) = open(folder.path());
        frames.iter().for_each(|frame| spool.write(frame).unwrap());
    }
    let (mut spool, found) = open(folder.path());
    assert_eq!(found.frames, keys(&[first.clone(), later.clone()].concat()));
    assert_eq!(found.torn, 0);
    for frame in first.iter().chain(&later) {
        assert_eq!(&spool.read(frame.key()).unwrap().unwrap(), frame);
    }
    spool.remove(first[0].key());
    assert!(spool.read(first[0].key()).is_none());
    // A run of its own, whatever numbers it gives.
    spool.write(&frame(2, 3)).unwrap();
    drop(spool);
    let expected = [
        first[1].clone(),
        later[0].clone(),
        later[1].clone(),
        frame(2, 3),
    ];
    assert_eq!(open(folder.path()).1.frames, keys(&expected));
}

/// As they are counted for a stream, so that what was sent before fits again.
#[test]
fn the_largest_frame_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, found) = open(folder.path());
    assert_eq!(found.largest, FrameSize::default());
    let mut large = frame(9, 4);
    large.tiles[1] = vec![5; 300];
    for frame in [&frame(9, 3), &large, &frame(9, 5)] {
        spool.write(frame).unwrap();
    }
    drop(spool);
    let expected = FrameSize {
        bytes: 100 + 300 + 7 + 3 * MESSAGE_OVERHEAD_BYTES,
        largest_message: 300 + MESSAGE_OVERHEAD_BYTES,
    };
    let (spool, found) = open(folder.path());
    assert_eq!(found.largest, expected);
    drop(spool);
    // A damaged file says nothing about sizes.
    let file = &files(folder.path())[1];
    let mut bytes = fs::read(file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(file, bytes).unwrap();
    let (_spool, found) = open(folder.path());
    assert_eq!((found.torn, found.frames.len()), (1, 2));
    assert_eq!(found.largest.largest_message, 100 + MESSAGE_OVERHEAD_BYTES);
}

#[test]
fn its_bytes_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path());
    spool.write(&frame(1, 0)).unwrap();
    let bytes = fs::metadata(&files(folder.path())[0]).unwrap().len();
    assert!(spool.usage().has_room(10_000 - bytes) && !spool.usage().has_room(10_001 - bytes));
    spool.remove(frame(1, 0).key());
    assert!(spool.usage().has_room(10_000) && !spool.usage().has_room(10_001));
}

#[test]
fn a_torn_file_is_dropped_with_a_count_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path());
    (0..5).for_each(|seq| spool.write(&frame(1, seq)).unwrap());
    drop(spool);
    let files = files(folder.path());
    let shorten = |file: &Path, bytes| {
        let file = OpenOptions::new().write(true).open(file).unwrap();
        file.set_len(bytes).unwrap();
    };
    shorten(&files[0], 0);
    shorten(&files[1], 100);
    fs::write(
        &files[2],
        b"something else that somebody has put here, longer than the start of a file",
    )
    .unwrap();
    fs::write(
        folder
            .path()
            .join("0000000001-00000000000000000009.frame.77.new"),
        b"half",
    )
    .unwrap();
    fs::write(folder.path().join("notes.txt"), b"not ours").unwrap();
    let (_spool, found) = open(folder.path());
    assert_eq!(found.torn, 3);
    assert_eq!(found.frames, keys(&[frame(1, 3), frame(1, 4)]));
    assert!(
        !folder
            .path()
            .join("0000000001-00000000000000000009.frame.77.new")
            .exists()
    );
    assert!(folder.path().join("notes.txt").exists());
}

#[test]
fn every_changed_byte_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path());
    let frame = frame(1, 0);
    spool.write(&frame).unwrap();
    let file = &files(folder.path())[0];
    let whole = fs::read(file).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(file, &bytes).unwrap();
        let read = spool.read(frame.key()).unwrap();
        assert!(
            matches!(read, Err(ReadError::Torn(_))),
            "byte {at}: {read:?}"
        );
    }
}

#[test]
fn a_spool_belongs_to_one_camera_and_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path());
    let refused = |camera: &str| {
        let opened = Spool::open(folder.path(), 10_000, &name("demo"), &name(camera));
        opened.unwrap_err()
    };
    let used = refused("gate");
    assert_eq!(used.kind, FailureKind::Configuration);
    assert!(
        used.what.starts_with("another process uses the spool "),
        "{used}"
    );
    spool.write(&frame(1, 0)).unwrap();
    drop(spool);
    let foreign = refused("yard");
    assert_eq!(foreign.kind, FailureKind::Configuration);
    assert!(
        foreign
            .what
            .ends_with(" holds frames of the camera `gate` of the site `demo`"),
        "{foreign}"
    );
}

#[test]
fn files_are_for_the_camera_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let spool_folder = folder.path().join("spool");
    let (mut spool, _) = open(&spool_folder);
    spool.write(&frame(1, 0)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&spool_folder), 0o700);
    assert_eq!(mode(&files(&spool_folder)[0]), 0o600);
}
