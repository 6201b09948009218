//! What an endpoint's last attempts were, for operators. It is in memory only.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::id::{EventId, MessageId};
use crate::domain::time::Timestamp;
use crate::webhook::EventType;

/// An attempt to deliver a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookAttempt {
    /// The id of the message: the header `webhook-id`.
    pub message_id: MessageId,
    /// The event; `None` for a test.
    pub event_id: Option<EventId>,
    /// What the event is.
    pub event: EventType,
    /// When the attempt was made.
    pub attempted_at: Timestamp,
    /// Which attempt it was, from 1.
    pub number: u32,
    /// Why it failed; `None` if the receiver has it. It contains neither the URL nor what was sent or answered.
    pub failure: Option<String>,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
}

/// How many messages were dealt with since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Counts {
    /// Messages that were delivered.
    pub(in crate::engine) delivered: u64,
    /// Attempts that failed.
    pub(in crate::engine) failed_attempts: u64,
    /// Messages that are not tried again.
    pub(in crate::engine) given_up: u64,
}

/// The last attempts of one endpoint, and how many there were since the start.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    last: Mutex<VecDeque<WebhookAttempt>>,
    delivered: AtomicU64,
    failed: AtomicU64,
    given_up: AtomicU64,
}

impl Attempts {
    /// Notes an attempt. Tests are not counted.
    pub(super) fn note(&self, attempt: WebhookAttempt) {
        let has_failed = attempt.failure.is_some();
        if attempt.event_id.is_some() {
            let count = |counter: &AtomicU64, is_one: bool| counter.fetch_add(u64::from(is_one), Ordering::Relaxed);
            count(&self.delivered, !has_failed);
            count(&self.failed, has_failed);
            count(&self.given_up, has_failed && attempt.next_attempt_at.is_none());
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT_MAX {
            last.pop_back();
        }
        last.push_front(attempt);
    }

    /// Notes that a message was given up without another attempt.
    pub(super) fn note_given_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    /// The last attempts, the latest first.
    pub(super) fn last(&self) -> Vec<WebhookAttempt> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// How many there were.
    pub(super) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts { delivered: read(&self.delivered), failed_attempts: read(&self.failed), given_up: read(&self.given_up) }
    }
}

/// How many attempts of an endpoint are kept.
const KEPT_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempts_are_kept_and_all_are_counted() {
        let attempts = Attempts::default();
        for number in 1..=150 {
            let failure = (number % 3 == 0).then(|| "the receiver took too long".to_owned());
            let next_attempt_at = (number % 6 == 0).then_some(Timestamp::MAX);
            attempts.note(WebhookAttempt {
                message_id: MessageId::from_bytes([1; 16]),
                event_id: Some(EventId::from_bytes([2; 16])),
                event: EventType::UserCreated,
                attempted_at: Timestamp::EPOCH,
                number,
                failure,
                next_attempt_at,
            });
        }
        let last = attempts.last();
        assert_eq!((last.len(), last[0].number, last[KEPT_MAX - 1].number), (KEPT_MAX, 150, 51));
        assert_eq!(attempts.counts(), Counts { delivered: 100, failed_attempts: 50, given_up: 25 });
    }
}
