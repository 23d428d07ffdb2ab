//! `broker run --config FILE`, `broker passwd --users FILE --user NAME`

mod passwd;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use broker::BrokerConfig;
use clap::{Parser, Subcommand};
use wire::failure::{Failure, exit_with};
use wire::shutdown::run_until_signals;
use wire::telemetry;

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
    /// Give a user of the broker a password, asked for twice, or once from stdin.
    Passwd(passwd::Arguments),
}

fn main() -> ExitCode {
    exit_with(match Arguments::parse().command {
        Command::Run { config } => run(&config),
        Command::Passwd(arguments) => passwd::run(&arguments),
    })
}

fn run(path: &Path) -> Result<(), Failure> {
    let mut config = BrokerConfig::load(path)?;
    config.telemetry = config.telemetry.supervised();
    telemetry::init(config.log)?;
    let listener = broker::bind(config.listen)?;
    run_until_signals(|shutdown| broker::run(config, listener, shutdown))
}
