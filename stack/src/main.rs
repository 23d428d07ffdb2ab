//! `blindsight`: the whole stack in one command, its keys, and its measurements.

mod auc;
mod bench;
mod config_check;
mod data_folder;
mod demo;
mod failure;
mod footage;
mod health;
mod keys;
mod progress;
mod stream_args;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use wire::failure::exit_with;

/// Analytics on camera frames that the machine doing the work cannot see.
#[derive(Parser, Debug)]
#[command(name = "blindsight", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run camera, broker, worker and viewer on a folder of frames
    Demo(demo::Args),
    /// Make, show, hand out and enrol keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Measure encryption, pooling and decryption of one frame
    Bench(bench::Args),
    /// Say how well the anomaly detector ranks labelled footage
    Auc(auc::Args),
    /// Look at configuration files
    #[command(subcommand)]
    Config(config_check::Command),
    /// Ask a running node whether it is ready
    Health(health::Args),
}

fn main() -> ExitCode {
    exit_with(match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Keys(command) => keys::run(&command),
        Command::Bench(args) => bench::run(&args),
        Command::Auc(args) => auc::run(&args),
        Command::Config(command) => config_check::run(&command),
        Command::Health(args) => health::run(&args),
    })
}
