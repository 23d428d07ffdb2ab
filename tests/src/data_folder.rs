//! A copy of what a newcomer has after `blindsight keys new`: the committed configuration files, their data folder and
//! frames.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cipherframe::SchemeId;
use tempfile::TempDir;
use viewer::map_folder;

use crate::key_cache::key_set;
use crate::programs::run;

/// The nodes that have a file in `configs/lan`.
const LAN_NODES: [&str; 4] = ["broker", "camera", "worker", "viewer"];
/// The nodes that have a file in `configs/demo`.
const NODES: [&str; 5] = ["broker", "camera", "camera-live", "worker", "viewer"];

/// The folders `configs/demo`, `configs/lan`, `blindsight-data` and `samples` below one temporary folder.
#[derive(Debug)]
pub struct Checkout {
    folder: TempDir,
}

impl Checkout {
    /// Copies the configuration files as they are, but for the port of their metrics, links samples and keys of
    /// `scheme`, and makes new identities.
    pub fn new(scheme: SchemeId) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let checkout = Self { folder };
        let data = checkout.path().join("blindsight-data");
        fs::create_dir(&data).unwrap();
        // Key sets are made once for all tests: what is there stays.
        symlink(key_set(scheme), data.join(scheme.as_str())).unwrap();
        symlink(committed("samples"), checkout.path().join("samples")).unwrap();
        let made = run(
            "blindsight",
            &["keys", "new", "--scheme", scheme.as_str()],
            checkout.path(),
        );
        assert_eq!(made.code, 0, "{}", made.stderr);
        let configs = checkout.path().join("configs");
        fs::create_dir_all(configs.join("demo")).unwrap();
        for folder in ["deploy", "rpi"] {
            symlink(committed("configs").join(folder), configs.join(folder)).unwrap();
        }
        for node in NODES {
            let from = committed("configs/demo").join(format!("{node}.toml"));
            let text = any_port_for_pages(&fs::read_to_string(from).unwrap());
            fs::write(checkout.config(node), text).unwrap();
        }
        fs::create_dir_all(checkout.path().join("configs/lan")).unwrap();
        for node in LAN_NODES {
            let file = format!("configs/lan/{node}.toml");
            fs::copy(committed(&file), checkout.path().join(file)).unwrap();
        }
        checkout
    }

    /// The folder around it all.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file of a node, by its name without the ending.
    pub fn config(&self, node: &str) -> PathBuf {
        self.path().join(format!("configs/demo/{node}.toml"))
    }

    /// Replaces a text that must be in the configuration file of a node.
    pub fn edit(&self, node: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.config(node)).unwrap();
        assert!(text.contains(from), "{from:?} is not in {node}.toml");
        fs::write(self.config(node), text.replace(from, to)).unwrap();
    }

    /// Moves all nodes to another port.
    pub fn move_to_port(&self, port: u16) {
        for node in NODES {
            self.edit(node, "127.0.0.1:18830", &format!("127.0.0.1:{port}"));
        }
    }
}

/// The configuration with its metrics on any free port, so that tests that run at once do not meet.
fn any_port_for_pages(text: &str) -> String {
    let any_port = |text: String, section: &str| {
        let Some((before, after)) = text.split_once(section) else {
            return text;
        };
        let (listen, after) = after.split_once('\n').unwrap();
        assert!(listen.starts_with("listen = "), "{listen}");
        format!("{before}{section}listen = \"127.0.0.1:0\"\n{after}")
    };
    assert!(text.contains("[telemetry]\n"));
    any_port(any_port(text.to_owned(), "[telemetry]\n"), "[web]\n")
}

/// A file or folder of this repository.
pub fn committed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The pictures that a viewer has written of a camera that had one session, by sequence number.
pub fn pictures(out: &Path, camera: &str) -> BTreeMap<u64, PathBuf> {
    // Without any there is no such folder.
    let clips = map_folder::clips(&out.join("maps").join(camera)).unwrap_or_default();
    assert!(clips.len() <= 1, "{camera} had more than one session");
    clips.into_iter().flat_map(|clip| clip.maps).collect()
}
