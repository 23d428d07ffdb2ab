//! The `viewer` command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use viewer::ViewerConfig;
use wire::failure::{Failure, exit_with};
use wire::shutdown::run_until_signals;
use wire::telemetry;

/// Decrypts feature maps, writes them as pictures and logs them.
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
        /// The viewer's configuration file.
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
    let mut config = ViewerConfig {
        insecure_plain,
        ..ViewerConfig::load(path)?
    };
    config.telemetry = config.telemetry.supervised();
    telemetry::init(config.log)?;
    run_until_signals(|shutdown| viewer::run(config, Arc::new(|_| {}), shutdown)).map(drop)
}
