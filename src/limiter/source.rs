//! The actions that are limited by source, and their budgets.

use std::net::IpAddr;

use crate::domain::settings::source_limits::SourceLimits;
use crate::domain::time::{Span, Timestamp};

use super::counters::Counters;
use super::network::Networks;

/// A limited action. Each has its own budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitedAction {
    /// Creating a sign-up, a sign-in or a waitlist entry.
    Create,
    /// Trying a code or a password.
    Attempt,
    /// Asking whether an identifier belongs to a user.
    LookUp,
    /// Sending an e-mail.
    Email,
    /// Sending a text message.
    Sms,
    /// Hashing a password.
    Password,
    /// Creating a client record, which is stored even if the browser never returns.
    Client,
    /// Writing to the store.
    Write,
    /// Signing a session token.
    Token,
}

/// The rate limiter. For each action it keeps a log of the latest uses of each source and network.
#[derive(Debug)]
pub struct SourceLimiter([Counters; 9]);

impl SourceLimiter {
    /// A limiter with these budgets.
    pub fn new(limits: &SourceLimits) -> Self {
        let SourceLimits { creates, attempts, look_ups, emails, sms, .. } = *limits;
        let SourceLimits { passwords, clients, writes, tokens, .. } = *limits;
        Self([creates, attempts, look_ups, emails, sms, passwords, clients, writes, tokens].map(Counters::new))
    }

    /// Counts one use, unless the source or its network has used its budget.
    ///
    /// # Errors
    /// The time to wait, when the budget of the current window is used.
    pub fn spend(&self, action: LimitedAction, source: IpAddr, now: Timestamp) -> Result<(), Span> {
        self.of(action).spend(Networks::of(source), now)
    }

    /// Gives one use back, because the call did not do the limited work.
    pub fn take_back(&self, action: LimitedAction, source: IpAddr) {
        self.of(action).take_back(Networks::of(source));
    }

    fn of(&self, action: LimitedAction) -> &Counters {
        &self.0[action as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::settings::source_limits::Budget;

    #[test]
    fn each_family_has_its_own_budget() {
        let budget = |source| Budget { source, network: 100, window: Span::from_secs(10) };
        let limits = SourceLimits {
            creates: budget(1),
            attempts: budget(2),
            look_ups: budget(3),
            emails: budget(4),
            sms: budget(5),
            passwords: budget(6),
            clients: budget(7),
            writes: budget(8),
            tokens: budget(9),
            sms_per_prefix: None,
            sms_per_country: None,
            sms_per_day: None,
            sms_conversion: None,
        };
        let limiter = SourceLimiter::new(&limits);
        let (source, now) = (IpAddr::from([192, 0, 2, 1]), Timestamp::from_millis(1_000_000));
        let families = [
            LimitedAction::Create,
            LimitedAction::Attempt,
            LimitedAction::LookUp,
            LimitedAction::Email,
            LimitedAction::Sms,
            LimitedAction::Password,
            LimitedAction::Client,
            LimitedAction::Write,
            LimitedAction::Token,
        ];
        for (n, action) in families.into_iter().enumerate() {
            let passed = (0..20).filter(|_| limiter.spend(action, source, now).is_ok()).count();
            assert_eq!(passed, n + 1, "{action:?}");
        }
    }
}
