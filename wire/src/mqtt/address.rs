//! The address of a broker as users write it: `mqtt://host:port`.

use std::fmt;
use std::str::FromStr;

const SCHEME: &str = "mqtt://";
const DEFAULT_PORT: u16 = 1883;

/// Host and port of an MQTT broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// A host name or an IP address; an IPv6 address stands in square brackets.
    pub host: String,
    /// The TCP port; 1883 when the user wrote none.
    pub port: u16,
}

/// Why a text is not a broker's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin with `mqtt://`.
    #[error("`{text}` does not begin with mqtt://")]
    Scheme {
        /// The text.
        text: String,
    },
    /// It asks for TLS, which this version does not speak.
    #[error("TLS to the broker is not supported; use mqtt:// to a TLS proxy on this machine")]
    Tls,
    /// User names and passwords do not belong in the address.
    #[error("the address holds a user name; take out the part before `@`")]
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
        if text.starts_with("mqtts://") {
            return Err(AddressError::Tls);
        }
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| AddressError::Scheme {
                text: text.to_owned(),
            })?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(AddressError::Credentials);
        }
        // The colons of an IPv6 address stand inside its brackets.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, parse_port(port)?),
            _ => (rest, DEFAULT_PORT),
        };
        if !is_host(host) {
            return Err(AddressError::Host {
                host: host.to_owned(),
            });
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
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
        for (text, host, port) in [
            ("mqtt://127.0.0.1:18830", "127.0.0.1", 18830),
            ("mqtt://broker.local", "broker.local", 1883),
            ("mqtt://[::1]:99", "[::1]", 99),
            ("mqtt://[::1]/", "[::1]", 1883),
        ] {
            let address = text.parse::<BrokerAddress>().unwrap();
            assert_eq!(
                (address.host.as_str(), address.port),
                (host, port),
                "{text}"
            );
        }
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        for (text, message) in [
            ("127.0.0.1:1", "`127.0.0.1:1` does not begin with mqtt://"),
            (
                "mqtts://a",
                "TLS to the broker is not supported; use mqtt:// to a TLS proxy on this machine",
            ),
            (
                "mqtt://me:pw@a",
                "the address holds a user name; take out the part before `@`",
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
