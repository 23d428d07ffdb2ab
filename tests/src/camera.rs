//! A camera in this process.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use camera_node::source::{Repeat, Source};
use camera_node::{
    CameraConfig, CameraEvent, CameraKey, CameraSummary, DEFAULT_BYTES_ON_THE_WAY, DeliveryConfig,
    Feature, Policy, SourceConfig, StreamConfig,
};
use cipherframe::{QuantisedFrame, StreamSpec};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire::config::LogConfig;
use wire::failure::Failure;
use wire::message::FrameId;
use wire::shutdown::Shutdown;

use crate::PATIENCE;
use crate::key_cache::key_set;
use crate::site::Site;
use crate::stack::telemetry;

/// Longer than any receipt takes, so that no frame is sent again because the machine is busy.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(3600);

/// A camera that runs, and what it tells.
pub struct RunningCamera {
    task: JoinHandle<Result<CameraSummary, Failure>>,
    events: mpsc::UnboundedReceiver<CameraEvent>,
    shutdown: Shutdown,
}

/// The configuration of `node` of `site` for a stream of a feature, with a public key.
pub fn configuration(
    site: &Site,
    node: &str,
    broker: SocketAddr,
    feature: Feature,
    spec: &StreamSpec,
    credit: u32,
) -> CameraConfig {
    CameraConfig {
        link: site.link(node, broker),
        // The source is open already.
        source: SourceConfig::Folder {
            folder: PathBuf::new(),
            interval: None,
            repeat: Repeat::Once,
        },
        stream: StreamConfig {
            spec: spec.clone(),
            feature,
            key: CameraKey::Public(key_set(spec.scheme()).join(client_key::PUBLIC_KEY_FILE)),
        },
        delivery: DeliveryConfig {
            policy: Policy::All,
            credit: NonZeroU32::new(credit).unwrap(),
            bytes_on_the_way: DEFAULT_BYTES_ON_THE_WAY,
            receipt_timeout: RECEIPT_TIMEOUT,
            spool: None,
        },
        telemetry: telemetry(),
        log: LogConfig::default(),
        insecure_plain: true,
    }
}

impl RunningCamera {
    /// Starts `node` of `site` on a feature of the frames of `source`.
    pub fn start(
        site: &Site,
        node: &str,
        broker: SocketAddr,
        feature: Feature,
        spec: &StreamSpec,
        source: Box<dyn Source>,
        credit: u32,
    ) -> Self {
        let config = configuration(site, node, broker, feature, spec, credit);
        Self::start_configured(config, source)
    }

    /// Starts a camera as configured, on the frames of `source`.
    pub fn start_configured(config: CameraConfig, source: Box<dyn Source>) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let observer = Arc::new(move |event| drop(sender.send(event)));
        let shutdown = Shutdown::new();
        let task = tokio::spawn(camera_node::run(config, source, observer, shutdown.clone()));
        Self {
            task,
            events,
            shutdown,
        }
    }

    /// The next frame that it captured and will send.
    pub async fn captured(&mut self) -> (FrameId, QuantisedFrame) {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await;
            match event.expect("no frame was captured") {
                Some(CameraEvent::Captured {
                    frame, quantised, ..
                }) => return (frame, quantised),
                Some(_) => {}
                None => panic!("the camera ended"),
            }
        }
    }

    /// The next frame of which every tile but the last has been sent for the first time.
    pub async fn sent(&mut self) -> FrameId {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await;
            match event.expect("no frame was sent") {
                Some(CameraEvent::Sent { frame, .. }) => return frame,
                Some(_) => {}
                None => panic!("the camera ended"),
            }
        }
    }

    /// Waits until it has failed, which it has to.
    pub async fn failure(self) -> Failure {
        let ended = timeout(PATIENCE, self.task).await;
        let ended = ended.expect("the camera did not end").unwrap();
        ended.expect_err("the camera ended well")
    }

    /// Asks it to stop, and waits.
    pub async fn stop(self) -> CameraSummary {
        self.shutdown.cancel();
        self.end().await.0
    }

    /// Waits until the source has ended and every frame has its receipt. Gives the events not taken before.
    pub async fn end(mut self) -> (CameraSummary, Vec<CameraEvent>) {
        let ended = timeout(PATIENCE, self.task).await;
        let summary = ended.expect("the camera did not end").unwrap().unwrap();
        // Not until nobody can tell of more: a thread that still waits for a frame could.
        let mut events = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            events.push(event);
        }
        (summary, events)
    }
}
