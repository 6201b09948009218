//! A circuit breaker against SMS pumping: it limits the text messages per day to one prefix of phone numbers.
//! Fraudsters earn a share of the price of messages to number ranges that they rent, and can use any number of sources.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::domain::time::{Span, Timestamp};

/// Counts text messages by prefix. The day of a prefix, 24 hours, begins with its first message.
#[derive(Debug)]
pub struct PrefixLimiter {
    per_day: u32,
    days: Mutex<Days>,
}

/// The daily limit of a prefix is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixLimited {
    /// Time until the prefix accepts messages again.
    pub retry_after: Span,
    /// Whether this is the first refusal of the day, which the caller should log.
    pub is_news: bool,
}

#[derive(Debug, Default)]
struct Days {
    counts: HashMap<String, Day>,
    /// The prefixes, in the order in which their days began.
    queue: VecDeque<(Timestamp, String)>,
}

#[derive(Debug)]
struct Day {
    since: Timestamp,
    count: u32,
    is_reported: bool,
}

impl PrefixLimiter {
    /// A limiter with `per_day` messages per prefix.
    pub fn new(per_day: u32) -> Self {
        Self { per_day, days: Mutex::default() }
    }

    /// Counts one message to a prefix, unless its limit is reached.
    ///
    /// # Errors
    /// [`PrefixLimited`] when the limit is reached.
    pub fn spend(&self, prefix: &str, now: Timestamp) -> Result<(), PrefixLimited> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        days.remove_expired(now);
        // The world's numbering plans have fewer prefixes. If the table is full all the same, a new prefix is refused,
        // so that no counter is lost.
        if days.counts.len() >= PREFIXES_MAX && !days.counts.contains_key(prefix) {
            let next = days.queue.front().map_or(now, |(since, _)| *since + DAY);
            return Err(PrefixLimited { retry_after: next.since(now).max(LEAST_WAIT), is_news: false });
        }
        let Days { counts, queue } = &mut *days;
        let day = counts.entry(prefix.to_owned()).or_insert_with(|| {
            queue.push_back((now, prefix.to_owned()));
            Day { since: now, count: 0, is_reported: false }
        });
        if day.count >= self.per_day {
            let is_news = !std::mem::replace(&mut day.is_reported, true);
            return Err(PrefixLimited { retry_after: (day.since + DAY).since(now).max(LEAST_WAIT), is_news });
        }
        day.count += 1;
        Ok(())
    }

    /// Uncounts a message that was not sent.
    pub fn take_back(&self, prefix: &str) {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(day) = days.counts.get_mut(prefix) {
            day.count = day.count.saturating_sub(1);
        }
    }
}

impl Days {
    /// Removes days that are over, at most two per message.
    fn remove_expired(&mut self, now: Timestamp) {
        for _ in 0..2 {
            match self.queue.pop_front() {
                Some((since, prefix)) if now.since(since) >= DAY => drop(self.counts.remove(&prefix)),
                Some(running) => return self.queue.push_front(running),
                None => return,
            }
        }
    }
}

const DAY: Span = Span::from_secs(86_400);
const PREFIXES_MAX: usize = 262_144;
const LEAST_WAIT: Span = Span::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + s * 1000)
    }

    #[test]
    fn a_prefix_that_had_its_share_takes_nothing_until_its_day_is_over() {
        let limiter = PrefixLimiter::new(3);
        for second in 0..3 {
            assert_eq!(limiter.spend("+1415", at(second)), Ok(()));
        }
        let wait = |second: u64| Span::from_secs(86_400 - second);
        assert_eq!(limiter.spend("+1415", at(3)), Err(PrefixLimited { retry_after: wait(3), is_news: true }));
        assert_eq!(limiter.spend("+1415", at(4)), Err(PrefixLimited { retry_after: wait(4), is_news: false }));
        assert_eq!(limiter.spend("+4930", at(4)), Ok(()), "others go on");
        assert_eq!(limiter.spend("+1415", at(86_400)), Ok(()));
    }

    #[test]
    fn a_message_that_was_not_sent_is_not_counted() {
        let limiter = PrefixLimiter::new(1);
        for _ in 0..10 {
            assert_eq!(limiter.spend("+1415", at(0)), Ok(()));
            limiter.take_back("+1415");
        }
    }

    #[test]
    fn a_million_prefixes_take_bounded_memory_and_those_that_tripped_stay_so() {
        let limiter = PrefixLimiter::new(1);
        assert_eq!(limiter.spend("+1415", at(0)), Ok(()));
        for n in 0..1_000_000 {
            limiter.spend(&format!("+{n}"), at(1)).ok();
        }
        assert!(limiter.spend("+1415", at(2)).is_err());
        let days = limiter.days.lock().expect("not poisoned");
        assert!(days.counts.len() <= PREFIXES_MAX && days.queue.len() <= PREFIXES_MAX);
    }
}
