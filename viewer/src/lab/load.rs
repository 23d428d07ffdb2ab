//! The keys of the lab, read at the start.

use std::collections::BTreeMap;

use cipherframe::keys::{KeyError, load_public_key};
use wire::failure::{Failure, FailureKind};
use wire::identity::SigningIdentity;
use wire::message::SessionId;
use wire::name::Name;

use super::sender::Keys;
use super::{Courier, LabConfig};
use crate::clock::unix_ms;

impl Courier {
    /// Loads the keys of the lab. Blocks for a moment.
    ///
    /// # Errors
    /// A file that cannot be used, or a signing key that was made for another name.
    pub(crate) fn load(config: &LabConfig, site: &Name) -> Result<Self, Failure> {
        let identity = SigningIdentity::load(&config.signing_key)?;
        if *identity.name() != config.name {
            let what = format!(
                "{} is the signing key of `{}`, the lab is called `{}`",
                config.signing_key.display(),
                identity.name(),
                config.name
            );
            let mend = "mend `lab.name` or `lab.signing_key`";
            return Err(Failure::new(FailureKind::Configuration, what, mend));
        }
        let mut keys: Keys = BTreeMap::new();
        for path in &config.public_keys {
            let key = load_public_key(path).map_err(key_failure)?;
            let scheme = key.scheme();
            if keys.insert(scheme, key).is_some() {
                let what = format!("{} is a second key of scheme {scheme}", path.display());
                let mend = "name one key of each scheme in `lab.public_keys`";
                return Err(Failure::new(FailureKind::Configuration, what, mend));
            }
        }
        let session = SessionId::random();
        let session = session.map_err(|error| Failure::of(FailureKind::Io, &error))?;
        Ok(Self::new(site.clone(), identity, keys, session, unix_ms()))
    }
}

fn key_failure(error: KeyError) -> Failure {
    match error {
        KeyError::File(error) => error.into(),
        other => Failure::new(
            FailureKind::BadData,
            other.to_string(),
            "name a camera-public.key made by `blindsight keys new`",
        ),
    }
}
