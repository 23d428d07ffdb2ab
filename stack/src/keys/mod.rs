//! `blindsight keys`: makes, shows, hands out and enrols keys.

mod enroll;
mod export;
mod new;
mod show;

use clap::Subcommand;
use wire::failure::Failure;

/// Subcommands of `blindsight keys`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Make the keys and identities of a site in a data folder; what is there stays
    New(new::Args),
    /// Say what a key file is, without showing the key
    Show(show::Args),
    /// Copy what one node needs into a folder for it
    Export(export::Args),
    /// Add a node's verifying key to a trust store
    Enroll(enroll::Args),
}

/// Runs one of the subcommands.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::New(args) => new::run(args),
        Command::Show(args) => show::run(args),
        Command::Export(args) => export::run(args),
        Command::Enroll(args) => enroll::run(args),
    }
}
