//! The `camera-node` command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use camera_node::{CameraConfig, samples};
use clap::{Parser, Subcommand};
use wire::failure::{Failure, exit_with};
use wire::shutdown::run_until_signals;
use wire::telemetry;

/// Encrypts camera frames and publishes them.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run until the frames end or until interrupted.
    Run {
        /// The camera's configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Allow the scheme `plain`, which hides nothing. For dry runs.
        #[arg(long)]
        insecure_plain: bool,
    },
    /// Write the sample frames, a street scene, as PNG files.
    RenderSamples {
        /// The folder to write to.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    exit_with(match Args::parse().command {
        Command::Run {
            config,
            insecure_plain,
        } => run(&config, insecure_plain),
        Command::RenderSamples { out } => render(&out),
    })
}

fn run(path: &Path, insecure_plain: bool) -> Result<(), Failure> {
    let mut config = CameraConfig {
        insecure_plain,
        ..CameraConfig::load(path)?
    };
    config.telemetry = config.telemetry.supervised();
    telemetry::init(config.log)?;
    let source = config.source.open()?;
    run_until_signals(|shutdown| camera_node::run(config, source, Arc::new(|_| {}), shutdown))
        .map(drop)
}

fn render(out: &Path) -> Result<(), Failure> {
    let frames = samples::render(out)?;
    eprintln!("wrote {frames} frames to {}", out.display());
    Ok(())
}
