//! `blindsight keys retire`.

use cipherframe::KeyId;
use clap::Args as ClapArgs;
use keyfile::{KeyFile, Role};
use std::path::{Path, PathBuf};
use wire::failure::{Failure, FailureKind};
use wire::stdout;
use wire::trust::TrustStore;

/// Options of `blindsight keys retire`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The trust store
    #[arg(long, default_value = "blindsight-data/trust.toml")]
    trust: PathBuf,
    /// The key set: its id of 32 hex digits, or one of its key files
    #[arg(long)]
    key_set: String,
}

/// Adds the key set to those that the trust store refuses.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let key_set = match args.key_set.parse::<KeyId>() {
        Ok(id) => id,
        Err(_) => key_set_of(Path::new(&args.key_set))?,
    };
    TrustStore::change(&args.trust, |trust| trust.retire(key_set))?;
    stdout::line(format_args!(
        "key set {key_set} is retired in {}",
        args.trust.display()
    ));
    eprintln!(
        "running nodes that use this file follow within seconds; retire it in the trust files of all other workers, \
         viewers and cameras too"
    );
    Ok(())
}

fn key_set_of(path: &Path) -> Result<KeyId, Failure> {
    let info = KeyFile::inspect(path)?;
    match info.role {
        Role::SigningKey | Role::VerifyingKey => Err(Failure::new(
            FailureKind::Usage,
            format!(
                "{} is a {}, which is of no key set",
                path.display(),
                info.role
            ),
            "give a client, camera or evaluation key, or revoke the node with `blindsight keys revoke`",
        )),
        _ => Ok(info.key_id),
    }
}
