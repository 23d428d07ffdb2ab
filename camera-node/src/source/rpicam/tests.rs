use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use cipherframe::Frame;

use super::*;
use crate::source::camera::CameraSource;
use crate::source::{Source, WhenLost};

/// A program that behaves as `rpicam-vid` does.
struct Fake {
    folder: tempfile::TempDir,
}

impl Fake {
    /// A program that gives the single frame that it is asked for first, and then does what `run`, a
    /// shell script, says. Pictures are 100x4 pixels in rows of 128 bytes; pixels have the tone of the
    /// frame's number plus that of their row.
    fn new(run: &str) -> Fake {
        let fake = Fake {
            folder: tempfile::tempdir().unwrap(),
        };
        for number in 1..=3 {
            let row = |row: u8| {
                let tone = 10 * number + row;
                [vec![tone; 100], vec![255; 28]].concat()
            };
            let luma: Vec<u8> = (0..4).flat_map(row).collect();
            let frame = [luma, vec![128; 128 * 2]].concat();
            fs::write(fake.path(&number.to_string()), frame).unwrap();
        }
        let script = format!(
            "#!/bin/sh\ncd \"${{0%/*}}\"\necho \"$@\" >> calls\n\
             case \"$*\" in *\"--frames 1\"*) cat 1; exit;; esac\n{run}\n"
        );
        fs::write(fake.path("script"), script).unwrap();
        // By another process: a program that is open for writing here, or in what another test has
        // just forked, would not start.
        let copied = Command::new("install")
            .args(["-m", "755"])
            .args([fake.path("script"), fake.path("rpicam-vid")])
            .status();
        assert!(copied.unwrap().success());
        fake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn camera(&self) -> Rpicam {
        camera(&[&self.path("missing"), &self.path("rpicam-vid")])
    }

    /// What a failure says, without the folder.
    fn said(&self, failure: &Failure) -> String {
        let folder = format!("{}/", self.folder.path().display());
        failure.what.replace(&folder, "")
    }
}

fn camera(programs: &[&Path]) -> Rpicam {
    Rpicam {
        config: RpicamConfig {
            camera: 1,
            width: 100,
            height: 4,
            fps: 12.5,
        },
        programs: programs.iter().map(OsString::from).collect(),
        patience: Duration::from_secs(1),
    }
}

/// The next frame or failure, however long that takes.
fn next(shots: &mut RpicamShots) -> Result<Frame, Failure> {
    loop {
        if let Some(shot) = shots.next()? {
            return Ok(shot.frame);
        }
    }
}

/// Connects, for as long as that takes.
fn connect(mut camera: Rpicam) -> Result<RpicamShots, Failure> {
    let shots = camera.connect(&CancellationToken::new())?;
    Ok(shots.expect("nobody stops it"))
}

/// The tones of the rows of a frame whose rows have one tone each.
fn tones(frame: &Frame) -> Vec<u8> {
    let rows: Vec<&[u8]> = frame.luma().chunks(100).collect();
    assert!(
        rows.iter()
            .all(|row| row.iter().all(|tone| *tone == row[0]))
    );
    rows.iter().map(|row| row[0]).collect()
}

#[test]
fn the_luma_of_padded_frames_is_taken_however_their_bytes_come() {
    let fake = Fake::new("cat 2; head -c 500 3; sleep 0.1; tail -c +501 3; exec sleep 600");
    let mut shots = connect(fake.camera()).unwrap();
    let (first, second) = (next(&mut shots).unwrap(), next(&mut shots).unwrap());
    assert_eq!((first.width(), first.height()), (100, 4));
    assert_eq!(tones(&first), [20, 21, 22, 23]);
    assert_eq!(tones(&second), [30, 31, 32, 33]);
    let options = "-t 0 -n --flush --codec yuv420 --camera 1 --width 100 --height 4 \
                   --framerate 12.5 -o -";
    assert_eq!(
        fake.read("calls"),
        format!("{options} --frames 1\n{options}\n")
    );
}

#[test]
fn a_program_that_is_not_installed_is_an_error_with_its_package() {
    let failure = connect(camera(&[Path::new("/nowhere/rpicam-vid")]))
        .err()
        .unwrap();
    assert_eq!(
        failure.to_string(),
        "`rpicam-vid`, which takes the frames of the camera, is not installed\n  \
         help: install the package rpicam-apps-lite of Raspberry Pi OS (libcamera-apps-lite on older \
         ones)"
    );
}

#[test]
fn what_the_program_said_last_is_told_when_it_ends() {
    let fake = Fake::new("cat 2; echo one >&2; echo 'ERROR: *** device lost ***' >&2; exit 255");
    let mut shots = connect(fake.camera()).unwrap();
    assert!(next(&mut shots).is_ok());
    let failure = next(&mut shots).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert_eq!(
        fake.said(&failure),
        "`rpicam-vid` ended with exit status: 255; it said: one / ERROR: *** device lost ***"
    );
}

#[test]
fn a_program_that_gives_no_first_frame_is_an_error_at_once() {
    let fake = Fake::new("");
    fs::write(fake.path("1"), "").unwrap();
    let failure = connect(fake.camera()).err().unwrap();
    assert_eq!(
        fake.said(&failure),
        "`rpicam-vid` ended with exit status: 0"
    );
}

#[test]
fn a_frame_of_another_size_is_refused_and_an_endless_one_is_not_read_to_its_end() {
    let refused = |frame: &[u8]| {
        let fake = Fake::new("");
        fs::write(fake.path("1"), frame).unwrap();
        let failure = connect(fake.camera()).err().unwrap();
        fake.said(&failure)
    };
    let error = |bytes: usize| {
        format!(
            "a frame of `rpicam-vid` has {bytes} bytes, which is no YUV 4:2:0 picture of 100x4 pixels"
        )
    };
    assert_eq!(refused(&[0; 767]), error(767));
    let longest = Layout::longest(100, 4);
    assert_eq!(refused(&vec![0; 10 * longest]), error(longest + 1));
}

#[test]
fn a_program_that_stalls_is_a_failure() {
    let fake = Fake::new("cat 2; echo waiting >&2; exec sleep 600");
    let mut shots = connect(fake.camera()).unwrap();
    assert!(next(&mut shots).is_ok());
    let failure = next(&mut shots).unwrap_err();
    assert_eq!(
        fake.said(&failure),
        "`rpicam-vid` has given no picture for 1 s; it said: waiting"
    );
}

#[test]
fn who_waits_for_the_first_frame_can_be_stopped() {
    let fake = Fake::new("");
    // A frame that nobody ever writes.
    fs::remove_file(fake.path("1")).unwrap();
    let made = Command::new("mkfifo").arg(fake.path("1")).status();
    assert!(made.unwrap().success());
    let mut camera = fake.camera();
    camera.patience = Duration::from_secs(600);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let connecting = thread::spawn(move || camera.connect(&stopped).map(|shots| shots.is_none()));
    while !fake.path("calls").exists() {
        thread::sleep(Duration::from_millis(10));
    }
    stop.cancel();
    assert_eq!(connecting.join().unwrap(), Ok(true));
}

#[test]
fn a_program_that_is_let_go_has_ended() {
    let fake = Fake::new("echo $$ > pid; cat 2; exec sleep 600");
    let mut source = CameraSource::open(fake.camera(), WhenLost::TryAgain).unwrap();
    assert!(matches!(source.next(), Ok(crate::source::Pull::Frame(_))));
    let running = PathBuf::from(format!("/proc/{}", fake.read("pid").trim()));
    assert!(running.exists());
    drop(source);
    assert!(!running.exists());
}
