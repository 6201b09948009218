//! The counters of one limited action: a bounded number of logs, found in constant time. Each log has a slot: one for
//! each source and one for the network around it.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::Ipv6Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::settings::source_limits::Budget;
use crate::domain::time::{Span, Timestamp};

use super::log::Log;
use super::network::Networks;

/// Use of one budget, by source and by network.
#[derive(Debug)]
pub(super) struct Counters {
    budget: Budget,
    /// Random hash keys: without them an attacker could aim at one shard.
    hash_keys: RandomState,
    shards: Vec<Mutex<Shard>>,
    slots_per_shard: usize,
}

/// The key of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slot {
    Source(Ipv6Addr),
    Around(Ipv6Addr),
    /// A slot that several new sources share while the shard is full. A source that already has a slot keeps it.
    Shared(u64),
}

/// The logs of some of the networks.
#[derive(Debug, Default)]
struct Shard {
    logs: HashMap<Slot, Log>,
    /// Each slot once, with the time of its last check. A slot is checked again a window later.
    queue: VecDeque<(Timestamp, Slot)>,
}

impl Counters {
    pub(super) fn new(budget: Budget) -> Self {
        Self::with_room(budget, SHARDS, SLOTS_PER_SHARD)
    }

    fn with_room(budget: Budget, shards: usize, slots_per_shard: usize) -> Self {
        let shards = (0..shards).map(|_| Mutex::default()).collect();
        Self { budget, hash_keys: RandomState::new(), shards, slots_per_shard }
    }

    /// Counts one use for a source and for the network around it, or for neither: a call refused for its source does
    /// not use up the budget of its network.
    ///
    /// # Errors
    /// The time to wait, when the budget of the current window is used.
    pub(super) fn spend(&self, networks: Networks, now: Timestamp) -> Result<(), Span> {
        let Budget { window, .. } = self.budget;
        let mut shard = self.shard(&networks);
        shard.remove_expired(now, window);
        let slots = self.slots(&shard, &networks);
        let waits = slots.iter().filter_map(|slot| {
            let log = shard.logs.get_mut(slot)?;
            log.forget(window, now);
            log.wait(self.budget_of(slot), window, now)
        });
        if let Some(wait) = waits.max() {
            return Err(wait.max(LEAST_WAIT));
        }
        for slot in slots {
            shard.add(slot, self.budget_of(&slot), window, now);
        }
        Ok(())
    }

    /// Gives one use back, because the call did not do the limited work.
    pub(super) fn take_back(&self, networks: Networks) {
        let mut shard = self.shard(&networks);
        for slot in self.slots(&shard, &networks) {
            if let Some(log) = shard.logs.get_mut(&slot) {
                log.take_back();
            }
        }
    }

    /// The slots in which a call is counted.
    fn slots(&self, shard: &Shard, networks: &Networks) -> Vec<Slot> {
        let own = [Slot::Source(networks.source), Slot::Around(networks.around)];
        let missing = own.iter().filter(|slot| !shard.logs.contains_key(slot)).count();
        if shard.logs.len() + missing <= self.slots_per_shard {
            return own.to_vec();
        }
        let shared = Slot::Shared(self.hash_keys.hash_one(networks.around) / self.shards.len() as u64 % SHARED_SLOTS);
        own.into_iter().filter(|slot| shard.logs.contains_key(slot)).chain([shared]).collect()
    }

    fn budget_of(&self, slot: &Slot) -> u32 {
        match slot {
            Slot::Source(_) => self.budget.source,
            Slot::Around(_) | Slot::Shared(_) => self.budget.network,
        }
    }

    /// The shard of a network and of all sources in it.
    fn shard(&self, networks: &Networks) -> MutexGuard<'_, Shard> {
        let hash = self.hash_keys.hash_one(networks.around) % self.shards.len() as u64;
        let at = usize::try_from(hash).expect("it is less than the number of shards");
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let held = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).logs.len();
        self.shards.iter().map(held).sum()
    }
}

impl Shard {
    /// Removes up to four slots whose window has ended, the longest unchecked first. A
    /// call adds at most two slots, so removal keeps up and no single call is slow.
    fn remove_expired(&mut self, now: Timestamp, window: Span) {
        for _ in 0..4 {
            let Some((_, slot)) = self.queue.front().copied().filter(|(since, _)| now.since(*since) >= window) else {
                return;
            };
            self.queue.pop_front();
            let is_over = self.logs.get_mut(&slot).is_none_or(|log| {
                log.forget(window, now);
                log.is_empty()
            });
            if is_over {
                self.logs.remove(&slot);
            } else {
                self.queue.push_back((now, slot));
            }
        }
    }

    fn add(&mut self, slot: Slot, max: u32, window: Span, now: Timestamp) {
        let queue = &mut self.queue;
        let log = self.logs.entry(slot).or_insert_with(|| {
            queue.push_back((now, slot));
            Log::default()
        });
        log.add(max, window, now);
    }
}

const SHARDS: usize = 16;
/// Slots per shard. All shards together have some hundred thousand slots, each of about 100 bytes while it is little
/// used.
const SLOTS_PER_SHARD: usize = 16_384;
/// Slots per shard that new sources share once all others are taken.
const SHARED_SLOTS: u64 = 256;
const LEAST_WAIT: Span = Span::from_millis(1);

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const BUDGET: Budget = Budget { source: 5, network: 20, window: Span::from_secs(10) };

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    fn networks(text: &str) -> Networks {
        Networks::of(text.parse().expect("an address"))
    }

    /// The n-th source, in a network of its own.
    fn numbered(n: u32) -> Networks {
        Networks::of(IpAddr::V4((0x0A00_0000 + (n << 8)).into()))
    }

    #[test]
    fn exactly_so_many_fit_in_any_window() {
        let (counters, source) = (Counters::new(BUDGET), numbered(1));
        for n in 0..5 {
            assert_eq!(counters.spend(source, at(n * 100)), Ok(()));
        }
        assert_eq!(counters.spend(source, at(500)), Err(Span::from_millis(9_500)));
        assert_eq!(counters.spend(source, at(10_000)), Ok(()));
        assert!(counters.spend(source, at(10_001)).is_err());
    }

    #[test]
    fn a_network_has_a_larger_budget_than_each_source_in_it() {
        for (inside, outside) in [("192.0.2.", "192.0.3.1"), ("2001:db8:7:", "2001:db8:8::1")] {
            let counters = Counters::new(BUDGET);
            let source = |n: u32| networks(&format!("{inside}{n}{}", if inside.contains(':') { "::1" } else { "" }));
            for n in 0..20 {
                assert_eq!(counters.spend(source(1 + n / 5), at(0)), Ok(()), "{inside}{n}");
            }
            assert!(counters.spend(source(99), at(0)).is_err(), "the network of {inside} has used its share");
            assert_eq!(counters.spend(networks(outside), at(0)), Ok(()), "others have not");
            assert_eq!(counters.spend(source(99), at(10_000)), Ok(()));
        }
    }

    #[test]
    fn what_a_source_is_refused_takes_nothing_from_its_neighbours() {
        let counters = Counters::new(BUDGET);
        for _ in 0..1_000 {
            counters.spend(networks("192.0.2.1"), at(0)).ok();
        }
        for n in 0..15 {
            assert_eq!(counters.spend(networks(&format!("192.0.2.{}", 10 + n)), at(0)), Ok(()), "{n}");
        }
    }

    #[test]
    fn what_came_to_nothing_is_not_counted() {
        let counters = Counters::new(BUDGET);
        for n in 0..100 {
            assert_eq!(counters.spend(numbered(1), at(n)), Ok(()));
            counters.take_back(numbered(1));
        }
    }

    #[test]
    fn a_million_sources_take_bounded_memory_and_who_is_held_stays_held() {
        let counters = Counters::new(BUDGET);
        let held = networks("2001:db8::1");
        while counters.spend(held, at(0)).is_ok() {}
        for n in 0..1_000_000_u128 {
            let address = Ipv6Addr::from((0x2a00_u128 << 112) | (n << 80));
            counters.spend(Networks::of(address.into()), at(1)).ok();
        }
        assert!(counters.len() <= SHARDS * (SLOTS_PER_SHARD + SHARED_SLOTS as usize), "{}", counters.len());
        assert!(counters.spend(held, at(2)).is_err());
        for n in 0..200_000_u128 {
            let address = Ipv6Addr::from((0x2b00_u128 << 112) | (n << 80));
            counters.spend(Networks::of(address.into()), at(20_000 + u64::try_from(n).expect("small"))).ok();
        }
        assert!(counters.len() <= 2 * 20_002, "what is over is forgotten: {}", counters.len());
    }

    #[test]
    fn new_sources_share_slots_when_all_are_taken() {
        let counters = Counters::with_room(BUDGET, 1, 8);
        for n in 0..4 {
            assert_eq!(counters.spend(numbered(n), at(0)), Ok(()));
        }
        assert_eq!(counters.spend(numbered(3), at(0)), Ok(()), "who is in stays in");
        let passed = (0..100_000).filter(|n| counters.spend(numbered(100 + n), at(1)).is_ok()).count();
        assert!(passed <= SHARED_SLOTS as usize * BUDGET.network as usize, "{passed}");
        assert!(passed > SHARED_SLOTS as usize, "{passed}");
        assert_eq!(counters.spend(numbered(9_999), at(20_000)), Ok(()), "there is room again");
    }

    #[test]
    fn a_call_checks_few_slots_however_many_there_are() {
        let counters = Counters::with_room(BUDGET, 1, 2_000);
        for n in 0..1_000 {
            assert!(counters.spend(numbered(n), at(0)).is_ok());
        }
        for n in 0..100 {
            assert!(counters.spend(numbered(5_000 + n), at(10_000)).is_ok());
            let left = 2_000 - 2 * (usize::try_from(n).expect("small") + 1);
            assert_eq!(counters.len(), left, "four go, two come");
        }
    }

    #[test]
    fn slots_in_constant_use_are_not_removed() {
        let counters = Counters::with_room(BUDGET, 1, 100);
        for second in 0..60 {
            let passed = counters.spend(numbered(1), at(second * 1000)).is_ok();
            assert_eq!(passed, second % 10 < 5, "second {second}");
            assert!(counters.spend(numbered(1_000 + u32::try_from(second).expect("small")), at(second * 1000)).is_ok());
        }
        assert!(counters.len() <= 26, "{}", counters.len());
    }

    #[test]
    fn nobody_knows_which_sources_share_a_shard() {
        let slots = |counters: &Counters| -> Vec<u64> {
            (0..64).map(|n| counters.hash_keys.hash_one(numbered(n).around) % SHARDS as u64).collect()
        };
        assert_ne!(slots(&Counters::new(BUDGET)), slots(&Counters::new(BUDGET)));
    }
}
