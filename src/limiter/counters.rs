//! The places of one family of calls: a bounded number of logs, found in constant time.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::Ipv6Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::settings::source_limits::Budget;
use crate::domain::time::{Span, Timestamp};

use super::log::Log;
use super::network::Networks;

/// Who used how much of one budget.
#[derive(Debug)]
pub(super) struct Counters {
    budget: Budget,
    /// Drawn anew for each, so that nobody can aim at one shard.
    placing: RandomState,
    shards: Vec<Mutex<Shard>>,
    places_per_shard: usize,
}

/// What a log is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Source(Ipv6Addr),
    Around(Ipv6Addr),
    /// Newcomers while all places are held, many in one: a place that counts is never given to somebody else.
    Common(u64),
}

/// What is known of some of the sources.
#[derive(Debug, Default)]
struct Shard {
    logs: HashMap<Place, Log>,
    /// Each place once, with the time from which on its window counts before it is looked at again.
    queue: VecDeque<(Timestamp, Place)>,
}

impl Counters {
    pub(super) fn new(budget: Budget) -> Self {
        Self::with_room(budget, SHARDS, PLACES_PER_SHARD)
    }

    fn with_room(budget: Budget, shards: usize, places_per_shard: usize) -> Self {
        let shards = (0..shards).map(|_| Mutex::default()).collect();
        Self { budget, placing: RandomState::new(), shards, places_per_shard }
    }

    /// Counts one use for a source and for the network around it, or for neither: what one source is refused takes
    /// nothing from its neighbours.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn spend(&self, networks: Networks, now: Timestamp) -> Result<(), Span> {
        let Budget { window, .. } = self.budget;
        let mut shard = self.shard(&networks);
        shard.forget_some(now, window);
        let places = self.places(&shard, &networks);
        let waits = places.iter().filter_map(|place| {
            let log = shard.logs.get_mut(place)?;
            log.forget(window, now);
            log.wait(self.budget_of(place), window, now)
        });
        if let Some(wait) = waits.max() {
            return Err(wait.max(LEAST_WAIT));
        }
        for place in places {
            shard.add(place, self.budget_of(&place), window, now);
        }
        Ok(())
    }

    /// Takes back a use that came to nothing.
    pub(super) fn take_back(&self, networks: Networks) {
        let mut shard = self.shard(&networks);
        for place in self.places(&shard, &networks) {
            if let Some(log) = shard.logs.get_mut(&place) {
                log.take_back();
            }
        }
    }

    /// The places that a call of a source is counted in.
    fn places(&self, shard: &Shard, networks: &Networks) -> Vec<Place> {
        let own = [Place::Source(networks.source), Place::Around(networks.around)];
        let missing = own.iter().filter(|place| !shard.logs.contains_key(place)).count();
        if shard.logs.len() + missing <= self.places_per_shard {
            return own.to_vec();
        }
        let common = Place::Common(self.placing.hash_one(networks.around) / self.shards.len() as u64 % COMMON_PLACES);
        own.into_iter().filter(|place| shard.logs.contains_key(place)).chain([common]).collect()
    }

    fn budget_of(&self, place: &Place) -> u32 {
        match place {
            Place::Source(_) => self.budget.source,
            Place::Around(_) | Place::Common(_) => self.budget.network,
        }
    }

    /// The shard that a network and all sources in it are counted in.
    fn shard(&self, networks: &Networks) -> MutexGuard<'_, Shard> {
        let hash = self.placing.hash_one(networks.around) % self.shards.len() as u64;
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
    /// Looks at the places that have waited longest, four at most: as each call adds two at most, what is over goes
    /// sooner than it comes, and no call pays for many.
    fn forget_some(&mut self, now: Timestamp, window: Span) {
        for _ in 0..4 {
            let Some((_, place)) = self.queue.front().copied().filter(|(since, _)| now.since(*since) >= window) else {
                return;
            };
            self.queue.pop_front();
            let is_over = self.logs.get_mut(&place).is_none_or(|log| {
                log.forget(window, now);
                log.is_empty()
            });
            if is_over {
                self.logs.remove(&place);
            } else {
                self.queue.push_back((now, place));
            }
        }
    }

    fn add(&mut self, place: Place, max: u32, window: Span, now: Timestamp) {
        let queue = &mut self.queue;
        let log = self.logs.entry(place).or_insert_with(|| {
            queue.push_back((now, place));
            Log::default()
        });
        log.add(max, window, now);
    }
}

const SHARDS: usize = 16;
/// In all some hundred thousand places for each family, of about a hundred bytes each while they are used little.
const PLACES_PER_SHARD: usize = 16_384;
/// How many places of a shard newcomers share once the others are held.
const COMMON_PLACES: u64 = 256;
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

    /// A source in a network of its own.
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
        assert!(counters.len() <= SHARDS * (PLACES_PER_SHARD + COMMON_PLACES as usize), "{}", counters.len());
        assert!(counters.spend(held, at(2)).is_err());
        for n in 0..200_000_u128 {
            let address = Ipv6Addr::from((0x2b00_u128 << 112) | (n << 80));
            counters.spend(Networks::of(address.into()), at(20_000 + u64::try_from(n).expect("small"))).ok();
        }
        assert!(counters.len() <= 2 * 20_002, "what is over is forgotten: {}", counters.len());
    }

    #[test]
    fn newcomers_share_places_when_all_are_held() {
        let counters = Counters::with_room(BUDGET, 1, 8);
        for n in 0..4 {
            assert_eq!(counters.spend(numbered(n), at(0)), Ok(()));
        }
        assert_eq!(counters.spend(numbered(3), at(0)), Ok(()), "who is in stays in");
        let passed = (0..100_000).filter(|n| counters.spend(numbered(100 + n), at(1)).is_ok()).count();
        assert!(passed <= COMMON_PLACES as usize * BUDGET.network as usize, "{passed}");
        assert!(passed > COMMON_PLACES as usize, "{passed}");
        assert_eq!(counters.spend(numbered(9_999), at(20_000)), Ok(()), "there is room again");
    }

    #[test]
    fn a_call_looks_at_few_places_however_many_there_are() {
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
    fn places_that_are_used_all_along_are_not_forgotten() {
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
        let places = |counters: &Counters| -> Vec<u64> {
            (0..64).map(|n| counters.placing.hash_one(numbered(n).around) % SHARDS as u64).collect()
        };
        assert_ne!(places(&Counters::new(BUDGET)), places(&Counters::new(BUDGET)));
    }
}
