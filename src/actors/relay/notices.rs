//! Log lines about single messages. Each kind is logged once and then counted, because a broken server refuses
//! thousands.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::Channel;
use crate::domain::id::MessageId;

/// What was logged when, and how often it was suppressed since.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<HashMap<(Channel, String), (Instant, u64)>>);

impl Notices {
    /// Logs what happened to a message, unless the same was logged about another one within the last minute.
    pub(super) fn say(&self, channel: Channel, id: MessageId, what: &str) {
        match self.since(channel, what, Instant::now()) {
            Some(0) => tracing::warn!(message.id = %id, message.channel = %channel, what, "a message was not sent"),
            Some(others) => tracing::warn!(
                message.id = %id, message.channel = %channel, what, others, "messages were not sent"
            ),
            None => tracing::debug!(message.id = %id, message.channel = %channel, what, "a message was not sent"),
        }
    }

    /// How many lines were suppressed since the last one; `None` when it is too early for another one.
    fn since(&self, channel: Channel, what: &str, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= KINDS_MAX {
            said.retain(|_, (at, _)| now < *at + SILENCE);
        }
        let is_full = said.len() >= KINDS_MAX;
        match said.get_mut(&(channel, what.to_owned())) {
            Some((at, others)) if now < *at + SILENCE => {
                *others += 1;
                None
            }
            Some((at, others)) => {
                *at = now;
                Some(std::mem::take(others))
            }
            // With so many kinds at once, further ones are not distinguished.
            None if is_full => None,
            None => {
                said.insert((channel, what.to_owned()), (now, 0));
                Some(0)
            }
        }
    }
}

const SILENCE: Duration = Duration::from_secs(60);
const KINDS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kind_is_said_once_a_minute_and_counted_between() {
        let (notices, start) = (Notices::default(), Instant::now());
        let said = |what, after| notices.since(Channel::Email, what, start + Duration::from_secs(after));
        assert_eq!([said("a", 0), said("a", 1), said("b", 2), said("a", 59)], [Some(0), None, Some(0), None]);
        assert_eq!([said("a", 60), said("a", 61), said("a", 120)], [Some(2), None, Some(1)]);
        for kind in 0..1000 {
            notices.since(Channel::Email, &kind.to_string(), start);
        }
        assert!(notices.0.lock().expect("no panic").len() <= KINDS_MAX);
    }
}
