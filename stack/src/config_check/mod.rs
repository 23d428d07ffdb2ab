//! `blindsight config check`: finds every problem of configuration files, each alone and all together, and touches
//! nothing.

mod agreement;

use agreement::{BrokerFile, NodeFile, NodeKind};
use broker::{BrokerConfig, BrokerToml};
use camera_node::CameraConfig;
use clap::Subcommand;
use pooling_worker::WorkerConfig;
use std::path::{Path, PathBuf};
use viewer::ViewerConfig;
use wire::config::ConfigErrors;
use wire::failure::{Failure, FailureKind};
use wire::stdout;

/// Subcommands of `blindsight config`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Find all problems of configuration files, also where they do not fit each other; exit code 78 if there are any
    Check {
        /// Files, each named after its node: broker.toml, camera.toml, worker.toml or viewer.toml (or `camera-gate.toml`
        /// and the like); those of one site together, so that they can be compared
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// A file that is fine by itself.
enum Loaded {
    Broker(Box<BrokerFile>),
    Node(&'static str, Box<NodeFile>),
}

/// Runs one of the subcommands.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    let Command::Check { files } = command;
    let mut failures = Vec::new();
    let (mut brokers, mut nodes) = (Vec::new(), Vec::new());
    for path in files {
        let node = match load(path) {
            Ok(Loaded::Broker(file)) => {
                brokers.push(*file);
                "broker"
            }
            Ok(Loaded::Node(node, file)) => {
                nodes.push(*file);
                node
            }
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        stdout::line(format_args!("{}: fine ({node})", path.display()));
    }
    // Files of several sites cannot be told apart.
    let broker = match &brokers[..] {
        [broker] => Some(broker),
        _ => None,
    };
    let found = agreement::compare(broker, &nodes);
    for remark in &found.remarks {
        stdout::line(remark);
    }
    if !found.problems.is_empty() {
        let count = found.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        failures.push(Failure::new(
            FailureKind::Configuration,
            format!(
                "{count} {noun} between the files\n{}",
                found.problems.join("\n")
            ),
            "docs/ref/configuration.md describes every key",
        ));
    }
    let Some(first) = failures.first() else {
        return Ok(());
    };
    let what = failures
        .iter()
        .map(|failure| failure.what.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    Err(Failure::new(first.kind, what, first.mend.clone()))
}

/// Loads a file as its node would.
fn load(path: &Path) -> Result<Loaded, Failure> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let node = |name, mqtt, kind| {
        let path = path.to_owned();
        Loaded::Node(name, Box::new(NodeFile { path, mqtt, kind }))
    };
    let loaded: Result<Loaded, ConfigErrors> = match stem.split('-').next().unwrap_or_default() {
        "broker" => load_broker(path),
        "camera" => CameraConfig::load(path).map(|config| {
            let mqtt = config.link.mqtt.clone();
            node("camera-node", mqtt, NodeKind::Camera(Box::new(config)))
        }),
        "worker" => WorkerConfig::load(path).map(|config| {
            let kind = NodeKind::Worker {
                threads: config.threads,
                backlog_bytes: config.backlog_bytes,
            };
            node("pooling-worker", config.link.mqtt, kind)
        }),
        "viewer" => ViewerConfig::load(path).map(|config| {
            let frames_in_progress = config.frames_in_progress;
            let kind = NodeKind::Viewer { frames_in_progress };
            node("viewer", config.link.mqtt, kind)
        }),
        _ => {
            return Err(Failure::new(
                FailureKind::Usage,
                format!("{} does not say whose configuration it is", path.display()),
                "name it broker.toml, camera.toml, worker.toml or viewer.toml",
            ));
        }
    };
    Ok(loaded?)
}

fn load_broker(path: &Path) -> Result<Loaded, ConfigErrors> {
    let (config, says_ring_log) = wire::config::load(path, |typed: BrokerToml, problems| {
        let section = typed.broker.as_ref();
        let says_ring_log = section.is_some_and(|section| section.ring_log_bytes.is_some());
        Some((BrokerConfig::meaning(typed, problems)?, says_ring_log))
    })?;
    let path = path.to_owned();
    Ok(Loaded::Broker(Box::new(BrokerFile {
        path,
        config,
        says_ring_log,
    })))
}
