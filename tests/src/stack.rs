//! Broker, worker and viewer of a site, in this process, over real MQTT on a port of their own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, BrokerConfig};
use camera_node::source::Source;
use camera_node::{CameraKey, Feature};
use cipherframe::{FeatureMap, SchemeId, StreamSpec};
use pooling_worker::{WorkerConfig, WorkerSummary};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use viewer::{DEFAULT_LOG_BYTES, OutConfig, ViewerConfig, ViewerEvent, ViewerSummary};
use wire::config::{LogConfig, TelemetryConfig};
use wire::failure::Failure;
use wire::message::FrameId;
use wire::shutdown::Shutdown;
use wire::topic::Topic;

use crate::PATIENCE;
use crate::bus::Listener;
use crate::camera::{RunningCamera, configuration};
use crate::key_cache::{camera_secret_key, key_set};
use crate::site::{Site, VIEWER, WORKER};

/// The nodes of a site but for its cameras.
pub struct Stack {
    /// The identities.
    pub site: Site,
    broker: Broker,
    worker: JoinHandle<Result<WorkerSummary, Failure>>,
    viewer: JoinHandle<Result<ViewerSummary, Failure>>,
    viewer_config: ViewerConfig,
    observer: Arc<dyn Fn(ViewerEvent) + Send + Sync>,
    viewer_stop: Shutdown,
    events: mpsc::UnboundedReceiver<ViewerEvent>,
    page: watch::Receiver<Option<SocketAddr>>,
    stop: Shutdown,
}

/// Nodes of tests serve no metrics and report their health often.
pub(crate) fn telemetry() -> TelemetryConfig {
    TelemetryConfig {
        health_interval: Duration::from_millis(300),
        ..TelemetryConfig::default()
    }
}

/// A broker on a free port.
pub async fn start_broker() -> Broker {
    start_broker_as(BrokerConfig::default()).await
}

/// A broker on a free port, otherwise as configured.
pub async fn start_broker_as(config: BrokerConfig) -> Broker {
    let listener = broker::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    Broker::start(config, listener).await.unwrap()
}

impl Stack {
    /// Starts the nodes with the keys of `scheme`, and returns when worker and viewer are online.
    pub async fn start(site: Site, scheme: SchemeId) -> Self {
        Self::start_around(start_broker().await, site, scheme).await
    }

    /// As [`Stack::start`], with this broker.
    pub async fn start_around(broker: Broker, site: Site, scheme: SchemeId) -> Self {
        Self::start_with_keys(broker, site, &[key_set(scheme)]).await
    }

    /// As [`Stack::start_around`], with the keys of the key sets in these folders.
    pub async fn start_with_keys(broker: Broker, site: Site, key_sets: &[PathBuf]) -> Self {
        Self::start_configured(broker, site, key_sets, |_| {}).await
    }

    /// As [`Stack::start_with_keys`], with the viewer's configuration changed.
    pub async fn start_configured(
        broker: Broker,
        site: Site,
        key_sets: &[PathBuf],
        change: impl FnOnce(&mut ViewerConfig),
    ) -> Self {
        let stop = Shutdown::new();
        let keys = |file: &str| key_sets.iter().map(|set| set.join(file)).collect();
        let link = site.link(VIEWER, broker.addr());
        let mut viewer = ViewerConfig {
            out: Some(OutConfig {
                folder: site.path().join("out"),
                pictures: true,
                log_bytes: DEFAULT_LOG_BYTES,
            }),
            frames_in_progress: 8,
            telemetry: telemetry(),
            insecure_plain: true,
            ..ViewerConfig::new(link, keys(client_key::CLIENT_KEY_FILE))
        };
        change(&mut viewer);
        let (sender, events) = mpsc::unbounded_channel();
        let (page_sender, page) = watch::channel(None);
        let observer: Arc<dyn Fn(ViewerEvent) + Send + Sync> = Arc::new(move |event| match event {
            ViewerEvent::Serving { address } => drop(page_sender.send_replace(Some(address))),
            ViewerEvent::Tile { .. } => {}
            event => drop(sender.send(event)),
        });
        let viewer_config = viewer.clone();
        let viewer_stop = stop.child_token();
        let viewer = tokio::spawn(viewer::run(viewer, observer.clone(), viewer_stop.clone()));
        let worker = WorkerConfig {
            link: site.link(WORKER, broker.addr()),
            evaluation_keys: keys(client_key::EVALUATION_KEY_FILE),
            threads: 0,
            backlog_bytes: 1 << 20,
            share: None,
            telemetry: telemetry(),
            log: LogConfig::default(),
            insecure_plain: true,
        };
        let worker = tokio::spawn(pooling_worker::run(worker, stop.clone()));
        let mut stack = Self {
            site,
            broker,
            worker,
            viewer,
            viewer_config,
            observer,
            viewer_stop,
            events,
            page,
            stop,
        };
        // What a camera sends before the others have subscribed is lost.
        stack.until_online(&[WORKER, VIEWER]).await;
        stack
    }

    /// The broker's address.
    pub fn address(&self) -> SocketAddr {
        self.broker.addr()
    }

    /// The folder that the viewer writes pictures below.
    pub fn out(&self) -> PathBuf {
        self.site.path().join("out")
    }

    /// Starts a camera of the site on the luma of the frames of `source`.
    pub fn camera(
        &self,
        node: &str,
        spec: &StreamSpec,
        source: Box<dyn Source>,
        credit: u32,
    ) -> RunningCamera {
        RunningCamera::start(
            &self.site,
            node,
            self.address(),
            Feature::Luma,
            spec,
            source,
            credit,
        )
    }

    /// As [`Stack::camera`], in key mode `secret`.
    pub fn camera_with_secret_key(
        &self,
        node: &str,
        spec: &StreamSpec,
        source: Box<dyn Source>,
        credit: u32,
    ) -> RunningCamera {
        let (site, luma) = (&self.site, Feature::Luma);
        let mut config = configuration(site, node, self.address(), luma, spec, credit);
        config.stream.key = CameraKey::Secret(camera_secret_key(spec.scheme()));
        RunningCamera::start_configured(config, source)
    }

    /// Hears everything on the broker that matches `filter`.
    pub async fn listen(&self, filter: &str) -> Listener {
        Listener::start(&self.site.mqtt("listener", self.address()), filter).await
    }

    /// Where the viewer's page is served.
    pub fn page(&self) -> SocketAddr {
        self.page
            .borrow()
            .expect("the viewer is configured with a page")
    }

    /// Stops the viewer, and starts it again at the same address once `meanwhile` is over.
    pub async fn without_viewer(&mut self, meanwhile: impl AsyncFnOnce()) {
        self.viewer_stop.cancel();
        let ended = timeout(PATIENCE, &mut self.viewer).await;
        ended.expect("it did not end").unwrap().unwrap();
        meanwhile().await;
        let mut config = self.viewer_config.clone();
        let page = *self.page.borrow();
        if let (Some(web), Some(page)) = (&mut config.web, page) {
            web.listen = page;
        }
        self.viewer_stop = self.stop.child_token();
        let viewer = viewer::run(config, self.observer.clone(), self.viewer_stop.clone());
        self.viewer = tokio::spawn(viewer);
        self.until_online(&[VIEWER]).await;
    }

    /// What the viewer tells next, but for single tiles.
    pub async fn event(&mut self) -> ViewerEvent {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("the viewer tells nothing").expect("it ended")
    }

    /// What the viewer tells next, which has to be a map.
    pub async fn map(&mut self) -> (FrameId, FeatureMap) {
        match self.event().await {
            ViewerEvent::Map { frame, map, .. } => (frame, map),
            other => panic!("no map but {other:?}"),
        }
    }

    /// Waits until each of `nodes` has said that it is online.
    async fn until_online(&mut self, nodes: &[&str]) {
        let filter = Topic::all_node_states(self.site.name());
        let mut states = self.listen(&filter).await;
        let mut missing = BTreeSet::from_iter(nodes.iter().copied());
        while !missing.is_empty() {
            let message = tokio::select! {
                message = states.next() => message,
                ended = &mut self.worker => panic!("the worker ended: {ended:?}"),
                ended = &mut self.viewer => panic!("the viewer ended: {ended:?}"),
            };
            if let Ok(Topic::NodeState { node, .. }) = Topic::parse(&message.topic)
                && String::from_utf8_lossy(&message.bytes).contains("\"online\"")
            {
                missing.remove(node.as_str());
            }
        }
    }

    /// Stops all nodes in good order.
    pub async fn stop(self) -> (WorkerSummary, ViewerSummary) {
        self.stop.cancel();
        let ended = async { tokio::join!(self.worker, self.viewer) };
        let (worker, viewer) = timeout(PATIENCE, ended).await.expect("they did not end");
        self.broker.stop().await;
        (worker.unwrap().unwrap(), viewer.unwrap().unwrap())
    }
}
