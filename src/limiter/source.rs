//! The families of calls that are limited by source, and their budgets.

use std::net::IpAddr;

use crate::domain::settings::source_limits::SourceLimits;
use crate::domain::time::{Span, Timestamp};

use super::counters::Counters;
use super::network::Networks;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitedAction {
    /// Beginning a sign-up or a sign-in, asking to be let in.
    Create,
    /// Guessing at a code or a password.
    Attempt,
    /// Asking whether an identifier is somebody's.
    LookUp,
    /// Causing an e-mail.
    Email,
    /// Causing a text message.
    Sms,
    /// Having a password hashed.
    Password,
    /// Opening a client, which is kept for somebody who may never come back.
    Client,
    /// Causing a durable write.
    Write,
    /// Having a session token signed.
    Token,
}

/// The limiter: for each family a log of the last uses of each source and each network.
#[derive(Debug)]
pub struct SourceLimiter([Counters; 9]);

impl SourceLimiter {
    /// A limiter with these budgets.
    pub fn new(limits: &SourceLimits) -> Self {
        let SourceLimits { creates, attempts, look_ups, emails, sms, .. } = *limits;
        let SourceLimits { passwords, clients, writes, tokens, .. } = *limits;
        Self([creates, attempts, look_ups, emails, sms, passwords, clients, writes, tokens].map(Counters::new))
    }

    /// Counts one use, unless the source or the network around it has used its share.
    ///
    /// # Errors
    /// How long to wait.
    pub fn spend(&self, action: LimitedAction, source: IpAddr, now: Timestamp) -> Result<(), Span> {
        self.of(action).spend(Networks::of(source), now)
    }

    /// Takes back a use that came to nothing.
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
