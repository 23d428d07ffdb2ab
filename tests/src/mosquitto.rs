//! A real mosquitto, where there is one.

use std::env;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::data_folder::free_port;
use crate::{PATIENCE, skipped};

/// A running mosquitto. It ends when this is dropped.
pub struct Mosquitto {
    child: Child,
    server: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Mosquitto {
    /// Starts one with the configuration that `configure` gives for a folder and a free port; `None`, and said so, where
    /// there is no mosquitto.
    pub fn start(configure: impl FnOnce(&Path, u16) -> String) -> Option<Self> {
        let Some(server) = program("mosquitto") else {
            skipped("mosquitto is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = configure(folder.path(), port);
        // Started as root it would become another user, who may not look into this folder.
        let file = folder.path().join("mosquitto.conf");
        fs::write(file, format!("{text}user root\n")).unwrap();
        let mut started = Self {
            child: launch(&server, folder.path()),
            server,
            folder,
            port,
        };
        started.wait_until_it_listens();
        Some(started)
    }

    /// `kill -9`, and a new one in its place, which knows nothing of the old one.
    pub fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = launch(&self.server, self.folder.path());
        self.wait_until_it_listens();
    }

    fn wait_until_it_listens(&mut self) {
        let began = Instant::now();
        while TcpStream::connect(self.address()).is_err() {
            let ended = self.child.try_wait().unwrap();
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "{}", log());
            sleep(Duration::from_millis(20));
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a mosquitto on the files in `folder`.
fn launch(server: &Path, folder: &Path) -> Child {
    let mut log = fs::File::options();
    let log = log.append(true).create(true).open(folder.join("log"));
    Command::new(server)
        .arg("-c")
        .arg(folder.join("mosquitto.conf"))
        .stdin(Stdio::null())
        .stderr(log.unwrap())
        .spawn()
        .unwrap()
}

/// A program of mosquitto. Debian puts servers where only root looks.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut programs = folders.map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}
