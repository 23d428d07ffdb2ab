//! `blindsight keys export`: what one node needs, and nothing that only another one may hold.

use crate::data_folder::{DataFolder, KeySetFolder, private_folder};
use camera_node::KeyMode;
use cipherframe::{SchemeError, SchemeId};
use clap::Args as ClapArgs;
use client_key::{CAMERA_SECRET_KEY_FILE, camera_secret_key};
use std::fs::{File, OpenOptions};
use std::io;
use std::num::NonZeroU32;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use wire::failure::{Failure, FailureKind};
use wire::name::Name;
use wire::role::NodeRole;
use wire::stdout;

/// Options of `blindsight keys export`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The data folder
    #[arg(long, alias = "data", default_value = "blindsight-data")]
    dir: PathBuf,
    /// Scheme of the key set
    #[arg(long, default_value = "tfhe")]
    scheme: SchemeId,
    /// Number of the key set: 1 for the first, 2 for the one that `keys rotate` makes next [default: the newest]
    #[arg(long)]
    set: Option<NonZeroU32>,
    /// What the node does: camera, worker or viewer
    #[arg(long = "for")]
    role: NodeRole,
    /// The node's name
    #[arg(long)]
    name: Name,
    /// The key of a camera: public, or secret, which halves what it sends and lets it decrypt
    #[arg(long, default_value = "public")]
    key_mode: KeyMode,
    /// A folder for the copies; existing files in it are not overwritten
    #[arg(long)]
    to: PathBuf,
}

/// Copies the node's signing key, the trust store and the one FHE key of its role.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let data = DataFolder::new(&args.dir);
    let key_set = match args.set {
        Some(number) => data.key_set_numbered(args.scheme, number.get()),
        None => data.key_set(args.scheme),
    };
    check_key_mode(args)?;
    private_folder(&args.to)?;
    copy(&data.signing_key(&args.name), &args.to)?;
    match (args.role, args.key_mode) {
        (NodeRole::Camera, KeyMode::Public) => copy(&key_set.public_key(), &args.to)?,
        (NodeRole::Camera, KeyMode::Secret) => make_secret_key(&key_set, args)?,
        (NodeRole::Worker, _) => copy(&key_set.evaluation_key(), &args.to)?,
        (NodeRole::Viewer, _) => copy(&key_set.client_key(), &args.to)?,
    }
    copy(&data.trust(), &args.to)
}

/// Refuses key mode `secret` for nodes and schemes that do not have it.
fn check_key_mode(args: &Args) -> Result<(), Failure> {
    if args.key_mode == KeyMode::Public {
        return Ok(());
    }
    let refused = |what: String, mend: &str| Err(Failure::new(FailureKind::Usage, what, mend));
    if args.role != NodeRole::Camera {
        let what = format!("a {} has no key mode", args.role);
        return refused(what, "leave --key-mode out");
    }
    let scheme = args.scheme;
    if scheme.get().camera_secret_key_bytes().is_none() {
        let error = SchemeError::NoSecretKeyMode { scheme }.to_string();
        let what = error.split("; ").next().unwrap_or_default().to_owned();
        return refused(what, "leave --key-mode out, or use --scheme bfv");
    }
    Ok(())
}

/// Copies a file into a folder that has none of its name.
fn copy(from: &Path, folder: &Path) -> Result<(), Failure> {
    let Some(file_name) = from.file_name() else {
        return Ok(());
    };
    let to = folder.join(file_name);
    copy_new(from, &to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(
            FailureKind::Io,
            format!("{} exists and is never overwritten", to.display()),
            "choose an empty folder",
        ),
        _ => Failure::io(
            format!("copying {} to {}", from.display(), to.display()),
            &error,
            "make the keys with `blindsight keys new`, or mend --dir, --name and --set",
        ),
    })?;
    stdout::line(to.display());
    Ok(())
}

/// Permissions are copied too: a secret stays readable by its owner alone, from the first byte on.
fn copy_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let permissions = source.metadata()?.permissions();
    let mut copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(permissions.mode())
        .open(to)?;
    // Whatever the umask.
    copy.set_permissions(permissions)?;
    io::copy(&mut source, &mut copy)?;
    copy.sync_all()
}

/// Makes the camera secret key of the key set; the data folder keeps none.
fn make_secret_key(key_set: &KeySetFolder, args: &Args) -> Result<(), Failure> {
    let key = camera_secret_key(&key_set.client_key()).map_err(crate::failure::of_key)?;
    let to = args.to.join(CAMERA_SECRET_KEY_FILE);
    key.create(&to)?;
    stdout::line(to.display());
    eprintln!(
        "{} decrypts the frames and maps of every camera of key set {}; give it to no node but `{}`",
        to.display(),
        key.key_id(),
        args.name
    );
    Ok(())
}
