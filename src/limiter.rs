//! Limits by source: how often one IPv4 address or IPv6 /64 may create and attempt (DESIGN 9). In memory and per
//! process; the exact limits per address are the store's.

use std::collections::{HashMap, VecDeque};
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
    shards: Vec<Mutex<Uses>>,
}

/// When each source was last let through.
type Uses = HashMap<(Family, Ipv6Addr), VecDeque<Timestamp>>;

impl SourceLimiter {
    /// A limiter with these rates.
    pub fn new(create: Rate, attempt: Rate) -> Self {
        Self { create, attempt, shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
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
        let key = (family, network(source));
        let octets = key.1.octets();
        let shard = octets.iter().fold(0_usize, |sum, b| sum.wrapping_mul(31).wrapping_add(usize::from(*b)));
        let mut uses = self.shards[shard % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= KEYS_PER_SHARD_MAX && !uses.contains_key(&key) {
            let longest = self.create.window.max(self.attempt.window);
            uses.retain(|_, log| log.back().is_some_and(|last| now.since(*last) < longest));
            if uses.len() >= KEYS_PER_SHARD_MAX {
                // Every key is held by somebody who counts: newcomers wait rather than push them out.
                return Err(longest);
            }
        }
        let log = uses.entry(key).or_default();
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
const KEYS_PER_SHARD_MAX: usize = 65_536;

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
}
