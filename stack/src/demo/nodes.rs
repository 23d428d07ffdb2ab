//! Starts and stops the four nodes of the demo.

use super::room::broker_for;
use crate::data_folder::{DataFolder, Node};
use broker::Broker;
use camera_node::source::{Pull, Source, SourceError};
use camera_node::{
    CameraConfig, CameraEvent, CameraKey, CameraSummary, DeliveryConfig, Feature, SourceConfig,
    StreamConfig,
};
use cipherframe::StreamSpec;
use pooling_worker::{WorkerConfig, WorkerSummary};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use viewer::{ViewerConfig, ViewerEvent, ViewerSummary};
use wire::config::{LogConfig, NodeConfig};
use wire::failure::{Failure, FailureKind};
use wire::mqtt::{Incoming, MqttConfig, Subscriber, is_online};
use wire::name::Name;
use wire::node::LinkConfig;
use wire::role::NodeRole;
use wire::shutdown::Shutdown;
use wire::topic::Topic;

/// The site of the demo.
const SITE: &str = "demo";

/// How long worker and viewer may take to load their keys and connect.
const ONLINE_PATIENCE: Duration = Duration::from_secs(60);

/// Frames without a receipt: one is pooled while the next is encrypted.
const CREDIT: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// How long the first receipt may take; later ones are measured. Large frames take minutes under tfhe.
const FIRST_RECEIPT: Duration = Duration::from_secs(600);

/// Frames that may be without a printed map. The camera's credit comes back before a map is printed, so this is what
/// holds the camera back where nobody reads what the demo prints.
const UNPRINTED: usize = 16;

/// Name and role of a node of the demo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity(&'static str, NodeRole);

/// The nodes that sign.
pub(crate) const NODES: [Identity; 3] = [
    Identity("gate", NodeRole::Camera),
    Identity("worker", NodeRole::Worker),
    Identity("viewer", NodeRole::Viewer),
];

impl Identity {
    /// The node to make an identity for.
    pub(crate) fn node(self) -> Node {
        Node {
            name: name(self.0),
            role: self.1,
        }
    }
}

/// What the demo runs on.
pub(crate) struct Plan {
    /// The stream.
    pub(crate) spec: StreamSpec,
    /// What its pixels are.
    pub(crate) feature: Feature,
    /// The keys.
    pub(crate) data: DataFolder,
    /// Where pictures go, if anywhere.
    pub(crate) out: Option<PathBuf>,
    /// Whether scheme plain is allowed.
    pub(crate) insecure_plain: bool,
    /// How many frames the camera sends.
    pub(crate) frames: Option<u64>,
}

/// Something that happened at one of the nodes.
pub(crate) enum Event {
    /// At the camera.
    Camera(CameraEvent),
    /// At the viewer.
    Viewer(ViewerEvent),
    /// The camera has sent all its frames and waited for their receipts.
    CameraEnded(CameraSummary),
}

/// The running nodes.
pub(crate) struct Running {
    broker: Broker,
    camera: Option<JoinHandle<Result<CameraSummary, Failure>>>,
    worker: JoinHandle<Result<WorkerSummary, Failure>>,
    viewer: JoinHandle<Result<ViewerSummary, Failure>>,
    // Unbounded in form only: the gate bounds the frames, and with them the events, that are under way.
    events: mpsc::UnboundedReceiver<Event>,
    /// Holds a token for each frame that the source gave and whose map is not printed.
    gate: Receiver<()>,
    stop: Shutdown,
}

impl Running {
    /// Starts the broker, then viewer and worker, and the camera when those two are online. `shutdown` stops the camera.
    pub(crate) async fn start(
        plan: Plan,
        source: Box<dyn Source>,
        shutdown: &Shutdown,
    ) -> Result<Self, Failure> {
        let listener = broker::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let public_key = plan.data.public_key(plan.spec.scheme());
        let broker_config = broker_for(&public_key, &plan.spec, CREDIT)?;
        let bytes_on_the_way = broker_config.surely_kept_bytes() as u64;
        let broker = Broker::start(broker_config, listener).await?;
        let address = broker.addr();
        let stop = Shutdown::new();
        let (sender, events) = mpsc::unbounded_channel();
        let link = |identity: Identity| LinkConfig {
            node: NodeConfig {
                site: name(SITE),
                name: name(identity.0),
                signing_key: plan.data.signing_key(&name(identity.0)),
                trust: plan.data.trust(),
            },
            mqtt: mqtt(address, identity.0),
        };
        let [camera, worker, viewer] = NODES;
        let scheme = plan.spec.scheme();

        let viewer_config = ViewerConfig {
            link: link(viewer),
            client_keys: vec![plan.data.client_key(scheme)],
            pictures: plan.out.is_some(),
            out: plan.out.clone().unwrap_or_default(),
            frames_in_progress: 8,
            log: LogConfig::default(),
            insecure_plain: plan.insecure_plain,
        };
        let viewer_sender = sender.clone();
        let observer = Arc::new(move |event| drop(viewer_sender.send(Event::Viewer(event))));
        let viewer = tokio::spawn(viewer::run(viewer_config, observer, stop.clone()));

        let worker_config = WorkerConfig {
            link: link(worker),
            evaluation_keys: vec![plan.data.evaluation_key(scheme)],
            threads: 0,
            backlog_bytes: pooling_worker::DEFAULT_BACKLOG_BYTES,
            log: LogConfig::default(),
            insecure_plain: plan.insecure_plain,
        };
        let worker = tokio::spawn(pooling_worker::run(worker_config, stop.clone()));

        let (tokens, gate) = sync_channel(UNPRINTED);
        let mut running = Self {
            broker,
            camera: None,
            worker,
            viewer,
            events,
            gate,
            stop,
        };
        running.until_online(address, shutdown).await?;

        let camera_config = CameraConfig {
            link: link(camera),
            source: SourceConfig {
                folder: PathBuf::new(),
                interval: source.interval(),
                repeat: camera_node::source::Repeat::Forever,
            },
            stream: StreamConfig {
                key: CameraKey::Public(public_key),
                spec: plan.spec,
                feature: plan.feature,
            },
            delivery: DeliveryConfig {
                credit: CREDIT,
                bytes_on_the_way,
                receipt_timeout: FIRST_RECEIPT,
            },
            log: LogConfig::default(),
            insecure_plain: plan.insecure_plain,
        };
        let source = Box::new(Limited {
            source,
            tokens,
            left: plan.frames.unwrap_or(u64::MAX),
        });
        let observer = Arc::new(move |event| drop(sender.send(Event::Camera(event))));
        let camera = camera_node::run(camera_config, source, observer, shutdown.clone());
        running.camera = Some(tokio::spawn(camera));
        Ok(running)
    }

    /// The next event, or the failure of a node that ended before it was asked to.
    pub(crate) async fn next_event(&mut self) -> Result<Event, Failure> {
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => Ok(event),
            ended = joined(&mut self.camera) => {
                self.camera = None;
                ended.map(Event::CameraEnded)
            }
            ended = &mut self.worker => Err(early("pooling-worker", flatten(ended).map(drop))),
            ended = &mut self.viewer => Err(early("viewer", flatten(ended).map(drop))),
        }
    }

    /// A frame's map is printed, or will never come: the camera may take one frame more.
    pub(crate) fn frame_done(&self) {
        // Empty when a frame that was given up is done a second time.
        let _ = self.gate.try_recv();
    }

    /// Stops all nodes: each finishes what it has in hand, within 5 s.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.stop.cancel();
        let camera = async {
            match self.camera.take() {
                Some(camera) => flatten(camera.await).map(drop),
                None => Ok(()),
            }
        };
        let (camera, worker, viewer) = tokio::join!(camera, self.worker, self.viewer);
        self.broker.stop().await;
        camera?;
        flatten(worker)?;
        flatten(viewer)?;
        Ok(())
    }

    /// Waits until worker and viewer have said that they are online: what the camera sends before is lost on them.
    async fn until_online(
        &mut self,
        broker: SocketAddr,
        shutdown: &Shutdown,
    ) -> Result<(), Failure> {
        let filters = vec![Topic::all_node_states(&name(SITE))];
        let mut states =
            Subscriber::connect(&mqtt(broker, "demo"), "states", filters, self.stop.clone());
        let mut missing = BTreeSet::from([NODES[1].0, NODES[2].0]);
        let patience = tokio::time::sleep(ONLINE_PATIENCE);
        tokio::pin!(patience);
        while !missing.is_empty() {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                incoming = states.recv() => {
                    let Some(Incoming::Message { topic, payload }) = incoming else { continue };
                    if let Ok(Topic::NodeState { node, .. }) = Topic::parse(&topic)
                        && is_online(&payload)
                    {
                        missing.remove(node.as_str());
                    }
                }
                ended = &mut self.worker => return Err(early("pooling-worker", flatten(ended).map(drop))),
                ended = &mut self.viewer => return Err(early("viewer", flatten(ended).map(drop))),
                () = &mut patience => return Err(Failure::new(
                    FailureKind::Unavailable,
                    format!("{missing:?} did not come online within {ONLINE_PATIENCE:?}"),
                    "run it again with -v and look at what they wait for",
                )),
            }
        }
        Ok(())
    }
}

/// A source that ends after some frames, and waits while too many maps are not printed.
struct Limited {
    source: Box<dyn Source>,
    tokens: SyncSender<()>,
    left: u64,
}

impl Source for Limited {
    fn next(&mut self) -> Result<Pull, SourceError> {
        if self.left == 0 {
            return Ok(Pull::End);
        }
        let pull = self.source.next()?;
        if matches!(pull, Pull::Frame(_)) {
            self.left -= 1;
            if self.tokens.send(()).is_err() {
                // The demo has ended.
                return Ok(Pull::End);
            }
        }
        Ok(pull)
    }

    fn interval(&self) -> Option<Duration> {
        self.source.interval()
    }
}

fn mqtt(broker: SocketAddr, node: &'static str) -> MqttConfig {
    let address = wire::mqtt::BrokerAddress {
        host: broker.ip().to_string(),
        port: broker.port(),
    };
    MqttConfig::new(address, name(SITE), name(node))
}

/// A name of this file.
fn name(text: &'static str) -> Name {
    text.parse()
        .expect("the names of the demo's nodes are valid")
}

async fn joined(
    camera: &mut Option<JoinHandle<Result<CameraSummary, Failure>>>,
) -> Result<CameraSummary, Failure> {
    match camera {
        Some(camera) => flatten(camera.await),
        None => std::future::pending().await,
    }
}

fn flatten<T>(joined: Result<Result<T, Failure>, tokio::task::JoinError>) -> Result<T, Failure> {
    joined.unwrap_or_else(|error| {
        let what = format!("a node failed unexpectedly: {error}");
        Err(Failure::new(
            FailureKind::Bug,
            what,
            "report this with the log of `-vv`",
        ))
    })
}

fn early(node: &str, ended: Result<(), Failure>) -> Failure {
    ended.err().unwrap_or_else(|| {
        Failure::new(
            FailureKind::Bug,
            format!("the {node} ended before it was asked to"),
            "report this with the log of `-vv`",
        )
    })
}
