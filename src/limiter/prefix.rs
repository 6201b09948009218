//! A circuit breaker for text messages: how many go to one prefix of phone numbers in a day. Whoever earns by the
//! messages that others pay for ("SMS pumping") holds ranges of numbers, and may come from any number of sources.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::domain::time::{Span, Timestamp};

/// Counts text messages by prefix. The day of a prefix begins with its first message.
#[derive(Debug)]
pub struct PrefixLimiter {
    per_day: u32,
    days: Mutex<Days>,
}

/// Why a prefix takes no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tripped {
    /// When it takes messages again.
    pub retry_after: Span,
    /// Whether this call is the first that it refuses today: worth a line in the log.
    pub is_news: bool,
}

#[derive(Debug, Default)]
struct Days {
    counts: HashMap<String, Day>,
    /// The prefixes in the order in which their days began.
    queue: VecDeque<(Timestamp, String)>,
}

#[derive(Debug)]
struct Day {
    since: Timestamp,
    count: u32,
    is_told: bool,
}

impl PrefixLimiter {
    /// A limiter that lets so many messages a day through to each prefix.
    pub fn new(per_day: u32) -> Self {
        Self { per_day, days: Mutex::default() }
    }

    /// Counts one message to a prefix, unless it has had its share of the day.
    ///
    /// # Errors
    /// [`Tripped`].
    pub fn spend(&self, prefix: &str, now: Timestamp) -> Result<(), Tripped> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        days.forget_some(now);
        // There are fewer prefixes than that in the world's numbering plans; should it be wrong, nobody is pushed out.
        if days.counts.len() >= PREFIXES_MAX && !days.counts.contains_key(prefix) {
            let next = days.queue.front().map_or(now, |(since, _)| *since + DAY);
            return Err(Tripped { retry_after: next.since(now).max(LEAST_WAIT), is_news: false });
        }
        let Days { counts, queue } = &mut *days;
        let day = counts.entry(prefix.to_owned()).or_insert_with(|| {
            queue.push_back((now, prefix.to_owned()));
            Day { since: now, count: 0, is_told: false }
        });
        if day.count >= self.per_day {
            let is_news = !std::mem::replace(&mut day.is_told, true);
            return Err(Tripped { retry_after: (day.since + DAY).since(now).max(LEAST_WAIT), is_news });
        }
        day.count += 1;
        Ok(())
    }

    /// Takes back a message that was not sent.
    pub fn take_back(&self, prefix: &str) {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(day) = days.counts.get_mut(prefix) {
            day.count = day.count.saturating_sub(1);
        }
    }
}

impl Days {
    /// Forgets the days that are over, two at most for each message.
    fn forget_some(&mut self, now: Timestamp) {
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
        assert_eq!(limiter.spend("+1415", at(3)), Err(Tripped { retry_after: wait(3), is_news: true }));
        assert_eq!(limiter.spend("+1415", at(4)), Err(Tripped { retry_after: wait(4), is_news: false }));
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
