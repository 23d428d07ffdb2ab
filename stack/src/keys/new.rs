//! `blindsight keys new`.

use crate::data_folder::{DataFolder, Node};
use cipherframe::SchemeId;
use clap::Args as ClapArgs;
use std::path::PathBuf;
use wire::failure::Failure;
use wire::name::Name;
use wire::role::NodeRole;
use wire::stdout;

/// Options of `blindsight keys new`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The data folder
    #[arg(long, alias = "data", default_value = "blindsight-data")]
    dir: PathBuf,
    /// Scheme to make a key set for
    #[arg(long, default_value = "tfhe")]
    scheme: SchemeId,
    /// Names of cameras
    #[arg(long = "camera", default_value = "gate")]
    cameras: Vec<Name>,
    /// Names of pooling workers
    #[arg(long = "worker", default_value = "worker")]
    workers: Vec<Name>,
    /// Names of viewers
    #[arg(long = "viewer", default_value = "viewer")]
    viewers: Vec<Name>,
}

/// Makes what is missing and prints the path of each new file.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let of_role = |names: &[Name], role| -> Vec<Node> {
        names
            .iter()
            .map(|name| Node {
                name: name.clone(),
                role,
            })
            .collect()
    };
    let nodes = [
        of_role(&args.cameras, NodeRole::Camera),
        of_role(&args.workers, NodeRole::Worker),
        of_role(&args.viewers, NodeRole::Viewer),
    ]
    .concat();
    let made = DataFolder::new(&args.dir).complete(&[args.scheme], &nodes)?;
    if made.is_empty() {
        eprintln!(
            "nothing to make: {} has all of these keys",
            args.dir.display()
        );
    }
    for path in made {
        stdout::line(path.display());
    }
    Ok(())
}
