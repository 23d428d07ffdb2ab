//! Starts and stops the nodes of the demo: broker, viewer, worker and a camera for each stream.

use super::gate::{Gate, gated};
use super::name;
use super::plan::{CREDIT, Endpoint, Plan, SITE, VIEWER, WORKER, mqtt};
use super::room::Room;
use broker::Broker;
use camera_node::source::Source;
use camera_node::{CameraEvent, CameraSummary};
use pooling_worker::WorkerSummary;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use viewer::{ViewerEvent, ViewerSummary};
use wire::failure::{Failure, FailureKind};
use wire::mqtt::{Incoming, Subscriber, is_online};
use wire::name::Name;
use wire::shutdown::Shutdown;
use wire::topic::Topic;

/// How long worker and viewer may take to load their keys and connect.
const ONLINE_PATIENCE: Duration = Duration::from_secs(60);

/// Something that happened at one of the nodes.
pub(crate) enum Event {
    /// At a camera.
    Camera(CameraEvent),
    /// At the viewer.
    Viewer(ViewerEvent),
    /// A camera has sent all its frames and waited for their receipts.
    CameraEnded(Name, CameraSummary),
}

/// The running nodes.
pub(crate) struct Running {
    broker: Broker,
    cameras: JoinSet<(Name, Result<CameraSummary, Failure>)>,
    worker: JoinHandle<Result<WorkerSummary, Failure>>,
    viewer: JoinHandle<Result<ViewerSummary, Failure>>,
    // Unbounded in form only: the gates bound the frames, and with them the events, that are under way.
    events: mpsc::UnboundedReceiver<Event>,
    gates: BTreeMap<Name, Gate>,
    stop: Shutdown,
}

impl Running {
    /// Starts the broker, then viewer and worker, and the cameras when those two are online, each on its one of
    /// `sources`. `shutdown` stops the cameras.
    pub(crate) async fn start(
        plan: &Plan,
        sources: Vec<Box<dyn Source>>,
        shutdown: &Shutdown,
    ) -> Result<Self, Failure> {
        let listener = broker::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let room = Room::of(plan, CREDIT)?;
        let max_packet_bytes = room.broker.max_packet_bytes;
        let broker = Broker::start(room.broker, listener).await?;
        let endpoint = Endpoint {
            address: broker.addr(),
            max_packet_bytes,
        };
        let stop = Shutdown::new();
        let (sender, events) = mpsc::unbounded_channel();

        let viewer_sender = sender.clone();
        let observer = Arc::new(move |event| drop(viewer_sender.send(Event::Viewer(event))));
        let viewer = viewer::run(plan.viewer(endpoint), observer, stop.clone());
        let worker = pooling_worker::run(plan.worker(endpoint), stop.clone());
        let mut running = Self {
            broker,
            cameras: JoinSet::new(),
            worker: tokio::spawn(worker),
            viewer: tokio::spawn(viewer),
            events,
            gates: BTreeMap::new(),
            stop,
        };
        running.until_online(endpoint, shutdown).await?;

        let streams = plan.streams.iter().zip(room.bytes_on_the_way);
        for ((stream, bytes_on_the_way), source) in streams.zip(sources) {
            let config = plan.camera(stream, source.interval(), bytes_on_the_way, endpoint);
            let (gate, source) = gated(source, plan.frames);
            let sender = sender.clone();
            let observer = Arc::new(move |event| drop(sender.send(Event::Camera(event))));
            let camera = camera_node::run(config, Box::new(source), observer, shutdown.clone());
            let camera_name = stream.camera.clone();
            running.gates.insert(camera_name.clone(), gate);
            running
                .cameras
                .spawn(async move { (camera_name, camera.await) });
        }
        Ok(running)
    }

    /// The next event, or the failure of a node that ended before it was asked to.
    pub(crate) async fn next_event(&mut self) -> Result<Event, Failure> {
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => Ok(event),
            Some(ended) = self.cameras.join_next() => {
                let (camera, ended) = ended.map_err(|error| unexpected(&error))?;
                ended.map(|summary| Event::CameraEnded(camera, summary))
            }
            ended = &mut self.worker => Err(early("pooling-worker", flatten(ended).map(drop))),
            ended = &mut self.viewer => Err(early("viewer", flatten(ended).map(drop))),
        }
    }

    /// The map of a frame of `camera` is printed, or will never come: the camera may take one frame more.
    pub(crate) fn frame_done(&self, camera: &Name) {
        if let Some(gate) = self.gates.get(camera) {
            gate.frame_done();
        }
    }

    /// Stops all nodes: each finishes what it has in hand, within 5 s.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.stop.cancel();
        let cameras = async {
            let mut first = Ok(());
            while let Some(ended) = self.cameras.join_next().await {
                let ended = ended.map_err(|error| unexpected(&error));
                first = first.and(ended.and_then(|(_, ended)| ended.map(drop)));
            }
            first
        };
        let (cameras, worker, viewer) = tokio::join!(cameras, self.worker, self.viewer);
        self.broker.stop().await;
        cameras?;
        flatten(worker)?;
        flatten(viewer)?;
        Ok(())
    }

    /// Waits until worker and viewer have said that they are online: what a camera sends before is lost on them.
    async fn until_online(&mut self, broker: Endpoint, shutdown: &Shutdown) -> Result<(), Failure> {
        let filters = vec![Topic::all_node_states(&name(SITE))];
        let connection = mqtt(broker, name("demo"));
        let mut states = Subscriber::connect(&connection, "states", filters, self.stop.clone());
        let mut missing = BTreeSet::from([WORKER, VIEWER]);
        let patience = tokio::time::sleep(ONLINE_PATIENCE);
        tokio::pin!(patience);
        while !missing.is_empty() {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                incoming = states.recv() => {
                    let Some(Incoming::Message { topic, payload, .. }) = incoming else { continue };
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

fn flatten<T>(joined: Result<Result<T, Failure>, JoinError>) -> Result<T, Failure> {
    joined.unwrap_or_else(|error| Err(unexpected(&error)))
}

fn unexpected(error: &JoinError) -> Failure {
    Failure::new(
        FailureKind::Bug,
        format!("a node failed unexpectedly: {error}"),
        "report this with the log of `-vv`",
    )
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
