//! `broker run --config FILE`

use std::path::PathBuf;
use std::process::ExitCode;

use broker::BrokerConfig;
use clap::{Parser, Subcommand};
use wire::failure::{Failure, exit_with};
use wire::{shutdown, telemetry};

/// The MQTT broker of Blindsight. It carries encrypted, signed messages and holds no keys.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run until SIGINT or SIGTERM.
    Run {
        /// The configuration, for example configs/demo/broker.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    let Command::Run { config } = Arguments::parse().command;
    exit_with(run(&config))
}

fn run(config: &std::path::Path) -> Result<(), Failure> {
    let config = BrokerConfig::load(config)?;
    telemetry::init(config.log)?;
    let listener = broker::bind(config.listen)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        Failure::io(
            "starting the runtime",
            &error,
            "close other programs and try again",
        )
    })?;
    runtime.block_on(async { broker::run(config, listener, shutdown::on_signals()?).await })
}
