//! How many connections each peer has, so that one of them does not take all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The peers of a server.
#[derive(Debug, Default)]
pub(super) struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// One connection of a peer, until it is dropped.
#[derive(Debug)]
pub(super) struct PeerPlace {
    peers: Arc<Peers>,
    network: IpAddr,
}

impl Peers {
    /// One more connection of `peer`, unless it has `most`.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr, most: usize) -> Option<PeerPlace> {
        let network = network(peer);
        let mut counts = self.counts();
        let count = counts.entry(network).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(PeerPlace {
            peers: self.clone(),
            network,
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Each change is a single step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let mut counts = self.peers.counts();
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

/// What counts as one peer: an IPv4 address, or the /64 network of an IPv6 address, of which a single machine has all.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_peer_has_so_many_places_and_gets_them_back() {
        let peers = Arc::new(Peers::default());
        let first = peers.enter(address("192.0.2.1"), 2);
        let second = peers.enter(address("::ffff:192.0.2.1"), 2);
        assert!(first.is_some() && second.is_some());
        assert!(peers.enter(address("192.0.2.1"), 2).is_none());
        let other = peers.enter(address("192.0.2.2"), 2);
        assert!(other.is_some());
        drop(first);
        assert!(peers.enter(address("192.0.2.1"), 2).is_some());
        drop((second, other));
        assert!(peers.counts().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let peers = Arc::new(Peers::default());
        let first = peers.enter(address("2001:db8::1"), 1);
        assert!(first.is_some());
        assert!(peers.enter(address("2001:db8::2"), 1).is_none());
        assert!(peers.enter(address("2001:db8:0:1::1"), 1).is_some());
    }
}
