//! Binding, and what is said when that fails.

use std::io;
use std::net::{SocketAddr, TcpListener};

use wire::failure::{Failure, FailureKind};

/// What to do instead of listening on an address that others can reach.
pub(crate) const LOOPBACK_MEND: &str = "listen on 127.0.0.1 and let other machines in through a \
proxy that authenticates them, or point the nodes at a broker that does";

/// Binds `address`, so that a port that is taken is known before anything else starts. Port 0 picks
/// a free one.
///
/// # Errors
/// [`FailureKind::Configuration`] for an address that is not loopback or not of this machine,
/// [`FailureKind::Io`] for a port that is taken, [`FailureKind::Permissions`] for one that needs
/// more rights.
pub fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    check_loopback(address)?;
    TcpListener::bind(address).map_err(|error| bind_failure(address, &error))
}

/// Gives the port of `listener` back and returns its address.
pub(crate) fn release(listener: TcpListener) -> Result<SocketAddr, Failure> {
    let address = listener.local_addr().map_err(|error| {
        Failure::io(
            "reading the address of the listener",
            &error,
            "start the broker again",
        )
    })?;
    check_loopback(address)?;
    drop(listener);
    Ok(address)
}

/// What is wrong with `address`, if others can reach it.
pub(crate) fn loopback_problem(address: SocketAddr) -> Option<String> {
    (!address.ip().is_loopback()).then(|| {
        format!(
            "{address} can be reached from other machines and the broker cannot tell clients apart"
        )
    })
}

fn check_loopback(address: SocketAddr) -> Result<(), Failure> {
    match loopback_problem(address) {
        Some(problem) => Err(Failure::new(
            FailureKind::Configuration,
            format!("cannot listen: {problem}"),
            LOOPBACK_MEND,
        )),
        None => Ok(()),
    }
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
    fn only_loopback_is_bound() {
        for address in ["0.0.0.0:0", "192.168.1.2:1883", "[::]:0"] {
            let failure = bind(address.parse().unwrap()).unwrap_err();
            assert_eq!(failure.kind.exit_code(), 78);
            assert_eq!(
                failure.to_string(),
                format!(
                    "cannot listen: {address} can be reached from other machines and the broker \
                    cannot tell clients apart\n  help: listen on 127.0.0.1 and let other machines \
                     in through a proxy that authenticates them, or point the nodes at a broker \
                     that does"
                )
            );
        }
        assert!(bind("127.0.0.1:0".parse().unwrap()).is_ok());
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
