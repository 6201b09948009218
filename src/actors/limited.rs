//! Messages that a limit refused: counted here, and told as events by the sweeper, of each kind one a minute at most. So who
//! asks for messages without end fills neither the log of events nor the disk.

use std::sync::{Mutex, PoisonError};

use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::message::{LimitedMessages, MessageBudget};
use crate::domain::time::{Span, Timestamp};

/// Counts the messages that a limit refused.
#[derive(Debug, Default)]
pub struct LimitedCounts {
    counts: Mutex<Vec<Counted>>,
}

#[derive(Debug)]
struct Counted {
    to: IdentifierKind,
    by: MessageBudget,
    count: u32,
    /// When an event last told of them.
    told_at: Option<Timestamp>,
}

impl LimitedCounts {
    /// Notes that a message to this address was refused.
    pub fn note(&self, to: &Identifier, by: MessageBudget) {
        let to = match to.kind {
            IdentifierKind::PhoneNumber => IdentifierKind::PhoneNumber,
            _ => IdentifierKind::EmailAddress,
        };
        self.add(LimitedMessages { to, by, count: 1 });
    }

    /// Those that are to be told of now.
    pub(super) fn take_due(&self, now: Timestamp) -> Vec<LimitedMessages> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let due = counts.iter_mut().filter(|counted| {
            counted.count > 0 && counted.told_at.is_none_or(|told_at| !told_at.is_within(AT_MOST_EVERY, now))
        });
        due.map(|counted| {
            counted.told_at = Some(now);
            LimitedMessages { to: counted.to, by: counted.by, count: std::mem::take(&mut counted.count) }
        })
        .collect()
    }

    /// Counts again what could not be told.
    pub(super) fn put_back(&self, untold: &[LimitedMessages]) {
        untold.iter().for_each(|limited| self.add(*limited));
    }

    fn add(&self, LimitedMessages { to, by, count }: LimitedMessages) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.iter_mut().find(|counted| (counted.to, counted.by) == (to, by)) {
            Some(counted) => counted.count = counted.count.saturating_add(count),
            None => counts.push(Counted { to, by, count, told_at: None }),
        }
    }
}

const AT_MOST_EVERY: Span = Span::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_once_a_minute_of_each_kind_and_none_is_lost() {
        let (counts, at) = (LimitedCounts::default(), |s: u64| Timestamp::from_millis(1_000_000 + s * 1000));
        let address = |kind, value: &str| Identifier { kind, value: value.into() };
        let (mail, phone) = (IdentifierKind::EmailAddress, IdentifierKind::PhoneNumber);
        let (ada, number) = (address(mail, "ada@example.com"), address(phone, "+14155552671"));
        assert_eq!(counts.take_due(at(0)), []);
        for _ in 0..1000 {
            counts.note(&ada, MessageBudget::Address);
        }
        counts.note(&number, MessageBudget::Destination);
        let told = |to, by, count| LimitedMessages { to, by, count };
        let expected = [told(mail, MessageBudget::Address, 1000), told(phone, MessageBudget::Destination, 1)];
        assert_eq!(counts.take_due(at(5)), expected);
        counts.note(&ada, MessageBudget::Address);
        counts.note(&ada, MessageBudget::Source);
        assert_eq!(counts.take_due(at(10)), [told(mail, MessageBudget::Source, 1)], "another limit");
        assert_eq!(counts.take_due(at(64)), []);
        let due = counts.take_due(at(66));
        assert_eq!(due, [told(mail, MessageBudget::Address, 1)]);
        counts.put_back(&due);
        counts.note(&ada, MessageBudget::Address);
        assert_eq!(counts.take_due(at(130)), [told(mail, MessageBudget::Address, 2)]);
    }
}
