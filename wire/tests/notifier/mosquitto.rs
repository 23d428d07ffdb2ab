//! The same with a real mosquitto, which asks for a password and forgets everything when it is killed.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::mqtt::{Incoming, Login, MqttConfig, Subscriber};

use crate::{AVAILABILITY, PATIENCE, config, news, notifier, state};

const USER: &str = "viewer";
const PASSWORD: &str = "the password of the viewer";

/// A running mosquitto. It ends when this is dropped.
struct Mosquitto {
    child: Child,
    server: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Mosquitto {
    /// `None`, and said so, where there is no mosquitto.
    fn start() -> Option<Self> {
        let (Some(server), Some(passwd)) = (program("mosquitto"), program("mosquitto_passwd"))
        else {
            // Not through `eprintln!`, which tests that pass keep to themselves.
            let line = b"skipped: mosquitto is not installed\n";
            io::stderr().write_all(line).unwrap();
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let passwords = folder.path().join("passwords");
        fs::write(&passwords, "").unwrap();
        let status = Command::new(passwd)
            .arg("-b")
            .arg(&passwords)
            .args([USER, PASSWORD])
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\nuser root\n",
            passwords.display()
        );
        fs::write(folder.path().join("mosquitto.conf"), text).unwrap();
        let mut started = Self {
            child: launch(&server, folder.path()),
            server,
            folder,
            port,
        };
        started.wait_until_it_listens();
        Some(started)
    }

    fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = launch(&self.server, self.folder.path());
        self.wait_until_it_listens();
    }

    fn wait_until_it_listens(&mut self) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "{ended:?}");
            sleep(Duration::from_millis(20));
        }
    }

    fn mqtt(&self) -> MqttConfig {
        let password_file = self.folder.path().join("viewer.password");
        fs::write(&password_file, PASSWORD).unwrap();
        fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600)).unwrap();
        let mut mqtt = config(&format!("mqtt://127.0.0.1:{}", self.port));
        mqtt.login = Some(Login {
            username: USER.to_owned(),
            password_file,
        });
        mqtt
    }

    /// What it has kept, once that is `expected`, as somebody hears it who comes now.
    async fn keeps(&self, expected: &[(&str, &str)]) {
        let owned = |&(topic, payload): &(&str, &str)| (topic.to_owned(), payload.to_owned());
        let expected: BTreeMap<_, _> = expected.iter().map(owned).collect();
        let cancel = CancellationToken::new();
        let filters = vec!["#".to_owned()];
        let mut reader = Subscriber::connect(&self.mqtt(), "in", filters, cancel.clone());
        let mut kept = BTreeMap::new();
        let all = async {
            while kept != expected {
                if let Some(Incoming::Message { topic, payload, .. }) = reader.recv().await {
                    kept.insert(topic, String::from_utf8(payload.to_vec()).unwrap());
                }
            }
        };
        assert!(timeout(PATIENCE, all).await.is_ok(), "it keeps {kept:?}");
        cancel.cancel();
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(server: &Path, folder: &Path) -> Child {
    Command::new(server)
        .arg("-c")
        .arg(folder.join("mosquitto.conf"))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Debian puts servers where only root looks.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut programs = folders.map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mosquitto_that_forgot_everything_is_told_again() {
    let Some(mut mosquitto) = Mosquitto::start() else {
        return;
    };
    let notifier = notifier(&mosquitto.mqtt(), "mqtt://127.0.0.1:1");
    for notice in [state("config", "c"), state("gate", "ON"), news("begin")] {
        assert!(notifier.post(notice));
    }
    let online = (AVAILABILITY, "online");
    let known = [online, ("config", "c"), ("gate", "ON")];
    let mut connected = notifier.connected();
    let _ = connected.wait_for(|connected| *connected).await;
    // A reader that comes before the news is out hears it too; nobody else does.
    tokio::time::sleep(Duration::from_millis(300)).await;
    mosquitto.keeps(&known).await;

    mosquitto.kill_and_start_again();
    mosquitto.keeps(&known).await;

    notifier.post(state("gate", "OFF"));
    let quiet = [online, ("config", "c"), ("gate", "OFF")];
    mosquitto.keeps(&quiet).await;
    notifier.stop().await;
    let gone = [(AVAILABILITY, "offline"), ("config", "c"), ("gate", "OFF")];
    mosquitto.keeps(&gone).await;
}
