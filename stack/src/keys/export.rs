//! `blindsight keys export`: what one node needs, and nothing that only another one may hold.

use crate::data_folder::{DataFolder, private_folder};
use crate::stdout;
use cipherframe::SchemeId;
use clap::Args as ClapArgs;
use std::fs;
use std::path::PathBuf;
use wire::failure::{Failure, FailureKind};
use wire::name::Name;
use wire::role::NodeRole;

/// Options of `blindsight keys export`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The data folder
    #[arg(long, alias = "data", default_value = "blindsight-data")]
    dir: PathBuf,
    /// Scheme of the key set
    #[arg(long, default_value = "tfhe")]
    scheme: SchemeId,
    /// What the node does: camera, worker or viewer
    #[arg(long = "for")]
    role: NodeRole,
    /// The node's name
    #[arg(long)]
    name: Name,
    /// A folder for the copies; existing files in it are not overwritten
    #[arg(long)]
    to: PathBuf,
}

/// Copies the node's signing key, the trust store and the one FHE key of its role.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let data = DataFolder::new(&args.dir);
    let fhe_key = match args.role {
        NodeRole::Camera => data.public_key(args.scheme),
        NodeRole::Worker => data.evaluation_key(args.scheme),
        NodeRole::Viewer => data.client_key(args.scheme),
    };
    private_folder(&args.to)?;
    for from in [data.signing_key(&args.name), fhe_key, data.trust()] {
        let Some(file_name) = from.file_name() else {
            continue;
        };
        let to = args.to.join(file_name);
        if to.exists() {
            return Err(Failure::new(
                FailureKind::Io,
                format!("{} exists and is never overwritten", to.display()),
                "choose an empty folder",
            ));
        }
        // Permissions are copied too: a secret stays readable by its owner alone.
        fs::copy(&from, &to).map_err(|error| {
            Failure::io(
                format!("copying {} to {}", from.display(), to.display()),
                &error,
                "make the keys with `blindsight keys new`, or mend --dir and --name",
            )
        })?;
        stdout::line(to.display());
    }
    Ok(())
}
