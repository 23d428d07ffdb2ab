//! A camera on the network: GStreamer's RTSP server, where it is installed (`apt-get install
//! gir1.2-gst-rtsp-server-1.0 python3-gi`).
#![cfg(feature = "rtsp")]

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use camera_node::source::{FolderSource, Pull, Repeat, Source, SourceError, SourceFrame};
use camera_node::{RtspConfig, RtspTransport, SourceConfig};
use cipherframe::Frame;
use rustix::process::{Pid, Signal, kill_process};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
/// Longer than all that a test waits for on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that ends with this.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts a server of `walk.mp4`; `None`, and a line that says so, where there is none.
    fn start(login: &[&str]) -> Option<Server> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        Server::start_on(port, login)
    }

    fn start_on(port: u16, login: &[&str]) -> Option<Server> {
        let spawned = Command::new("/usr/bin/python3")
            .args([format!("{DATA}/serve.py"), port.to_string()])
            .arg(format!("{DATA}/walk.mp4"))
            .args(login)
            .stdout(Stdio::piped())
            .spawn();
        let mut process = match spawned {
            Ok(process) => process,
            Err(error) => return skipped(&format!("/usr/bin/python3 does not run: {error}")),
        };
        let mut said = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut said).unwrap();
        if said == "serving\n" {
            return Some(Server { process, port });
        }
        let status = process.wait().unwrap();
        assert_eq!(status.code(), Some(69), "the server does not start");
        skipped("GStreamer's RTSP server is not installed")
    }

    fn camera(&self, transport: RtspTransport, login: Option<PathBuf>) -> RtspConfig {
        RtspConfig {
            url: format!("rtsp://127.0.0.1:{}/walk?token=secret", self.port)
                .parse()
                .unwrap(),
            login: login.map(|file| ("gate".to_owned(), file)),
            transport,
            interval: None,
        }
    }

    /// The camera in frames and messages: the URL without its query.
    fn name(&self) -> String {
        format!("rtsp://127.0.0.1:{}/walk", self.port)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says why a test is skipped, not through `eprintln!`, which tests that pass keep to themselves.
fn skipped(why: &str) -> Option<Server> {
    let line = format!("skipped: {why}\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

/// What a source gives, pulled by a thread so that a test does not wait for ever.
struct Pulled(Receiver<Result<Pull, String>>);

impl Pulled {
    fn from(camera: RtspConfig) -> Pulled {
        let mut source = SourceConfig::Rtsp(camera).open().unwrap();
        let (give, pulled) = mpsc::channel();
        thread::spawn(move || {
            while give
                .send(source.next().map_err(|error| error.to_string()))
                .is_ok()
            {}
        });
        Pulled(pulled)
    }

    fn frame(&self) -> SourceFrame {
        match self.0.recv_timeout(PATIENCE).expect("a frame is due") {
            Ok(Pull::Frame(frame)) => frame,
            other => panic!("no frame: {other:?}"),
        }
    }
}

/// The frames that the server sends.
fn originals() -> Vec<Frame> {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(format!("{DATA}/walk.mp4"), folder.path().join("walk.mp4")).unwrap();
    let mut source = FolderSource::open(folder.path(), None, Repeat::Once).unwrap();
    let mut frames = Vec::new();
    while let Pull::Frame(frame) = source.next().unwrap() {
        frames.push(frame.frame);
    }
    frames
}

#[test]
fn frames_are_those_of_the_video_in_order_and_have_rising_times() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let originals = originals();
    for transport in [RtspTransport::Tcp, RtspTransport::Udp] {
        let mut last = SystemTime::now();
        let pulled = Pulled::from(server.camera(transport, None));
        let mut place = 0;
        let clip = server.name();
        for index in 0..10 {
            let frame = pulled.frame();
            assert!(frame.clip == clip && frame.index == index);
            // Packets may get lost.
            let found = originals[place..]
                .iter()
                .position(|original| *original == frame.frame);
            place += found.unwrap_or_else(|| panic!("{transport:?} {index}")) + 1;
            assert!(frame.captured <= SystemTime::now());
            // The first frames may have been captured before they were asked for.
            assert!(index == 0 || last < frame.captured, "{transport:?} {index}");
            last = frame.captured;
        }
    }
}

#[test]
fn a_user_is_let_in_with_the_right_password_only() {
    let Some(server) = Server::start(&["gate", "right"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |password: &str| {
        let path = folder.path().join(password);
        fs::write(&path, password).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    };
    let camera = |login| server.camera(RtspTransport::Tcp, login);
    let let_in = Pulled::from(camera(Some(file("right"))));
    assert_eq!(let_in.frame().clip, server.name());
    let refused = |login| error(camera(login)).to_string();
    for login in [Some(file("wrong")), None] {
        assert_eq!(
            refused(login),
            format!("{} refuses the user or the password", server.name())
        );
    }
    let missing = refused(Some(Path::new("nowhere").to_owned()));
    assert!(missing.contains("nowhere"), "{missing}");
}

/// Why a camera cannot be opened.
fn error(camera: RtspConfig) -> SourceError {
    let opened = SourceConfig::Rtsp(camera).open();
    opened.err().expect("this camera cannot be opened")
}

/// Log lines of all threads.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The lines about the camera at `port`, without their times.
    fn lines(&self, port: u16) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let url = format!("rtsp://127.0.0.1:{port}/walk");
        let lines = log.lines().filter(|line| line.contains(&url));
        lines.map(|line| line.replace(&url, "URL")).collect()
    }
}

#[test]
fn a_server_that_stalls_or_ends_and_comes_back_is_said_and_no_time_comes_twice() {
    let Some(mut server) = Server::start(&[]) else {
        return;
    };
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_writer(move || writer.clone())
        .init();
    let pulled = Pulled::from(server.camera(RtspTransport::Tcp, None));
    let port = server.port;
    let mut last = pulled.frame().captured;
    // Up to a frame that comes after so many lines were logged.
    let mut frames_until = |lines: usize| {
        loop {
            let frame = pulled.frame();
            assert!(last < frame.captured);
            last = frame.captured;
            if log.lines(port).len() >= lines {
                return;
            }
        }
    };
    let said = |count: usize| {
        let deadline = SystemTime::now() + PATIENCE;
        while log.lines(port).len() < count {
            assert!(SystemTime::now() < deadline, "{:?}", log.lines(port));
            thread::sleep(Duration::from_millis(50));
        }
        log.lines(port)
    };
    server.signal(Signal::STOP);
    let lost = " WARN URL gives no frames, trying again: URL ";
    let mend = "; check `source.rtsp`, and that the camera is on and reachable";
    assert_eq!(said(1), [format!("{lost}has sent no video for 10 s{mend}")]);
    server.signal(Signal::CONT);
    frames_until(2);
    let again = " INFO URL gives frames again";
    assert_eq!(said(2)[1], again);
    server.signal(Signal::KILL);
    let ended = &said(3)[2];
    assert!(ended.starts_with(lost) && ended.ends_with(mend), "{ended}");
    server = Server::start_on(port, &[]).unwrap();
    frames_until(4);
    assert_eq!(said(4)[3], again);
    drop(server);
}
