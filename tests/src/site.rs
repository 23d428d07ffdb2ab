//! A site in a temporary folder: its nodes' identities and the trust file, laid out like a data folder.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wire::config::NodeConfig;
use wire::identity::SigningIdentity;
use wire::mqtt::{BrokerAddress, MqttConfig};
use wire::name::Name;
use wire::node::LinkConfig;
use wire::role::NodeRole;
use wire::trust::TrustStore;

/// The camera that every site has.
pub const CAMERA: &str = "gate";
/// The worker that every site has.
pub const WORKER: &str = "worker";
/// The viewer that every site has.
pub const VIEWER: &str = "viewer";

/// Enrolled nodes and their keys. The folder goes when this is dropped.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    name: Name,
    trust: TrustStore,
}

impl Site {
    /// A site with [`CAMERA`], [`WORKER`] and [`VIEWER`]. Tests of one program that read the log take different names.
    pub fn new(name: &str) -> Self {
        let mut site = Self {
            folder: tempfile::tempdir().unwrap(),
            name: parse(name),
            trust: TrustStore::new(),
        };
        site.enroll(CAMERA, NodeRole::Camera);
        site.enroll(WORKER, NodeRole::Worker);
        site.enroll(VIEWER, NodeRole::Viewer);
        site
    }

    /// Makes a node's signing key and adds it to the trust file. Nodes that run already learn of it in a moment.
    pub fn enroll(&mut self, node: &str, role: NodeRole) {
        let path = self.signing_key(node);
        fs::create_dir(path.parent().unwrap()).unwrap();
        let file = SigningIdentity::generate(&parse(node)).unwrap();
        file.create(&path).unwrap();
        let key = self.identity(node).verifying_key();
        self.change_trust(|trust| trust.enroll(&parse(node), role, &key).unwrap());
    }

    /// Changes the trust file.
    pub fn change_trust(&mut self, change: impl FnOnce(&mut TrustStore)) {
        change(&mut self.trust);
        self.trust.save(&self.trust_file()).unwrap();
    }

    /// The site's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The site's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The enrolled nodes.
    pub fn trust(&self) -> &TrustStore {
        &self.trust
    }

    /// An enrolled node's identity, to sign in its name.
    pub fn identity(&self, node: &str) -> SigningIdentity {
        SigningIdentity::load(&self.signing_key(node)).unwrap()
    }

    /// The signing key file of a node.
    pub fn signing_key(&self, node: &str) -> PathBuf {
        self.path().join(node).join("signing.key")
    }

    /// The trust file.
    pub fn trust_file(&self) -> PathBuf {
        self.path().join("trust.toml")
    }

    /// How `node` reaches the broker at `broker`.
    pub fn mqtt(&self, node: &str, broker: SocketAddr) -> MqttConfig {
        let address = BrokerAddress {
            host: broker.ip().to_string(),
            port: broker.port(),
            tls: false,
        };
        MqttConfig::new(address, self.name.clone(), parse(node))
    }

    /// The sections `[node]` and `[mqtt]` of `node`.
    pub fn link(&self, node: &str, broker: SocketAddr) -> LinkConfig {
        LinkConfig {
            node: NodeConfig {
                site: self.name.clone(),
                name: parse(node),
                signing_key: self.signing_key(node),
                trust: self.trust_file(),
            },
            mqtt: self.mqtt(node, broker),
        }
    }
}

/// A valid name.
pub fn parse(name: &str) -> Name {
    name.parse().unwrap()
}
