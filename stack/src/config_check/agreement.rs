//! Whether the files of a site agree with each other (pure).

use broker::BrokerConfig;
use camera_node::{CameraConfig, FrameSize};
use cipherframe::SchemeId;
use pooling_worker::BYTES_BESIDES;
use std::path::PathBuf;
use std::time::Duration;
use wire::mqtt::MqttConfig;

/// Connections of a node.
const CONNECTIONS_OF_A_NODE: usize = 2;
/// A message should need a third of the time that it may take.
const UPLINK_RESERVE: f64 = 3.0;
/// With scheme tfhe, a stride of 1 and padding, maps may have so many times the bytes of their frames.
const LARGE_MAPS: u64 = 3;

/// The broker's file.
pub(super) struct BrokerFile {
    pub(super) path: PathBuf,
    pub(super) config: BrokerConfig,
    /// Whether the file says how large ring logs are.
    pub(super) says_ring_log: bool,
}

/// The file of any other node.
pub(super) struct NodeFile {
    pub(super) path: PathBuf,
    pub(super) mqtt: MqttConfig,
    pub(super) kind: NodeKind,
}

/// What else the file of a node says.
pub(super) enum NodeKind {
    Camera(Box<CameraConfig>),
    Worker {
        /// 0 for one on each core.
        threads: usize,
        backlog_bytes: usize,
    },
    Viewer {
        frames_in_progress: usize,
    },
}

impl NodeFile {
    fn camera(&self) -> Option<&CameraConfig> {
        match &self.kind {
            NodeKind::Camera(camera) => Some(camera),
            NodeKind::Worker { .. } | NodeKind::Viewer { .. } => None,
        }
    }

    fn problem(&self, key: &str, what: &str, mend: &str) -> String {
        format!("{}: {key}: {what}; {mend}", self.path.display())
    }
}

/// What was found in the files together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// What has to be mended, each as `file: key: what; what to do`.
    pub(super) problems: Vec<String>,
    /// What is worth knowing.
    pub(super) remarks: Vec<String>,
}

/// Compares the nodes with each other, and with the broker if its file was given.
pub(super) fn compare(broker: Option<&BrokerFile>, nodes: &[NodeFile]) -> Findings {
    let mut found = Findings::default();
    for node in nodes {
        match &node.kind {
            NodeKind::Camera(camera) => frame_sizes(node, camera, &mut found),
            NodeKind::Worker { backlog_bytes, .. } => {
                receiver(node, nodes, &mut found);
                backlog(node, *backlog_bytes, nodes, &mut found);
            }
            NodeKind::Viewer { frames_in_progress } => {
                receiver(node, nodes, &mut found);
                in_progress(node, *frames_in_progress, nodes, &mut found);
            }
        }
    }
    if let Some(broker) = broker {
        for node in nodes {
            packets(broker, node, &mut found);
            entrance(broker, node, &mut found);
        }
        connections(broker, nodes.len(), &mut found);
        ring_log(broker, nodes, &mut found);
    }
    found
}

/// A camera's frames against its own file, and the uplink that they need.
fn frame_sizes(node: &NodeFile, camera: &CameraConfig, found: &mut Findings) {
    // A stream that was read from a file has a length for every tile.
    let Ok(frame) = FrameSize::of_stream(&camera.stream) else {
        return;
    };
    let (largest, limit) = (frame.largest_message, node.mqtt.max_packet_bytes);
    if largest > limit as u64 {
        found.problems.push(node.problem(
            "mqtt.max_packet_bytes",
            &format!("{limit} is less than the {largest} bytes of a tile on its way"),
            "raise it at every node and `broker.max_packet_bytes`, or use a smaller `stream.kernel`",
        ));
    }
    let on_the_way = camera.delivery.bytes_on_the_way;
    if frame.bytes > on_the_way {
        found.problems.push(node.problem(
            "delivery.bytes_on_the_way",
            &format!("{on_the_way} is less than the {} bytes of a frame on its way", frame.bytes),
            "raise it together with `broker.ring_log_bytes`, or use a smaller `stream.size` or fewer levels",
        ));
    }
    if let Some(spool) = &camera.delivery.spool
        && frame.bytes > spool.bytes
    {
        found.problems.push(node.problem(
            "delivery.spool_bytes",
            &format!(
                "{} is less than the {} bytes of a frame",
                spool.bytes, frame.bytes
            ),
            "raise it, or use a smaller `stream.size` or fewer levels",
        ));
    }
    if let Some(spool) = &camera.delivery.spool {
        found.remarks.push(format!(
            "{}: the spool has room for {} frames",
            node.path.display(),
            spool.bytes / frame.bytes.max(1)
        ));
    }
    let time = time_for_a_message(&node.mqtt);
    found.remarks.push(format!(
        "{}: needs an uplink of {:.0} bytes/s: a message has up to {largest} bytes and {} s at most",
        node.path.display(),
        (largest as f64 * UPLINK_RESERVE / time.as_secs_f64()).ceil(),
        time.as_secs_f64()
    ));
}

/// A worker or viewer against the largest message that it gets.
fn receiver(node: &NodeFile, nodes: &[NodeFile], found: &mut Findings) {
    let frames = nodes.iter().filter_map(NodeFile::camera);
    let frames = frames.filter_map(|camera| FrameSize::of_stream(&camera.stream).ok());
    let largest = frames.map(|frame| frame.largest_message).max();
    let limit = node.mqtt.max_packet_bytes;
    if let Some(largest) = largest.filter(|largest| *largest > limit as u64) {
        found.problems.push(node.problem(
            "mqtt.max_packet_bytes",
            &format!("{limit} is less than the {largest} bytes of a message of these cameras"),
            "raise it at every node and `broker.max_packet_bytes`",
        ));
    }
}

/// A worker's lanes against what the cameras may have on their way: a full lane stops all streams.
fn backlog(node: &NodeFile, backlog_bytes: usize, nodes: &[NodeFile], found: &mut Findings) {
    let (mut wide, mut narrow) = (0_u64, 0_u64);
    for camera in nodes.iter().filter_map(NodeFile::camera) {
        let lane = match camera.stream.spec.scheme().get().tile_uses_all_threads() {
            true => &mut wide,
            false => &mut narrow,
        };
        *lane = lane.saturating_add(most_in_a_lane(camera));
    }
    let needed = wide.max(narrow);
    if needed == 0 {
        return;
    }
    if needed > backlog_bytes as u64 {
        found.problems.push(node.problem(
            "pool.backlog_bytes",
            &format!("{backlog_bytes} is less than the {needed} that a lane counts for what these cameras may have on their way"),
            &format!("write `backlog_bytes = {needed}`, or lower the cameras' `delivery.credit`"),
        ));
    } else {
        let path = node.path.display();
        found.remarks.push(format!(
            "{path}: for what these cameras may have on their way `backlog_bytes = {needed}` is enough"
        ));
    }
}

/// What a lane counts for the frames that the credit of a camera, and its `delivery.bytes_on_the_way`, let on their way.
fn most_in_a_lane(camera: &CameraConfig) -> u64 {
    let stream = &camera.stream;
    let frame = FrameSize::of_stream(stream).unwrap_or_default();
    let credit = u64::from(camera.delivery.credit.get());
    let frames = credit.min(camera.delivery.bytes_on_the_way / frame.bytes.max(1));
    let besides = u64::from(stream.spec.tile_plan().tile_count()) * BYTES_BESIDES as u64;
    frames.saturating_mul(frame.bytes.saturating_add(besides))
}

/// A viewer's frames in progress against the frames that come to it at the same time.
fn in_progress(node: &NodeFile, allowed: usize, nodes: &[NodeFile], found: &mut Findings) {
    let cameras = nodes.iter().filter_map(NodeFile::camera).count();
    let threads = |node: &NodeFile| match node.kind {
        NodeKind::Worker { threads, .. } => threads,
        NodeKind::Camera(_) | NodeKind::Viewer { .. } => 0,
    };
    let needed = cameras + nodes.iter().map(threads).sum::<usize>();
    if cameras == 0 {
        return;
    }
    let cores = ", and one more for each core of a worker whose `pool.threads` is 0";
    if needed > allowed {
        found.problems.push(node.problem(
            "limits.frames_in_progress",
            &format!("{allowed} is less than these cameras and threads of workers need"),
            &format!("write `frames_in_progress = {needed}`{cores}"),
        ));
    } else {
        let path = node.path.display();
        found.remarks.push(format!(
            "{path}: for these cameras and threads of workers `frames_in_progress = {needed}` is enough{cores}"
        ));
    }
}

/// In which a message must be sent whole: our own limit, and the broker's.
fn time_for_a_message(mqtt: &MqttConfig) -> Duration {
    mqtt.connection_timeout.min(mqtt.keep_alive.mul_f64(1.5))
}

fn packets(broker: &BrokerFile, node: &NodeFile, found: &mut Findings) {
    let (own, brokers) = (node.mqtt.max_packet_bytes, broker.config.max_packet_bytes);
    if own > brokers {
        found.problems.push(node.problem(
            "mqtt.max_packet_bytes",
            &format!(
                "{own} is more than the {brokers} of the broker, which hangs up on larger packets"
            ),
            "lower it, or raise `broker.max_packet_bytes`",
        ));
    }
}

fn entrance(broker: &BrokerFile, node: &NodeFile, found: &mut Findings) {
    let tls = broker.config.tls.as_ref();
    let mut problem = |key, what, mend| found.problems.push(node.problem(key, what, mend));
    match (tls, &node.mqtt.tls) {
        (Some(_), None) => problem(
            "mqtt.url",
            "the broker speaks TLS only",
            "write mqtts:// and the broker's name",
        ),
        (None, Some(_)) => problem(
            "mqtt.url",
            "the broker does not speak TLS",
            "write mqtt://, or add `[tls]` to the broker's file",
        ),
        (Some(brokers), Some(own)) if brokers.client_ca.is_some() && own.identity.is_none() => {
            problem(
                "mqtt.client_certificate",
                "the broker wants a client certificate",
                "add it and `mqtt.client_key`, or remove `tls.client_ca` from the broker's file",
            );
        }
        _ => {}
    }
    if broker.config.users.is_some() && node.mqtt.login.is_none() {
        problem(
            "mqtt.username",
            "the broker wants a user name and a password",
            "add it and `mqtt.password_file`, or remove `[auth]` from the broker's file",
        );
    }
}

fn connections(broker: &BrokerFile, nodes: usize, found: &mut Findings) {
    let (needed, allowed) = (CONNECTIONS_OF_A_NODE * nodes, broker.config.max_connections);
    if needed > allowed {
        found.problems.push(format!(
            "{}: broker.max_connections: {allowed} is less than the {needed} connections of these nodes; raise it",
            broker.path.display()
        ));
    }
}

/// What the cameras may have on their way against what the broker surely keeps.
fn ring_log(broker: &BrokerFile, nodes: &[NodeFile], found: &mut Findings) {
    let cameras = || nodes.iter().filter_map(NodeFile::camera);
    if cameras().next().is_none() {
        return;
    }
    let on_the_way = cameras().map(bytes_to_keep).fold(0, u64::saturating_add);
    let needed = usize::try_from(on_the_way).unwrap_or(usize::MAX);
    let (config, file) = (&broker.config, broker.path.display());
    let kept = config.surely_kept_bytes();
    let least = BrokerConfig {
        ring_log_bytes: 0,
        ..config.clone()
    };
    let least = least.keeping(needed);
    let line = format!("`ring_log_bytes = {}`", least.ring_log_bytes);
    if kept >= needed {
        found.remarks.push(format!(
            "{file}: surely keeps {kept} bytes; the cameras may have {on_the_way} on their way, for which {line} is enough"
        ));
        return;
    }
    let source = if broker.says_ring_log {
        "surely keeps"
    } else {
        "left out, surely keeps"
    };
    let mend = if least.surely_kept_bytes() >= needed {
        format!("write {line}, or lower the cameras' `delivery.bytes_on_the_way`")
    } else {
        "lower the cameras' `delivery.bytes_on_the_way`: no ring log keeps so much".to_owned()
    };
    found.problems.push(format!(
        "{file}: broker.ring_log_bytes: {}, {source} {kept} bytes, and the cameras may have {on_the_way} on their way; \
         {mend}",
        config.ring_log_bytes
    ));
}

/// The frames of a camera, or their maps where those are larger.
fn bytes_to_keep(camera: &CameraConfig) -> u64 {
    let (spec, pool) = (&camera.stream.spec, camera.stream.spec.pool());
    let large = spec.scheme() == SchemeId::Tfhe && pool.stride() == 1 && pool.padding() > 0;
    let factor = if large { LARGE_MAPS } else { 1 };
    camera.delivery.bytes_on_the_way.saturating_mul(factor)
}

#[cfg(test)]
mod tests;
