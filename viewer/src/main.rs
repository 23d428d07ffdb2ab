//! The `viewer` command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use viewer::{ViewerConfig, offline};
use wire::failure::{Failure, exit_with};
use wire::shutdown::run_until_signals;
use wire::stdout;
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
    /// Learn what is normal from maps, and write a model file.
    Train {
        /// A folder of map pictures SEQ.png; folders in it are clips.
        #[arg(long, value_name = "DIR")]
        maps: PathBuf,
        /// How many levels the maps have: 3 for `levels = [8, 20, 45]`, 15 for `bits = 4`.
        #[arg(long, value_name = "L", value_parser = clap::value_parser!(u8).range(1..))]
        levels: u8,
        /// The model file to write.
        #[arg(long, value_name = "FILE")]
        model: PathBuf,
    },
    /// Score maps with a model file; a line of JSON for each map on stdout.
    Score {
        /// A folder of map pictures SEQ.png; folders in it are clips.
        #[arg(long, value_name = "DIR")]
        maps: PathBuf,
        /// The model file.
        #[arg(long, value_name = "FILE")]
        model: PathBuf,
    },
}

fn main() -> ExitCode {
    exit_with(match Args::parse().command {
        Command::Run {
            config,
            insecure_plain,
        } => run(&config, insecure_plain),
        Command::Train {
            maps,
            levels,
            model,
        } => train(&maps, levels, &model),
        Command::Score { maps, model } => offline::score(&maps, &model, stdout::line),
    })
}

fn train(maps: &Path, levels: u8, file: &Path) -> Result<(), Failure> {
    let model = offline::train(maps, levels, file)?;
    let (clips, maps, threshold) = (model.clips(), model.maps(), model.threshold());
    eprintln!(
        "{}: learned from {clips} clips, {maps} maps; threshold {threshold:.3}",
        file.display()
    );
    Ok(())
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
