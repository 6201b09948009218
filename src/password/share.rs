//! Fair shares of the queue: one source may hold a quarter of it and one network a half, so that an attacker can't fill
//! it.

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::sync::{Arc, Mutex, PoisonError};

/// The origin of a request, as networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requester {
    /// The source, as the limiter counts it: an IPv4 address or an IPv6 /64.
    pub source: Ipv6Addr,
    /// The network around it: an IPv4 /24 or an IPv6 /48.
    pub network: Ipv6Addr,
}

/// Places held by each requester. There are at most twice as many entries as places.
#[derive(Debug)]
pub(super) struct Shares {
    of_source: usize,
    of_network: usize,
    held: Mutex<HashMap<ShareKey, usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ShareKey {
    Source(Ipv6Addr),
    Network(Ipv6Addr),
}

/// A place in the queue, given back on drop.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    requester: Requester,
}

impl Shares {
    /// Shares of a queue with so many places.
    pub(super) fn of(places: usize) -> Self {
        let share = |part: usize| (places / part).max(1);
        Self { of_source: share(4), of_network: share(2), held: Mutex::default() }
    }

    /// A place for a requester; `None` if its share is used up.
    pub(super) fn take(self: &Arc<Self>, requester: Requester) -> Option<Share> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = |owner, most| held.get(&owner).is_none_or(|count| *count < most);
        let (source, network) = requester.share_keys();
        if !has_room(source, self.of_source) || !has_room(network, self.of_network) {
            return None;
        }
        for owner in [source, network] {
            *held.entry(owner).or_default() += 1;
        }
        Some(Share { shares: self.clone(), requester })
    }

    /// Places that one source may hold.
    pub(super) const fn of_source(&self) -> usize {
        self.of_source
    }
}

impl Requester {
    const fn share_keys(&self) -> (ShareKey, ShareKey) {
        (ShareKey::Source(self.source), ShareKey::Network(self.network))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (source, network) = self.requester.share_keys();
        for owner in [source, network] {
            let left = held.get(&owner).map_or(0, |count| count.saturating_sub(1));
            if left == 0 {
                held.remove(&owner);
            } else {
                held.insert(owner, left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requester(network: u16, source: u16) -> Requester {
        let at = |last| Ipv6Addr::new(0x2001, 0xdb8, network, last, 0, 0, 0, 0);
        Requester { source: at(source), network: at(0) }
    }

    #[test]
    fn a_source_holds_a_quarter_and_a_network_half_until_they_give_back() {
        let shares = Arc::new(Shares::of(16));
        let mut held: Vec<Share> = (0..4).filter_map(|_| shares.take(requester(1, 1))).collect();
        assert_eq!(held.len(), 4);
        assert!(shares.take(requester(1, 1)).is_none());
        held.extend((0..100).filter_map(|n| shares.take(requester(1, 2 + n))));
        assert_eq!(held.len(), 8);
        assert!(shares.take(requester(2, 1)).is_some());
        held.pop();
        assert!(shares.take(requester(1, 99)).is_some());
        drop(held);
        assert!(shares.held.lock().expect("not poisoned").is_empty());
    }
}
