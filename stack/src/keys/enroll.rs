//! `blindsight keys enroll`.

use clap::Args as ClapArgs;
use keyfile::{KeyFile, Role};
use std::path::{Path, PathBuf};
use wire::failure::{Failure, FailureKind};
use wire::identity::{PublicIdentity, SigningIdentity};
use wire::name::Name;
use wire::role::NodeRole;
use wire::stdout;
use wire::trust::{Cameras, TrustStore};
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
    /// A camera whose maps (a worker) or receipts (a viewer) it may sign; may be given several times [default: those of
    /// the name's other keys, or all]
    #[arg(long = "camera")]
    cameras: Vec<Name>,
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
    let cameras = TrustStore::change_or_create(&args.trust, |trust| {
        let cameras = match args.cameras.is_empty() {
            true => known_cameras(trust, &name, args.role),
            false => Cameras::Only(args.cameras.clone()),
        };
        trust.enroll_for(&name, args.role, &key, cameras.clone())?;
        Ok(cameras)
    })?;
    let of_cameras = match &cameras {
        Cameras::All => String::new(),
        only => format!(" for {only}"),
    };
    stdout::line(format_args!(
        "{name} is enrolled as {}{of_cameras} in {}",
        args.role,
        args.trust.display()
    ));
    Ok(())
}

/// A further key of a name is kept to the cameras that the name is kept to: changing a key must not widen it.
fn known_cameras(trust: &TrustStore, name: &Name, role: NodeRole) -> Cameras {
    let mut keys = trust.nodes().iter();
    let known = keys.rfind(|known| known.name() == name && known.role() == role);
    known.map_or(Cameras::All, |known| known.cameras().clone())
}

/// The name and key in a signing or verifying key file.
pub(super) fn read_public(path: &Path) -> Result<PublicIdentity, Failure> {
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
