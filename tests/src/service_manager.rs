//! The end of systemd that programs speak to.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PATIENCE;

/// Hears what one program says.
pub struct ServiceManager {
    socket: UnixDatagram,
    path: PathBuf,
    heard: Vec<String>,
}

impl ServiceManager {
    /// Listens on a new socket at `path`.
    pub fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            path: path.to_owned(),
            heard: Vec::new(),
        }
    }

    /// Makes `command` speak to it, with a watchdog that wants to hear something every two seconds.
    pub fn supervise(&self, command: &mut Command) {
        command
            .env("NOTIFY_SOCKET", &self.path)
            .env("WATCHDOG_USEC", "2000000");
    }

    /// Waits until it has heard exactly `wanted`, now or before, and gives all that it has heard so far.
    pub fn wait_for(&mut self, wanted: &str) -> &[String] {
        while !self.heard.iter().any(|line| line == wanted) {
            let mut message = [0; 4096];
            let Ok(length) = self.socket.recv(&mut message) else {
                panic!("heard {:?} and not `{wanted}`", self.heard);
            };
            let message = str::from_utf8(&message[..length]).unwrap();
            self.heard.extend(message.lines().map(str::to_owned));
        }
        &self.heard
    }

    /// Forgets what it has heard.
    pub fn forget(&mut self) {
        self.heard.clear();
    }
}
