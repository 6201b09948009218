//! A lane that fails: since when and why, and what the log was told of it.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::time::Timestamp;

/// That a lane fails.
pub(super) struct Failing {
    pub(super) since: Timestamp,
    pub(super) began: Instant,
    /// The reason that was logged.
    reason: String,
    pub(super) last_reason: String,
    said_at: Instant,
    /// When the last try failed.
    tried_at: Instant,
    pub(super) tries: u64,
    pub(super) expired: usize,
}

impl Failing {
    /// From now on; `since` is now by the clock. The first try is yet to be noted.
    pub(super) fn begun(reason: &str, since: Timestamp, now: Instant) -> Self {
        Self {
            since,
            began: now,
            reason: reason.to_owned(),
            last_reason: String::new(),
            said_at: now,
            tried_at: now,
            tries: 0,
            expired: 0,
        }
    }

    /// Notes a failed try. Returns whether its reason is to be logged: it is another one than before.
    pub(super) fn note_try(&mut self, reason: &str, now: Instant) -> bool {
        self.tries += 1;
        self.tried_at = now;
        reason.clone_into(&mut self.last_reason);
        let is_said = self.reason != reason && now >= self.said_at + REASONS_INTERVAL;
        if is_said {
            reason.clone_into(&mut self.reason);
            self.said_at = now;
        }
        is_said
    }

    /// Until when it counts where nothing is tried any more, because another node tries the messages.
    pub(super) fn counts_until(&self) -> Instant {
        self.tried_at + COUNTS_FOR
    }
}

/// The shortest time between two changed reasons in the log.
const REASONS_INTERVAL: Duration = Duration::from_secs(30);
const COUNTS_FOR: Duration = Duration::from_secs(60);
