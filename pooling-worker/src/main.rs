//! The `pooling-worker` command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pooling_worker::WorkerConfig;
use wire::failure::{Failure, exit_with};
use wire::shutdown::run_until_signals;
use wire::telemetry;

/// Pools encrypted camera tiles without seeing them.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run until interrupted.
    Run {
        /// The worker's configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Take keys of the scheme `plain`, which hides nothing. For dry runs.
        #[arg(long)]
        insecure_plain: bool,
    },
}

fn main() -> ExitCode {
    let Command::Run {
        config,
        insecure_plain,
    } = Args::parse().command;
    exit_with(run(&config, insecure_plain))
}

fn run(path: &Path, insecure_plain: bool) -> Result<(), Failure> {
    let mut config = WorkerConfig {
        insecure_plain,
        ..WorkerConfig::load(path)?
    };
    config.telemetry = config.telemetry.supervised();
    telemetry::init(config.log)?;
    run_until_signals(|shutdown| pooling_worker::run(config, shutdown)).map(drop)
}
