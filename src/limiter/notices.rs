//! How many notices a user is sent: somebody who changes an account over and over must not fill a mailbox.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::domain::id::UserId;
use crate::domain::time::{Span, Timestamp};

/// Counts notices by user. The hour of a user begins with the first notice.
#[derive(Debug, Default)]
pub(crate) struct NoticeLimiter(Mutex<Hours>);

/// Notices that were counted; given back when dropped, unless they were [sent](Self::sent).
#[derive(Debug)]
#[must_use]
pub(crate) struct CountedNotices<'a> {
    limiter: &'a NoticeLimiter,
    user: UserId,
    count: usize,
}

#[derive(Debug, Default)]
struct Hours {
    counts: HashMap<UserId, usize>,
    /// The users, in the order in which their hours began.
    queue: VecDeque<(Timestamp, UserId)>,
}

impl NoticeLimiter {
    /// Counts up to `wanted` notices to a user: as many as are left in the hour.
    pub(crate) fn count(&self, user: UserId, wanted: usize, now: Timestamp) -> CountedNotices<'_> {
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hours.forget(now);
        let said = hours.counts.get(&user).copied();
        let count = wanted.min(PER_HOUR.saturating_sub(said.unwrap_or_default()));
        if count > 0 {
            if said.is_none() {
                hours.queue.push_back((now, user));
            }
            *hours.counts.entry(user).or_default() += count;
        }
        CountedNotices { limiter: self, user, count }
    }
}

impl CountedNotices<'_> {
    /// How many may be sent.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Notes that they were sent.
    pub(crate) fn sent(mut self) {
        self.count = 0;
    }
}

impl Drop for CountedNotices<'_> {
    fn drop(&mut self) {
        let mut hours = self.limiter.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = hours.counts.get_mut(&self.user) {
            *said = said.saturating_sub(self.count);
        }
    }
}

impl Hours {
    /// Forgets hours that are over, and the oldest ones where there are too many: its user may be told more then.
    fn forget(&mut self, now: Timestamp) {
        while let Some((since, user)) = self.queue.front().copied() {
            if since.is_within(HOUR, now) && self.queue.len() < USERS_MAX {
                return;
            }
            self.queue.pop_front();
            self.counts.remove(&user);
        }
    }
}

const PER_HOUR: usize = 20;
const HOUR: Span = Span::from_secs(3600);
const USERS_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_told_so_often_in_an_hour_and_others_go_on() {
        let limiter = NoticeLimiter::default();
        for second in 0..PER_HOUR as u64 {
            limiter.count(user(1), 1, at(second)).sent();
        }
        assert_eq!(limiter.count(user(1), 2, at(60)).count(), 0);
        assert_eq!(limiter.count(user(2), 2, at(60)).count(), 2);
        assert_eq!(limiter.count(user(1), 2, at(3601)).count(), 2);
        let many = limiter.count(user(3), PER_HOUR + 5, at(60));
        assert_eq!(many.count(), PER_HOUR);
    }

    #[test]
    fn what_was_not_sent_is_not_counted() {
        let limiter = NoticeLimiter::default();
        for _ in 0..100 {
            assert_eq!(limiter.count(user(1), 2, at(0)).count(), 2);
        }
    }

    #[test]
    fn any_number_of_users_takes_bounded_memory() {
        let limiter = NoticeLimiter::default();
        for n in 0..100_000 {
            limiter.count(user(n), 1, at(0)).sent();
        }
        let hours = limiter.0.lock().expect("not poisoned");
        assert!(hours.counts.len() <= USERS_MAX && hours.queue.len() <= USERS_MAX);
    }

    fn user(n: u128) -> UserId {
        UserId::from_bytes(n.to_be_bytes())
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1000)
    }
}
