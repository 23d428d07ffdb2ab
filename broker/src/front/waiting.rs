//! Connections that have not yet said who they are: only so many, and a new one always finds a
//! place.
//!
//! Pure. Whoever opens connections and says nothing displaces its own: the place is taken from the
//! network that has most of them, and there from the one that has waited longest. With IPv6 a
//! network is a /64, within which one client has as many addresses as it likes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tokio_util::sync::CancellationToken;

/// Who waits, by the order in which they came.
#[derive(Debug)]
pub(super) struct Waiting {
    places: usize,
    next: u64,
    peers: BTreeMap<u64, (IpAddr, CancellationToken)>,
}

impl Waiting {
    pub(super) fn new(places: usize) -> Self {
        Self {
            places,
            next: 0,
            peers: BTreeMap::new(),
        }
    }

    /// Gives a connection from `peer` a place. The token is cancelled once somebody else needs it;
    /// the number gives it back.
    pub(super) fn enter(&mut self, peer: IpAddr) -> (u64, CancellationToken) {
        if self.peers.len() >= self.places
            && let Some(number) = self.whose_place()
            && let Some((_, displaced)) = self.peers.remove(&number)
        {
            displaced.cancel();
        }
        let (number, token) = (self.next, CancellationToken::new());
        self.next += 1;
        self.peers.insert(number, (network(peer), token.clone()));
        (number, token)
    }

    /// Gives a place back; a second time changes nothing.
    pub(super) fn leave(&mut self, number: u64) {
        self.peers.remove(&number);
    }

    fn whose_place(&self) -> Option<u64> {
        let mut counts = BTreeMap::<IpAddr, (usize, u64)>::new();
        for (number, (peer, _)) in &self.peers {
            counts.entry(*peer).or_insert((0, *number)).0 += 1;
        }
        counts
            .values()
            .max_by_key(|(count, oldest)| (*count, std::cmp::Reverse(*oldest)))
            .map(|(_, oldest)| *oldest)
    }
}

/// The addresses that may be those of one client.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(prefix.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, last])
    }

    #[test]
    fn the_oldest_of_one_address_is_displaced() {
        let mut waiting = Waiting::new(3);
        let entered: Vec<_> = (0..5).map(|_| waiting.enter(peer(1)).1).collect();
        let displaced: Vec<_> = entered
            .iter()
            .map(CancellationToken::is_cancelled)
            .collect();
        assert_eq!(displaced, [true, true, false, false, false]);
    }

    #[test]
    fn who_floods_displaces_its_own() {
        let mut waiting = Waiting::new(4);
        let (_, honest) = waiting.enter(peer(1));
        for _ in 0..1000 {
            let (_, flood) = waiting.enter(peer(2));
            assert!(!flood.is_cancelled());
        }
        assert!(!honest.is_cancelled());
    }

    #[test]
    fn the_addresses_of_one_network_count_as_one() {
        let ipv6 = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut waiting = Waiting::new(4);
        let (_, honest) = waiting.enter(ipv6("2001:db8:0:1::9"));
        for host in 0..1000 {
            waiting.enter(ipv6(&format!("2001:db8:0:2::{host:x}")));
        }
        assert!(!honest.is_cancelled());
    }

    #[test]
    fn with_one_each_the_oldest_goes() {
        let mut waiting = Waiting::new(2);
        let first = waiting.enter(peer(9)).1;
        let second = waiting.enter(peer(1)).1;
        let third = waiting.enter(peer(5)).1;
        assert!(first.is_cancelled() && !second.is_cancelled() && !third.is_cancelled());
    }

    #[test]
    fn a_place_that_was_given_back_displaces_nobody() {
        let mut waiting = Waiting::new(2);
        let (number, gone) = waiting.enter(peer(1));
        let (_, stays) = waiting.enter(peer(1));
        waiting.leave(number);
        waiting.leave(number);
        waiting.enter(peer(1));
        assert!(!gone.is_cancelled() && !stays.is_cancelled());
    }
}
