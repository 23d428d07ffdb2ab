//! `blindsight keys show`.

use clap::Args as ClapArgs;
use keyfile::{KeyFile, Role};
use std::path::PathBuf;
use wire::failure::Failure;
use wire::identity::{PublicIdentity, SigningIdentity};
use wire::stdout;

/// Options of `blindsight keys show`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Key files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Prints what each file is. The key itself is never shown.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    for path in &args.files {
        let info = KeyFile::inspect(path)?;
        stdout::line(path.display());
        stdout::line(format_args!("  role       {}", info.role));
        stdout::line(format_args!("  algorithm  {}", info.algorithm));
        stdout::line(format_args!("  key id     {}", info.key_id));
        stdout::line(format_args!("  size       {} bytes", info.payload_bytes));
        let public = match info.role {
            Role::SigningKey => Some(SigningIdentity::load(path)?.public()),
            Role::VerifyingKey => Some(PublicIdentity::load(path)?),
            _ => None,
        };
        if let Some(public) = public {
            stdout::line(format_args!("  node       {}", public.name));
            stdout::line(format_args!("  verifies   {}", public.key));
        }
    }
    Ok(())
}
