//! `blindsight keys rotate`.

use crate::data_folder::DataFolder;
use cipherframe::SchemeId;
use clap::Args as ClapArgs;
use std::path::PathBuf;
use wire::failure::Failure;
use wire::stdout;

/// Options of `blindsight keys rotate`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The data folder
    #[arg(long, alias = "data", default_value = "blindsight-data")]
    dir: PathBuf,
    /// Scheme of the key set
    #[arg(long, default_value = "tfhe")]
    scheme: SchemeId,
}

/// Makes the new key set, prints the path of each new file, and says what to do with it.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let data = DataFolder::new(&args.dir);
    let (old, new) = data.rotate(args.scheme)?;
    let (retiring, made) = (old.check()?, new.check()?);
    for path in new.files() {
        stdout::line(path.display());
    }
    eprintln!(
        "key set {made} stands beside {retiring}; hand it out in this order:\n  \
         1. add {} to `decrypt.client_keys` of each viewer and {} to `pool.evaluation_keys` of each worker, and restart \
         them\n  \
         2. give each camera {} as `stream.public_key` and restart it\n  \
         3. blindsight keys retire --key-set {retiring}, in every trust file",
        new.client_key().display(),
        new.evaluation_key().display(),
        new.public_key().display()
    );
    Ok(())
}
