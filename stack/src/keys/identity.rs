//! `blindsight keys identity`: a signing key that never leaves its node's machine.

use crate::data_folder::private_folder;
use clap::Args as ClapArgs;
use std::path::PathBuf;
use wire::failure::{Failure, FailureKind};
use wire::identity::SigningIdentity;
use wire::name::Name;
use wire::stdout;

/// Options of `blindsight keys identity`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The node's name
    #[arg(long)]
    name: Name,
    /// A folder for the two files, made with mode 0700 if missing; existing files are not overwritten
    #[arg(long)]
    to: PathBuf,
}

/// Makes a signing key and writes its verifying key beside it.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let signing = args.to.join("signing.key");
    let verifying = args.to.join("verifying.key");
    // Both before the first is made: half an identity would be in the way of the next attempt.
    for path in [&signing, &verifying] {
        if path.exists() {
            return Err(Failure::new(
                FailureKind::Io,
                format!("{} exists and is never overwritten", path.display()),
                "choose an empty folder",
            ));
        }
    }
    private_folder(&args.to)?;
    let key = SigningIdentity::generate(&args.name)?;
    let public = SigningIdentity::from_key_file(&key)?.public();
    key.create(&signing)?;
    public.to_key_file()?.create(&verifying)?;
    stdout::line(signing.display());
    stdout::line(verifying.display());
    eprintln!(
        "{} stays here; enrol {} where the messages of `{}` are checked, with `blindsight keys enroll`",
        signing.display(),
        verifying.display(),
        args.name
    );
    Ok(())
}
