//! `blindsight keys revoke`.

use super::enroll::read_public;
use clap::Args as ClapArgs;
use std::path::{Path, PathBuf};
use wire::failure::Failure;
use wire::name::Name;
use wire::role::NodeRole;
use wire::stdout;
use wire::trust::TrustStore;
use wire::verifying_key::VerifyingKey;

/// Options of `blindsight keys revoke`.
#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The trust store
    #[arg(long, default_value = "blindsight-data/trust.toml")]
    trust: PathBuf,
    /// The node, with all its keys
    #[arg(long, required_unless_present = "key", conflicts_with = "key")]
    name: Option<Name>,
    /// One key: a signing or verifying key file, or a verifying key as 64 hex digits
    #[arg(long)]
    key: Option<String>,
}

/// Takes the keys out of the trust store and says where else they may be.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let key = match &args.key {
        Some(text) => Some(match text.parse::<VerifyingKey>() {
            Ok(key) => key,
            Err(_) => read_public(Path::new(text))?.key,
        }),
        None => None,
    };
    let (trust, taken) = TrustStore::change(&args.trust, |trust| {
        let mut taken = Vec::new();
        if let Some(name) = &args.name {
            taken.extend(trust.revoke_name(name)?);
        }
        if let Some(key) = &key {
            taken.push(trust.revoke_key(key)?);
        }
        Ok((trust.clone(), taken))
    })?;
    for node in &taken {
        stdout::line(format_args!(
            "{} is revoked as {} in {}: key {}",
            node.name(),
            node.role(),
            args.trust.display(),
            node.key()
        ));
    }
    let Some(first) = taken.first() else {
        return Ok(());
    };
    let left = trust.nodes().iter();
    let left = left.filter(|node| node.name() == first.name()).count();
    if left > 0 {
        let noun = if left == 1 { "key" } else { "keys" };
        stdout::line(format_args!("{} keeps {left} {noun}", first.name()));
    }
    eprintln!(
        "running nodes that use this file follow within seconds; every other trust file that lists it must be changed \
         too: {}",
        who_checks(first.role())
    );
    Ok(())
}

/// Whose trust files decide about a node of this role.
fn who_checks(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Camera => "workers check what a camera signs",
        NodeRole::Worker => "viewers check what a worker signs",
        NodeRole::Viewer => "cameras check what a viewer signs",
    }
}
