//! `blindsight keys`: makes, shows, hands out, enrols, revokes and rotates keys.

mod enroll;
mod export;
mod identity;
mod new;
mod retire;
mod revoke;
mod rotate;
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
    /// Make a signing key on its node's own machine, and the verifying key that is to be enrolled
    Identity(identity::Args),
    /// Add a node's verifying key to a trust store
    Enroll(enroll::Args),
    /// Take a node, or one of its keys, out of a trust store; running nodes follow
    Revoke(revoke::Args),
    /// Make a new key set beside the one that is in use
    Rotate(rotate::Args),
    /// Say in a trust store that a key set does not count any more; running nodes follow
    Retire(retire::Args),
}

/// Runs one of the subcommands.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::New(args) => new::run(args),
        Command::Show(args) => show::run(args),
        Command::Export(args) => export::run(args),
        Command::Identity(args) => identity::run(args),
        Command::Enroll(args) => enroll::run(args),
        Command::Revoke(args) => revoke::run(args),
        Command::Rotate(args) => rotate::run(args),
        Command::Retire(args) => retire::run(args),
    }
}
