//! Binding, and what is said when that fails.

use std::io;
use std::net::{SocketAddr, TcpListener};

use wire::failure::{Failure, FailureKind};

/// What stands between a listener and strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    /// Connections are encrypted.
    pub(crate) tls: bool,
    /// Clients have to show a password or a certificate.
    pub(crate) clients_known: bool,
}

/// Binds `address`, so that a port that is taken is known before anything else starts. Port 0 picks
/// a free one.
///
/// # Errors
/// [`FailureKind::Configuration`] for an address that is not of this machine, [`FailureKind::Io`]
/// for a port that is taken, [`FailureKind::Permissions`] for one that needs more rights.
pub fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| bind_failure(address, &error))
}

/// The address of a listener that is guarded well enough.
pub(crate) fn guarded_address(listener: &TcpListener, guard: Guard) -> Result<SocketAddr, Failure> {
    let address = listener.local_addr().map_err(|error| {
        Failure::io(
            "reading the address of the listener",
            &error,
            "start the broker again",
        )
    })?;
    match exposure(address, guard) {
        Some((problem, mend)) => Err(Failure::new(
            FailureKind::Configuration,
            format!("cannot listen: {problem}"),
            mend,
        )),
        None => Ok(address),
    }
}

/// What is wrong with listening on `address`, if strangers can reach it, and what to do.
pub(crate) fn exposure(address: SocketAddr, guard: Guard) -> Option<(String, &'static str)> {
    if address.ip().is_loopback() {
        return None;
    }
    let (problem, mend) = match (guard.tls, guard.clients_known) {
        (true, true) => return None,
        (true, false) => (
            "nothing tells clients apart",
            "add `users` below `[auth]` or `client_ca` below `[tls]`, or listen on 127.0.0.1",
        ),
        (false, true) => (
            "passwords would cross the network in the clear",
            "add `[tls]` with `certificate` and `key`, or listen on 127.0.0.1",
        ),
        (false, false) => (
            "nothing tells clients apart",
            "add `[tls]` with `certificate` and `key`, and `[auth]` with `users`, or listen on \
             127.0.0.1",
        ),
    };
    let problem = format!("{address} can be reached from other machines and {problem}");
    Some((problem, mend))
}

/// The failure to bind `address`.
pub(crate) fn bind_failure(address: SocketAddr, error: &io::Error) -> Failure {
    let (kind, reason, mend) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            FailureKind::Io,
            "the port is in use".to_owned(),
            format!(
                "end the program that has it (`ss -ltnp 'sport = :{}'` names it), or choose \
                another port in `broker.listen` and in the nodes' `mqtt.url`",
                address.port()
            ),
        ),
        io::ErrorKind::AddrNotAvailable => (
            FailureKind::Configuration,
            "this machine has no such address".to_owned(),
            "write one of its own in `broker.listen`, such as 127.0.0.1".to_owned(),
        ),
        io::ErrorKind::PermissionDenied => (
            FailureKind::Permissions,
            "permission denied".to_owned(),
            "choose a port from 1024 in `broker.listen`".to_owned(),
        ),
        _ => (
            FailureKind::Io,
            error.to_string(),
            "choose another address in `broker.listen`".to_owned(),
        ),
    };
    Failure::new(kind, format!("cannot listen on {address}: {reason}"), mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_mend() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let failure = bind(address).unwrap_err();
        let port = address.port();
        assert_eq!(failure.kind.exit_code(), 74);
        assert_eq!(
            failure.to_string(),
            format!(
                "cannot listen on 127.0.0.1:{port}: the port is in use\n  help: end the program \
                that has it (`ss -ltnp 'sport = :{port}'` names it), or choose another port in \
                 `broker.listen` and in the nodes' `mqtt.url`"
            )
        );
    }

    #[test]
    fn what_strangers_can_reach_must_be_encrypted_and_know_its_clients() {
        let guard = |tls, clients_known| Guard { tls, clients_known };
        for address in ["0.0.0.0:1", "192.168.1.2:1883", "[::]:1", "[2001:db8::1]:1"] {
            let address = address.parse().unwrap();
            assert!(exposure(address, guard(true, true)).is_none());
            for (tls, clients_known, problem) in [
                (true, false, "nothing tells clients apart"),
                (
                    false,
                    true,
                    "passwords would cross the network in the clear",
                ),
                (false, false, "nothing tells clients apart"),
            ] {
                let (what, mend) = exposure(address, guard(tls, clients_known)).unwrap();
                let expected =
                    format!("{address} can be reached from other machines and {problem}");
                assert_eq!(what, expected);
                assert!(mend.ends_with("or listen on 127.0.0.1"));
            }
        }
        for address in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1"] {
            assert!(exposure(address.parse().unwrap(), guard(false, false)).is_none());
        }
    }

    #[test]
    fn other_causes_have_their_own_kind() {
        let address = "127.0.0.1:80".parse().unwrap();
        for (cause, code, reason) in [
            (
                io::ErrorKind::AddrNotAvailable,
                78,
                "this machine has no such address",
            ),
            (io::ErrorKind::PermissionDenied, 77, "permission denied"),
            (io::ErrorKind::TimedOut, 74, "timed out"),
        ] {
            let failure = bind_failure(address, &cause.into());
            assert_eq!(failure.kind.exit_code(), code);
            assert_eq!(
                failure.what,
                format!("cannot listen on 127.0.0.1:80: {reason}")
            );
        }
    }
}
