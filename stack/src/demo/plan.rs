//! What the demo runs on: the streams, the keys, and the configuration of each node.

use super::name;
use super::streams::Stream;
use crate::data_folder::{DataFolder, Node};
use camera_node::source::Repeat;
use camera_node::{
    CameraConfig, CameraKey, DeliveryConfig, Input, Policy, SourceConfig, StreamConfig,
};
use cipherframe::SchemeId;
use pooling_worker::WorkerConfig;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;
use viewer::{AnomalyConfig, DEFAULT_LOG_BYTES, LabConfig, OutConfig, ViewerConfig, WebConfig};
use wire::config::{LogConfig, NodeConfig, TelemetryConfig};
use wire::mqtt::{BrokerAddress, MqttConfig};
use wire::name::Name;
use wire::node::LinkConfig;
use wire::role::NodeRole;

/// The site of the demo.
pub(crate) const SITE: &str = "demo";

/// The one worker, for the streams of all schemes.
pub(crate) const WORKER: &str = "worker";

/// The one viewer, with the client keys of all schemes.
pub(crate) const VIEWER: &str = "viewer";

/// The camera that the frames of the page's lab come from.
pub(crate) const LAB: &str = "lab";

/// Frames without a receipt, for each camera: one is pooled while the next is encrypted.
pub(crate) const CREDIT: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// Frames that the viewer puts together at once: those of all cameras, and some that were given up too early.
const FRAMES_IN_PROGRESS: usize = 16;

/// The demo's broker, as its nodes need to know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The largest packet it takes.
    pub(crate) max_packet_bytes: usize,
}

/// What the demo runs on.
pub(crate) struct Plan {
    /// The streams, each of another scheme.
    pub(crate) streams: Vec<Stream>,
    /// The keys.
    pub(crate) data: DataFolder,
    /// Where pictures go, if anywhere.
    pub(crate) out: Option<PathBuf>,
    /// How the streams are watched.
    pub(crate) anomaly: AnomalyConfig,
    /// The page, if there is one.
    pub(crate) web: Option<WebConfig>,
    /// Whether scheme plain is allowed.
    pub(crate) insecure_plain: bool,
    /// How many frames each camera sends.
    pub(crate) frames: Option<u64>,
}

impl Plan {
    /// The schemes that keys are needed for.
    pub(crate) fn schemes(&self) -> Vec<SchemeId> {
        let schemes = self.streams.iter().map(|stream| stream.spec.scheme());
        schemes.collect()
    }

    /// The nodes that sign.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        let cameras = self.streams.iter().map(|stream| Node {
            name: stream.camera.clone(),
            role: NodeRole::Camera,
        });
        let lab = self.web.as_ref().map(|_| (LAB, NodeRole::Camera));
        let others = [(WORKER, NodeRole::Worker), (VIEWER, NodeRole::Viewer)];
        let others = others.into_iter().chain(lab);
        let others = others.map(|(text, role)| Node {
            name: name(text),
            role,
        });
        cameras.chain(others).collect()
    }

    /// The viewer's configuration.
    pub(crate) fn viewer(&self, broker: Endpoint) -> ViewerConfig {
        let client_keys = self.schemes().into_iter();
        let client_keys = client_keys.map(|scheme| self.data.key_set(scheme).client_key());
        ViewerConfig {
            out: self.out.clone().map(|folder| OutConfig {
                folder,
                pictures: true,
                log_bytes: DEFAULT_LOG_BYTES,
            }),
            frames_in_progress: FRAMES_IN_PROGRESS,
            anomaly: Some(self.anomaly.clone()),
            web: self.web.clone(),
            lab: self.web.as_ref().map(|_| self.lab()),
            insecure_plain: self.insecure_plain,
            ..ViewerConfig::new(self.link(name(VIEWER), broker), client_keys.collect())
        }
    }

    /// The lab of the page.
    fn lab(&self) -> LabConfig {
        let public_keys = self.schemes().into_iter();
        LabConfig {
            name: name(LAB),
            signing_key: self.data.signing_key(&name(LAB)),
            public_keys: public_keys
                .map(|scheme| self.data.key_set(scheme).public_key())
                .collect(),
        }
    }

    /// The worker's configuration.
    pub(crate) fn worker(&self, broker: Endpoint) -> WorkerConfig {
        let evaluation_keys = self.schemes().into_iter();
        WorkerConfig {
            link: self.link(name(WORKER), broker),
            evaluation_keys: evaluation_keys
                .map(|scheme| self.data.key_set(scheme).evaluation_key())
                .collect(),
            threads: 0,
            backlog_bytes: pooling_worker::DEFAULT_BACKLOG_BYTES,
            share: None,
            telemetry: TelemetryConfig::default(),
            log: LogConfig::default(),
            insecure_plain: self.insecure_plain,
        }
    }

    /// The configuration of a stream's camera, which takes a frame each `interval` at most and has at most
    /// `bytes_on_the_way` without a receipt.
    pub(crate) fn camera(
        &self,
        stream: &Stream,
        interval: Option<Duration>,
        bytes_on_the_way: u64,
        broker: Endpoint,
    ) -> CameraConfig {
        CameraConfig {
            link: self.link(stream.camera.clone(), broker),
            // The camera is given an open source.
            source: SourceConfig {
                input: Input::Folder {
                    path: PathBuf::new(),
                    repeat: Repeat::Forever,
                },
                interval,
            },
            stream: StreamConfig {
                key: CameraKey::Public(self.data.key_set(stream.spec.scheme()).public_key()),
                spec: stream.spec.clone(),
                feature: stream.feature,
            },
            delivery: DeliveryConfig {
                policy: Policy::All,
                credit: CREDIT,
                bytes_on_the_way,
                receipt_timeout: stream.receipt_timeout,
                spool: None,
            },
            telemetry: TelemetryConfig::default(),
            log: LogConfig::default(),
            insecure_plain: self.insecure_plain,
        }
    }

    fn link(&self, node: Name, broker: Endpoint) -> LinkConfig {
        LinkConfig {
            node: NodeConfig {
                site: name(SITE),
                signing_key: self.data.signing_key(&node),
                trust: self.data.trust(),
                name: node.clone(),
            },
            mqtt: mqtt(broker, node),
        }
    }
}

/// The connection of a node to the demo's broker.
pub(crate) fn mqtt(broker: Endpoint, node: Name) -> MqttConfig {
    let address = BrokerAddress {
        host: broker.address.ip().to_string(),
        port: broker.address.port(),
        tls: false,
    };
    MqttConfig {
        max_packet_bytes: broker.max_packet_bytes,
        ..MqttConfig::new(address, name(SITE), node)
    }
}
