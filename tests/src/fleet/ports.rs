//! Ports for programs that go away and come back.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what Linux gives out by itself (32768 and up). There, a client that dials a port while nobody listens could be
/// given the same port for its own end, and would be connected to itself; or another program could be given the port
/// while its owner is away.
const FIRST: u32 = 20_000;
const COUNT: u32 = 10_000;

/// A port that nobody listens on and that the system gives to nobody.
pub(super) fn lasting_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Test programs that run at the same time begin at different places.
        let place = process::id() * 97 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = (FIRST + place % COUNT) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_not_given_twice() {
        let [one, other] = [(); 2].map(|()| lasting_port());
        assert_ne!(one, other);
        for port in [one, other] {
            assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
        }
    }
}
