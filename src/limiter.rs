//! Limits by source: how often one IPv4 address or IPv6 /64 may create and attempt (DESIGN 9). In memory and per
//! process; the exact limits per address are the store's.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use crate::domain::time::{Span, Timestamp};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Creating sign-ups.
    Create,
    /// Attempting verifications.
    Attempt,
}

/// So many in so long a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: usize,
    /// In how long.
    pub window: Span,
}

/// The limiter: a log of the last uses of each source, so that exactly `count` fit in any window.
pub struct SourceLimiter {
    create: Rate,
    attempt: Rate,
    /// Drawn anew for each limiter, so that nobody can aim at one shard.
    placing: RandomState,
    shards: Vec<Mutex<Shard>>,
    sources_per_shard_max: usize,
}

type Source = (Family, Ipv6Addr);

/// What is known of some of the sources.
#[derive(Default)]
struct Shard {
    /// When each source was last let through.
    uses: HashMap<Source, VecDeque<Timestamp>>,
    /// Each source once, with the time from which on its window counts before it is looked at again.
    queue: VecDeque<(Timestamp, Source)>,
}

impl SourceLimiter {
    /// A limiter with these rates.
    pub fn new(create: Rate, attempt: Rate) -> Self {
        Self::with_room(create, attempt, SHARDS, SOURCES_PER_SHARD_MAX)
    }

    fn with_room(create: Rate, attempt: Rate, shards: usize, sources_per_shard_max: usize) -> Self {
        let shards = (0..shards).map(|_| Mutex::default()).collect();
        Self { create, attempt, placing: RandomState::new(), shards, sources_per_shard_max }
    }

    /// Counts one use, unless the source has used its share.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check(&self, family: Family, source: IpAddr, now: Timestamp) -> Result<(), Span> {
        let rate = match family {
            Family::Create => self.create,
            Family::Attempt => self.attempt,
        };
        let source = (family, network(source));
        let longest = self.create.window.max(self.attempt.window);
        let mut shard = self.shards[self.place(&source)].lock().unwrap_or_else(PoisonError::into_inner);
        shard.forget_some(now, longest);
        if shard.uses.len() >= self.sources_per_shard_max && !shard.uses.contains_key(&source) {
            // Every place is held by somebody who counts: newcomers wait rather than push them out.
            let next = shard.queue.front().map_or(now, |(since, _)| *since + longest);
            return Err(next.since(now).max(LEAST_WAIT));
        }
        shard.count(source, rate, now)
    }

    fn place(&self, source: &Source) -> usize {
        let hash = self.placing.hash_one(source) % self.shards.len() as u64;
        usize::try_from(hash).expect("it is less than the number of shards")
    }
}

impl Shard {
    /// Looks at the sources that have waited longest, two at most: as each use adds one at most, what is over goes
    /// sooner than it comes, and no call pays for many.
    fn forget_some(&mut self, now: Timestamp, window: Span) {
        for _ in 0..2 {
            let Some((_, source)) = self.queue.front().copied().filter(|(since, _)| now.since(*since) >= window) else {
                return;
            };
            self.queue.pop_front();
            let last = self.uses.get(&source).and_then(|log| log.back());
            if last.is_some_and(|last| now.since(*last) < window) {
                self.queue.push_back((now, source));
            } else {
                self.uses.remove(&source);
            }
        }
    }

    fn count(&mut self, source: Source, rate: Rate, now: Timestamp) -> Result<(), Span> {
        let log = self.uses.entry(source).or_insert_with(|| {
            self.queue.push_back((now, source));
            VecDeque::new()
        });
        while log.front().is_some_and(|first| now.since(*first) >= rate.window) {
            log.pop_front();
        }
        if log.len() >= rate.count {
            let oldest = log.front().copied().unwrap_or(now);
            return Err((oldest + rate.window).since(now));
        }
        log.push_back(now);
        Ok(())
    }
}

/// What counts as one source: an IPv4 address, mapped or not, or the /64 of an IPv6 address.
fn network(source: IpAddr) -> Ipv6Addr {
    match source {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => v6,
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)),
    }
}

const SHARDS: usize = 16;
const SOURCES_PER_SHARD_MAX: usize = 65_536;
const LEAST_WAIT: Span = Span::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> SourceLimiter {
        let rate = |count| Rate { count, window: Span::from_secs(10) };
        SourceLimiter::new(rate(5), rate(3))
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    #[test]
    fn exactly_so_many_fit_in_any_window() {
        let (limiter, source) = (limiter(), IpAddr::from([192, 0, 2, 1]));
        for n in 0..5 {
            assert_eq!(limiter.check(Family::Create, source, at(n * 100)), Ok(()));
        }
        assert_eq!(limiter.check(Family::Create, source, at(500)), Err(Span::from_millis(9_500)));
        assert_eq!(limiter.check(Family::Attempt, source, at(500)), Ok(()));
        assert_eq!(limiter.check(Family::Create, source, at(10_000)), Ok(()));
        assert!(limiter.check(Family::Create, source, at(10_001)).is_err());
    }

    #[test]
    fn a_64_is_one_source_and_a_mapped_address_is_its_ipv4() {
        let limiter = limiter();
        let source = |text: &str| text.parse::<IpAddr>().expect("an address");
        for n in 0..5 {
            assert!(limiter.check(Family::Create, source(&format!("2001:db8::{n}")), at(0)).is_ok());
        }
        assert!(limiter.check(Family::Create, source("2001:db8::ffff"), at(0)).is_err());
        assert!(limiter.check(Family::Create, source("2001:db8:0:1::1"), at(0)).is_ok());
        for n in 0..5 {
            let spelling = if n % 2 == 0 { "::ffff:192.0.2.9" } else { "192.0.2.9" };
            assert!(limiter.check(Family::Create, source(spelling), at(0)).is_ok());
        }
        assert!(limiter.check(Family::Create, source("192.0.2.9"), at(0)).is_err());
    }

    #[test]
    fn a_full_shard_tells_newcomers_when_a_place_is_free() {
        let limiter = with_places(4);
        for n in 0..4_u8 {
            assert_eq!(limiter.check(Family::Create, numbered(n.into()), at(u64::from(n) * 1000)), Ok(()));
        }
        assert_eq!(limiter.check(Family::Create, numbered(9), at(4_000)), Err(Span::from_millis(6_000)));
        assert_eq!(limiter.check(Family::Create, numbered(3), at(4_000)), Ok(()), "who is in stays in");
        assert_eq!(limiter.check(Family::Create, numbered(9), at(10_000)), Ok(()));
        assert_eq!(limiter.check(Family::Create, numbered(10), at(10_500)), Err(Span::from_millis(500)));
        assert_eq!(limiter.check(Family::Create, numbered(10), at(11_000)), Ok(()));
    }

    #[test]
    fn a_full_shard_looks_at_few_sources_for_each_newcomer() {
        let limiter = with_places(1_000);
        for n in 0..1_000 {
            assert!(limiter.check(Family::Create, numbered(n), at(0)).is_ok());
        }
        for n in 0..1_000 {
            assert!(limiter.check(Family::Create, numbered(2_000 + n), at(9_999)).is_err());
        }
        for n in 0..100 {
            assert!(limiter.check(Family::Create, numbered(5_000 + n), at(10_000)).is_ok());
            let shard = limiter.shards[0].lock().expect("a shard");
            let left = 1_000 - usize::try_from(n).expect("small") - 1;
            assert_eq!((shard.uses.len(), shard.queue.len()), (left, left), "two go, one comes");
        }
    }

    #[test]
    fn sources_that_are_used_all_along_are_not_forgotten() {
        let limiter = with_places(100);
        for second in 0..60 {
            let passed = limiter.check(Family::Create, numbered(1), at(second * 1000)).is_ok();
            assert_eq!(passed, second % 10 < 5, "second {second}");
            assert!(
                limiter
                    .check(Family::Create, numbered(1_000 + u32::try_from(second).expect("small")), at(second * 1000))
                    .is_ok()
            );
        }
        assert!(limiter.shards[0].lock().expect("a shard").uses.len() <= 12);
    }

    #[test]
    fn nobody_knows_which_sources_share_a_shard() {
        let places = |limiter: &SourceLimiter| -> Vec<usize> {
            (0..64).map(|n| limiter.place(&(Family::Create, network(numbered(n))))).collect()
        };
        assert_ne!(places(&limiter()), places(&limiter()));
    }

    fn with_places(places: usize) -> SourceLimiter {
        let SourceLimiter { create, attempt, .. } = limiter();
        SourceLimiter::with_room(create, attempt, 1, places)
    }

    fn numbered(n: u32) -> IpAddr {
        IpAddr::V4((0x0A00_0000 + n).into())
    }
}
