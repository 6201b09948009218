//! Whether failed sign-ins in a row lock a user ([guide: Lockout](crate::guide::contract_sign_ins#lockout)).

use serde::{Deserialize, Serialize};

use super::InvalidSettings;
use crate::domain::time::Span;

/// Whether failed sign-ins in a row lock a user, after how many, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserLockout {
    /// Whether they do. Where not, `limits.account_failures_max` holds them back.
    pub enabled: bool,
    /// After how many failures, at least 5.
    pub max_attempts: u32,
    /// For how long, in minutes; 0 means until the application's backend ends the lock.
    pub duration_in_minutes: u32,
}

/// How many failures in a row lock an account, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// The number of failures.
    pub max_attempts: u32,
    /// How long the lock lasts; `None` until the application's backend ends it.
    pub duration: Option<Span>,
}

impl Default for UserLockout {
    fn default() -> Self {
        Self { enabled: false, max_attempts: 10, duration_in_minutes: 60 }
    }
}

impl UserLockout {
    /// The lockout in force; `None` where it is off.
    pub fn in_force(&self) -> Option<Lockout> {
        let minutes = u64::from(self.duration_in_minutes);
        let duration = (minutes > 0).then_some(Span::from_secs(minutes * 60));
        self.enabled.then_some(Lockout { max_attempts: self.max_attempts, duration })
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// The first key at fault and why.
    pub(super) fn validate(&self) -> Result<(), InvalidSettings> {
        let fault = |name: &str, reason: &str| {
            Err(InvalidSettings { key: format!("attack_protection.user_lockout.{name}"), reason: reason.into() })
        };
        if self.max_attempts < ATTEMPTS_MIN || self.max_attempts > ATTEMPTS_MAX {
            return fault("max_attempts", "must be from 5 to 1000000");
        }
        if self.duration_in_minutes > MINUTES_MAX {
            return fault("duration_in_minutes", "must be at most 525600, a year; 0 means until the lock is ended");
        }
        Ok(())
    }
}

/// The fewest failures that may lock a user, as in Clerk: people mistype.
const ATTEMPTS_MIN: u32 = 5;
const ATTEMPTS_MAX: u32 = 1_000_000;
const MINUTES_MAX: u32 = 525_600;
