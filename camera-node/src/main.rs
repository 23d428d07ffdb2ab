//! The `camera-node` command.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use camera_node::{CameraConfig, bench, samples, snapshot, source};
use clap::{Parser, Subcommand};
use wire::failure::{Failure, FailureKind, exit_with};
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
    /// Show the video devices of this machine and what each can do.
    List,
    /// Save a frame as it would be encrypted, to aim the camera by.
    Snapshot {
        /// The camera's configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The PNG file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Save the frame as the source gives it.
        #[arg(long)]
        raw: bool,
    },
    /// Say what frames cost in time, memory and bytes, without a broker.
    Bench {
        /// The camera's configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How many frames to measure, if the source has so many.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
        frames: u64,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
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
        Command::List => source::usb_cameras().and_then(print),
        Command::Snapshot { config, out, raw } => snapshot(&config, &out, raw),
        Command::Bench {
            config,
            frames,
            json,
            insecure_plain,
        } => bench(&config, frames, json, insecure_plain),
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

fn snapshot(path: &Path, out: &Path, raw: bool) -> Result<(), Failure> {
    let config = CameraConfig::load(path)?;
    telemetry::init(config.log)?;
    let picture = snapshot::save(&config, raw, out)?;
    let (width, height) = (picture.width(), picture.height());
    eprintln!("wrote {width}x{height} pixels to {}", out.display());
    Ok(())
}

fn bench(path: &Path, frames: u64, json: bool, insecure_plain: bool) -> Result<(), Failure> {
    let config = CameraConfig {
        insecure_plain,
        ..CameraConfig::load(path)?
    };
    telemetry::init(config.log)?;
    let report = bench::run(&config, frames)?;
    print(if json {
        serde_json::to_string(&report).map_err(|error| Failure::of(FailureKind::Bug, &error))?
    } else {
        report.to_string()
    })
}

fn print(result: String) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{result}").map_err(|error| {
        Failure::io(
            "writing to stdout",
            &error,
            "free some space, or write elsewhere",
        )
    })
}

fn render(out: &Path) -> Result<(), Failure> {
    let frames = samples::render(out)?;
    eprintln!("wrote {frames} frames to {}", out.display());
    Ok(())
}
