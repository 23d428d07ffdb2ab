//! The address of a broker as users write it: `mqtt://host:port`, or `mqtts://host:port` for TLS.

use std::fmt;
use std::str::FromStr;

const SCHEME: &str = "mqtt://";
const TLS_SCHEME: &str = "mqtts://";
const DEFAULT_PORT: u16 = 1883;
const DEFAULT_TLS_PORT: u16 = 8883;

/// Host and port of an MQTT broker, and whether it speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// A host name or an IP address; an IPv6 address stands in square brackets.
    pub host: String,
    /// The TCP port; when the user wrote none, 1883, or 8883 with TLS.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

/// Why a text is not a broker's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin with `mqtt://` or `mqtts://`.
    #[error("`{text}` does not begin with mqtt:// or mqtts://")]
    Scheme {
        /// The text, without what stands before `@`.
        text: String,
    },
    /// User names and passwords do not belong in the address.
    #[error(
        "the address holds a user name; take out the part before `@` and write `username` and \
         `password_file`"
    )]
    Credentials,
    /// There is no host, or it holds characters that no host has.
    #[error("`{host}` is not a host name")]
    Host {
        /// What stands where the host should.
        host: String,
    },
    /// The part after the last colon is not a port.
    #[error("`{port}` is not a port from 1 to 65535")]
    Port {
        /// What stands where the port should.
        port: String,
    },
}

impl FromStr for BrokerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, tls) = match (text.strip_prefix(SCHEME), text.strip_prefix(TLS_SCHEME)) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => {
                return Err(AddressError::Scheme {
                    text: without_login(text),
                });
            }
        };
        let default_port = if tls { DEFAULT_TLS_PORT } else { DEFAULT_PORT };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(AddressError::Credentials);
        }
        // The colons of an IPv6 address stand inside its brackets.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, parse_port(port)?),
            _ => (rest, default_port),
        };
        if !is_host(host) {
            return Err(AddressError::Host {
                host: host.to_owned(),
            });
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What stands before the last `@` may be a password.
fn without_login(text: &str) -> String {
    let Some((before, rest)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let scheme = before.find("://").and_then(|end| before.get(..end + 3));
    // A password may hold these too.
    let scheme = scheme.filter(|scheme| {
        let name = scheme.trim_end_matches("://");
        name.chars().all(|c| c.is_ascii_lowercase())
    });
    format!("{}...@{rest}", scheme.unwrap_or(""))
}

fn parse_port(port: &str) -> Result<u16, AddressError> {
    match port.parse() {
        Ok(number) if number != 0 => Ok(number),
        _ => Err(AddressError::Port {
            port: port.to_owned(),
        }),
    }
}

fn is_host(host: &str) -> bool {
    match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !host.is_empty() && host.chars().all(allowed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read() {
        for (text, host, port, tls) in [
            ("mqtt://127.0.0.1:18830", "127.0.0.1", 18830, false),
            ("mqtt://broker.local", "broker.local", 1883, false),
            ("mqtt://[::1]:99", "[::1]", 99, false),
            ("mqtt://[::1]/", "[::1]", 1883, false),
            ("mqtts://broker.local", "broker.local", 8883, true),
            ("mqtts://[::1]:99", "[::1]", 99, true),
        ] {
            let address = text.parse::<BrokerAddress>().unwrap();
            let expected = BrokerAddress {
                host: host.to_owned(),
                port,
                tls,
            };
            assert_eq!(address, expected, "{text}");
        }
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        for (text, message) in [
            (
                "127.0.0.1:1",
                "`127.0.0.1:1` does not begin with mqtt:// or mqtts://",
            ),
            (
                "mqtts://me:pw@a",
                "the address holds a user name; take out the part before `@` and write \
                 `username` and `password_file`",
            ),
            (
                "ssl://gate:s3cret@host:8883",
                "`ssl://...@host:8883` does not begin with mqtt:// or mqtts://",
            ),
            (
                "gate:s3c@ret://@host",
                "`...@host` does not begin with mqtt:// or mqtts://",
            ),
            ("mqtt://:5", "`` is not a host name"),
            ("mqtt://a b", "`a b` is not a host name"),
            ("mqtt://::1", "`:` is not a host name"),
            ("mqtt://a:0", "`0` is not a port from 1 to 65535"),
            ("mqtt://a:65536", "`65536` is not a port from 1 to 65535"),
        ] {
            assert_eq!(
                text.parse::<BrokerAddress>().unwrap_err().to_string(),
                message
            );
        }
    }
}
