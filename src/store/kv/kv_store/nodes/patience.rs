//! How long commits wait for the application: for locks that it holds, and for its SQL beside new users. All commits of a node
//! wait in one row, so the users of a batch share one short time, and then are refused together. They can be tried again.

use std::time::Duration;

use tokio::time::Instant;

use crate::store::commit::{Decision, UserWrite};
use crate::store::kv::key::{self, Kind};
use crate::store::kv::key_value::Write;

/// What a node knows of how the application holds it up.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// When the users of the present batch were held up first.
    since: Option<Instant>,
    /// How often the present batch met a lock on what it writes itself.
    locks: u32,
    /// Whether the last batch that was held up made none of its users. The next one asks once: it is likely that they are all
    /// held up.
    is_short: bool,
}

impl Patience {
    /// Another batch begins.
    pub(super) const fn begin(&mut self) {
        (self.since, self.locks) = (None, 0);
    }

    /// The users of the present batch were held up, by one of them that is known or together; whether there is no more time
    /// for them.
    pub(super) fn is_over_for_users(&mut self, is_one: bool) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        let is_over = self.is_short || since.elapsed() >= USERS_WITHIN;
        // Those that are slow together may be quick enough when they are fewer.
        self.is_short |= is_over && is_one;
        is_over
    }

    /// Whether those users of the present batch that have no answer yet get none: others were held up, and that long ago.
    pub(super) fn is_used_up(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= USERS_WITHIN)
    }

    /// The present batch met a lock on what it writes itself; whether it met enough of them.
    pub(super) const fn is_over_for_locks(&mut self) -> bool {
        self.locks += 1;
        self.locks > LOCKS_MAX
    }

    /// New users were written.
    pub(super) const fn note_users(&mut self) {
        self.is_short = false;
    }
}

/// Whether it makes a user.
pub(super) fn makes_user(decision: &Decision) -> bool {
    decision.user.is_some() || decision.users.iter().any(|write| matches!(write, UserWrite::Create(_)))
}

/// Whether a user is among these writes.
pub(super) fn writes_user(writes: &[Write]) -> bool {
    let users = key::before(Kind::User);
    writes.iter().any(|write| write.key.starts_with(&users))
}

/// For how long the users of a batch are tried again, from the first one on that is held up.
const USERS_WITHIN: Duration = Duration::from_secs(1);
/// How often a batch may meet a lock on what it writes itself. Another node that stops in the middle of a transaction lets go
/// after two seconds.
const LOCKS_MAX: u32 = 12;
