//! `blindsight config check`: finds every problem of configuration files and touches nothing.

use crate::stdout;
use broker::BrokerConfig;
use camera_node::CameraConfig;
use clap::Subcommand;
use pooling_worker::WorkerConfig;
use std::path::{Path, PathBuf};
use viewer::ViewerConfig;
use wire::config::ConfigErrors;
use wire::failure::{Failure, FailureKind};

/// Subcommands of `blindsight config`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Find all problems of configuration files; exit code 78 if there are any
    Check {
        /// Files, each named after its node: broker.toml, camera.toml, worker.toml or viewer.toml (or `camera-gate.toml`
        /// and the like)
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// Runs one of the subcommands.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    let Command::Check { files } = command;
    let mut failures = Vec::new();
    for path in files {
        match check(path) {
            Ok(node) => stdout::line(format_args!("{}: fine ({node})", path.display())),
            Err(failure) => failures.push(failure),
        }
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

/// Loads a file as its node would and says which node that is.
fn check(path: &Path) -> Result<&'static str, Failure> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let node = stem.split('-').next().unwrap_or_default();
    let checked: Result<&str, ConfigErrors> = match node {
        "broker" => BrokerConfig::load(path).map(|_| "broker"),
        "camera" => CameraConfig::load(path).map(|_| "camera-node"),
        "worker" => WorkerConfig::load(path).map(|_| "pooling-worker"),
        "viewer" => ViewerConfig::load(path).map(|_| "viewer"),
        _ => {
            return Err(Failure::new(
                FailureKind::Usage,
                format!("{} does not say whose configuration it is", path.display()),
                "name it broker.toml, camera.toml, worker.toml or viewer.toml",
            ));
        }
    };
    Ok(checked?)
}
