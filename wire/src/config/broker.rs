//! What every section with the address of an MQTT broker has: URL, user and certificates.

use std::path::PathBuf;

use super::Problems;
use crate::mqtt::{BrokerAddress, Login};
use crate::tls::{ClientIdentity, ClientTls};

const MAX_USERNAME_BYTES: usize = 256;

/// The keys of one broker as typed, and the section that they stand in.
pub(super) struct BrokerKeys {
    pub(super) section: &'static str,
    pub(super) url: Option<String>,
    pub(super) ca: Option<PathBuf>,
    pub(super) username: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) client_certificate: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
}

/// What they mean.
pub(super) struct Broker {
    pub(super) address: BrokerAddress,
    pub(super) tls: Option<ClientTls>,
    pub(super) login: Option<Login>,
}

impl BrokerKeys {
    /// What the keys mean. Only `url` is required; `example` is one.
    pub(super) fn meaning(&self, example: &str, problems: &mut Problems) -> Option<Broker> {
        let missing = format!("add it, for example `url = \"{example}\"`");
        let url = problems.required(&self.key("url"), self.url.as_deref(), &missing);
        let address = url.and_then(|url| {
            let mend = format!("write it as mqtt://host:port, for example {example}");
            problems.parsed::<BrokerAddress>(&self.key("url"), url, &mend)
        });
        let login = self.login(address.as_ref(), problems);
        let tls = self.tls(address.as_ref(), problems);
        Some(Broker {
            address: address?,
            tls,
            login,
        })
    }

    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.section)
    }

    /// The user, if there is one.
    fn login(&self, address: Option<&BrokerAddress>, problems: &mut Problems) -> Option<Login> {
        let (username, file) = match (&self.username, &self.password_file) {
            (None, None) => return None,
            (Some(username), Some(file)) => (username, file),
            (username, file) => {
                for (key, missing) in [
                    ("username", username.is_none()),
                    ("password_file", file.is_none()),
                ] {
                    if missing {
                        let what = "a user name and a password go together";
                        problems.push(&self.key(key), what, "add it");
                    }
                }
                return None;
            }
        };
        let fits = (1..=MAX_USERNAME_BYTES).contains(&username.len());
        if !fits || username.chars().any(char::is_control) {
            problems.push(
                &self.key("username"),
                "not a user name",
                format!("write 1 to {MAX_USERNAME_BYTES} bytes without control characters"),
            );
        }
        if address.is_some_and(|address| !address.tls && !is_this_machine(&address.host)) {
            problems.push(
                &self.key("password_file"),
                "the password would cross the network in the clear",
                format!("write mqtts:// in `{}`", self.key("url")),
            );
        }
        Some(Login {
            username: username.clone(),
            password_file: problems.resolve(file),
        })
    }

    /// How the connection is encrypted, if it is.
    fn tls(&self, address: Option<&BrokerAddress>, problems: &mut Problems) -> Option<ClientTls> {
        let given = [
            ("ca", &self.ca),
            ("client_certificate", &self.client_certificate),
            ("client_key", &self.client_key),
        ];
        if !address?.tls {
            for (key, _) in given.iter().filter(|(_, path)| path.is_some()) {
                problems.push(
                    &self.key(key),
                    "without TLS no certificate is looked at",
                    format!("write mqtts:// in `{}`, or remove it", self.key("url")),
                );
            }
            return None;
        }
        let identity = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some(ClientIdentity {
                certificate: problems.resolve(certificate),
                key: problems.resolve(key),
            }),
            (certificate, key) => {
                for (name, missing, other) in [
                    ("client_certificate", certificate.is_none(), key.is_some()),
                    ("client_key", key.is_none(), certificate.is_some()),
                ] {
                    if missing && other {
                        let what = "a certificate and its key go together";
                        problems.push(&self.key(name), what, "add it");
                    }
                }
                None
            }
        };
        Some(ClientTls {
            ca: self.ca.as_ref().map(|path| problems.resolve(path)),
            identity,
        })
    }
}

/// Whether `host` is surely this machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
