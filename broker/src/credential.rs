//! What the front shows rumqttd: without it, whoever finds the port behind the front would be past
//! it.

use std::fmt;
use std::sync::Arc;

use wire::failure::Failure;
use wire::random;
use zeroize::Zeroizing;

const USERNAME: &str = "front";

/// A password that is made at each start and never leaves the process but for its own loopback
/// connections.
#[derive(Clone)]
pub(crate) struct Credential(Arc<Zeroizing<String>>);

impl Credential {
    pub(crate) fn new() -> Result<Self, Failure> {
        let random = Zeroizing::new(random::bytes::<32>()?);
        let text = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(Arc::new(Zeroizing::new(text))))
    }

    /// User name and password.
    pub(crate) fn login(&self) -> (&str, &str) {
        (USERNAME, self.0.as_str())
    }

    /// Whether this is the login. How long that takes says nothing about how much of it is right.
    pub(crate) fn is(&self, username: &str, password: &str) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), password.as_bytes());
        let differing = ours
            .iter()
            .zip(theirs)
            .fold(0, |differing, (one, other)| differing | (one ^ other));
        username == USERNAME && ours.len() == theirs.len() && differing == 0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_login_is_the_login() {
        let credential = Credential::new().unwrap();
        let (username, password) = credential.login();
        assert_eq!(password.len(), 64);
        assert!(credential.is(username, password));
        assert!(!credential.is("other", password));
        for length in 0..64 {
            assert!(!credential.is(username, &password[..length]));
        }
        assert!(!credential.is(username, &format!("{password}0")));
        let other = Credential::new().unwrap();
        assert!(!other.is(username, password));
        assert!(!format!("{credential:?}").contains(password));
    }
}
