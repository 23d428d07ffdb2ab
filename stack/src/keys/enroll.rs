//! `blindsight keys enroll`.

use crate::stdout;
use clap::Args as ClapArgs;
use keyfile::{KeyFile, Role};
use std::path::{Path, PathBuf};
use wire::failure::{Failure, FailureKind};
use wire::identity::{PublicIdentity, SigningIdentity};
use wire::name::Name;
use wire::role::NodeRole;
use wire::trust::TrustStore;
use wire::verifying_key::VerifyingKey;

/// Options of `blindsight keys enroll`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The trust store; made if missing
    #[arg(long, default_value = "blindsight-data/trust.toml")]
    trust: PathBuf,
    /// What the node does: camera, worker or viewer
    #[arg(long)]
    role: NodeRole,
    /// The node's name [default: the name in the key file]
    #[arg(long)]
    name: Option<Name>,
    /// A signing or verifying key file, or a verifying key as 64 hex digits
    #[arg(long)]
    key: String,
}

/// Adds the key to the trust store.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (name, key) = match args.key.parse::<VerifyingKey>() {
        Ok(key) => (args.name.clone().ok_or_else(name_missing)?, key),
        Err(_) => {
            let public = read_public(Path::new(&args.key))?;
            (args.name.clone().unwrap_or(public.name), public.key)
        }
    };
    let mut trust = match args.trust.exists() {
        true => TrustStore::load(&args.trust)?,
        false => TrustStore::new(),
    };
    trust.enroll(&name, args.role, &key)?;
    trust.save(&args.trust)?;
    stdout::line(format_args!(
        "{name} is enrolled as {} in {}",
        args.role,
        args.trust.display()
    ));
    Ok(())
}

fn read_public(path: &Path) -> Result<PublicIdentity, Failure> {
    match KeyFile::inspect(path)?.role {
        Role::SigningKey => Ok(SigningIdentity::load(path)?.public()),
        _ => Ok(PublicIdentity::load(path)?),
    }
}

fn name_missing() -> Failure {
    Failure::new(
        FailureKind::Usage,
        "a key in hex digits does not say whose it is",
        "add --name NAME",
    )
}
