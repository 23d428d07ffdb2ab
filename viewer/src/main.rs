//! The `viewer` command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use viewer::ViewerConfig;
use wire::failure::{Failure, FailureKind, exit_with};
use wire::{shutdown, telemetry};

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
    let config = ViewerConfig {
        insecure_plain,
        ..ViewerConfig::load(path)?
    };
    telemetry::init(config.log)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        Failure::new(
            FailureKind::Io,
            format!("starting the runtime failed: {error}"),
            "allow this user more threads",
        )
    })?;
    let result = runtime.block_on(async {
        let shutdown = shutdown::on_signals()?;
        viewer::run(config, Arc::new(|_| {}), shutdown).await
    });
    // A thread that still blocks must not hold up the end of the program.
    runtime.shutdown_background();
    result.map(drop)
}
