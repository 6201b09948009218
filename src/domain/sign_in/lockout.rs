//! The lockout that the settings ask for (`attack_protection.user_lockout`,
//! [guide: Lockout](crate::guide::contract_sign_ins#lockout)): after so many failures in a row an account is locked for a
//! time. It takes the place of the allowance that [`Failures::after`] divides.
//!
//! Clients that never signed in to the account are locked out after `max_attempts` wrong passwords, and apart from that
//! after as many wrong codes; clients that signed in before have as many of their own. So strangers who guess at the
//! password lock other strangers out, and its owner still gets in from a known device, or by a code. Who also has codes
//! sent and guesses at them locks codes on new devices too; then the known devices and providers are left.

use super::failures::{Failures, Share, Try, back_off};
use crate::domain::settings::Lockout;
use crate::domain::time::{Span, Timestamp};

/// Until when each share is locked; [`Timestamp::MAX`] means until it is unlocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Locks {
    /// Passwords from clients that never signed in to the account.
    pub passwords: Option<Timestamp>,
    /// Codes from such clients.
    pub codes: Option<Timestamp>,
    /// Passwords and codes from clients that signed in to the account before.
    pub known: Option<Timestamp>,
}

/// Why an attempt is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The account is locked for it: how long still, or `None` until it is unlocked.
    Locked(Option<Span>),
    /// A known client has to wait before its next attempt.
    Slowed(Span),
}

/// What the application's backend sees of the failures of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignInAttempts {
    /// Until when it is locked by failures; [`Timestamp::MAX`] means until it is unlocked.
    pub locked_until: Option<Timestamp>,
    /// How many more failures lock the user; `None` where the settings have no lockout.
    pub remaining: Option<u32>,
}

impl Failures {
    /// The failures after an attempt; `None` when it succeeded, which ends every lock.
    ///
    /// # Errors
    /// Why the attempt is not judged. A right one is then refused like a wrong one.
    pub fn after_under(
        current: Option<&Self>,
        tried: &Try,
        lockout: Lockout,
        now: Timestamp,
    ) -> Result<Option<Self>, Held> {
        let mut next = Self::in_force(current, now);
        if let Some(until) = next.locks.of(tried.share) {
            return Err(Held::Locked((until != Timestamp::MAX).then(|| until.since(now))));
        }
        if tried.share == Share::Known
            && let Some(wait) = back_off(next.known).and_then(|wait| next.known_at.remaining(wait, now))
        {
            return Err(Held::Slowed(wait));
        }
        let used = next.used_mut(tried.share);
        *used = used.saturating_add(1);
        if *used >= lockout.max_attempts {
            let until = lockout.duration.map_or(Timestamp::MAX, |duration| now + duration);
            *next.locks.of_mut(tried.share) = Some(until);
        }
        if tried.share == Share::Known {
            next.known_at = now;
        }
        next.at = now;
        Ok(tried.leaves(current, next, now))
    }

    /// What the application's backend sees of these failures. A lock holds also where the settings changed since.
    pub fn shown(current: Option<&Self>, lockout: Option<Lockout>, now: Timestamp) -> SignInAttempts {
        let Some(lockout) = lockout else { return SignInAttempts::default() };
        let next = Self::in_force(current, now);
        let most = next.passwords.max(next.codes).max(next.known);
        let locked_until = next.locks.latest();
        let remaining = if locked_until.is_some() { 0 } else { lockout.max_attempts.saturating_sub(most) };
        SignInAttempts { locked_until, remaining: Some(remaining) }
    }

    /// How many more failures of this kind lock the account.
    pub fn left(&self, share: Share, lockout: Lockout) -> u32 {
        lockout.max_attempts.saturating_sub(self.used(share))
    }

    /// The failures that count at `now`: a share begins anew when its lock ends.
    fn in_force(current: Option<&Self>, now: Timestamp) -> Self {
        let mut next = current.filter(|known| !known.are_forgotten(now)).cloned().unwrap_or_default();
        for share in [Share::Passwords, Share::Codes, Share::Known] {
            if next.locks.of(share).is_some_and(|until| until <= now) {
                *next.locks.of_mut(share) = None;
                *next.used_mut(share) = 0;
            }
        }
        next
    }

    const fn used(&self, share: Share) -> u32 {
        match share {
            Share::Passwords => self.passwords,
            Share::Codes => self.codes,
            Share::Known => self.known,
        }
    }

    const fn used_mut(&mut self, share: Share) -> &mut u32 {
        match share {
            Share::Passwords => &mut self.passwords,
            Share::Codes => &mut self.codes,
            Share::Known => &mut self.known,
        }
    }
}

impl Locks {
    /// The end of the lock that ends last.
    pub fn latest(&self) -> Option<Timestamp> {
        self.passwords.max(self.codes).max(self.known)
    }

    const fn of(&self, share: Share) -> Option<Timestamp> {
        match share {
            Share::Passwords => self.passwords,
            Share::Codes => self.codes,
            Share::Known => self.known,
        }
    }

    const fn of_mut(&mut self, share: Share) -> &mut Option<Timestamp> {
        match share {
            Share::Passwords => &mut self.passwords,
            Share::Codes => &mut self.codes,
            Share::Known => &mut self.known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::failures::Account;
    use super::*;
    use crate::domain::id::UserId;

    const FIVE: Lockout = Lockout { max_attempts: 5, duration: Some(Span::from_secs(60)) };

    #[test]
    fn the_last_failure_locks_for_the_duration_and_then_it_begins_anew() {
        let mut failures = None;
        assert_eq!((0..9).filter(|_| judge(&mut failures, Share::Passwords, FIVE, at(0)).is_ok()).count(), 5);
        let locked = judge(&mut failures, Share::Passwords, FIVE, at(1));
        assert_eq!(locked, Err(Held::Locked(Some(Span::from_millis(59_999)))));
        assert_eq!(judge(&mut failures, Share::Passwords, FIVE, at(60_000)), Ok(()));
        assert_eq!(failures.as_ref().map(|failures| failures.left(Share::Passwords, FIVE)), Some(4));
    }

    #[test]
    fn strangers_lock_out_neither_known_clients_nor_codes() {
        let mut failures = None;
        while judge(&mut failures, Share::Passwords, FIVE, at(0)).is_ok() {}
        assert_eq!(judge(&mut failures, Share::Known, FIVE, at(1)), Ok(()));
        assert_eq!(judge(&mut failures, Share::Codes, FIVE, at(1)), Ok(()));
        let right = Try { succeeded: true, ..wrong(Share::Known) };
        assert_eq!(Failures::after_under(failures.as_ref(), &right, FIVE, at(2)), Ok(None), "and the lock is over");
    }

    #[test]
    fn a_right_try_is_refused_like_a_wrong_one_while_it_is_locked() {
        let mut failures = None;
        while judge(&mut failures, Share::Codes, FIVE, at(0)).is_ok() {}
        let right = Try { succeeded: true, ..wrong(Share::Codes) };
        let refused = Failures::after_under(failures.as_ref(), &right, FIVE, at(5));
        assert_eq!(refused, Failures::after_under(failures.as_ref(), &wrong(Share::Codes), FIVE, at(5)));
        assert!(refused.is_err());
    }

    #[test]
    fn without_a_duration_it_is_locked_until_it_is_unlocked() {
        let forever = Lockout { duration: None, ..FIVE };
        let late = at(400 * 86_400_000);
        let mut failures = None;
        while judge(&mut failures, Share::Passwords, forever, at(0)).is_ok() {}
        assert_eq!(judge(&mut failures, Share::Passwords, forever, late), Err(Held::Locked(None)));
        assert!(failures.as_ref().is_some_and(|failures| !failures.are_forgotten(late)), "and it is kept");
        let shown = Failures::shown(failures.as_ref(), Some(forever), late);
        assert_eq!(shown, SignInAttempts { locked_until: Some(Timestamp::MAX), remaining: Some(0) });
    }

    #[test]
    fn the_backend_sees_what_is_left_and_until_when_it_is_locked() {
        let mut failures = None;
        let shown = |failures: &Option<Failures>, ms| Failures::shown(failures.as_ref(), Some(FIVE), at(ms));
        assert_eq!(shown(&failures, 0), SignInAttempts { locked_until: None, remaining: Some(5) });
        for _ in 0..3 {
            assert_eq!(judge(&mut failures, Share::Codes, FIVE, at(0)), Ok(()));
        }
        assert_eq!(shown(&failures, 0).remaining, Some(2));
        while judge(&mut failures, Share::Codes, FIVE, at(0)).is_ok() {}
        assert_eq!(shown(&failures, 9), SignInAttempts { locked_until: Some(at(60_000)), remaining: Some(0) });
        assert_eq!(shown(&failures, 60_000), SignInAttempts { locked_until: None, remaining: Some(5) });
        assert_eq!(Failures::shown(failures.as_ref(), None, at(9)), SignInAttempts::default());
    }

    #[test]
    fn a_known_client_slows_down_and_is_locked_out_in_the_end() {
        let ten = Lockout { max_attempts: 10, ..FIVE };
        let (mut failures, mut now, mut judged) = (None, 0, 0);
        loop {
            match judge(&mut failures, Share::Known, ten, at(now)) {
                Ok(()) => judged += 1,
                Err(Held::Slowed(wait)) => now += wait.as_millis(),
                Err(Held::Locked(_)) => break,
            }
        }
        assert_eq!((judged, now), (10, (30 + 60 + 120 + 240 + 480) * 1000));
    }

    fn judge(failures: &mut Option<Failures>, share: Share, lockout: Lockout, now: Timestamp) -> Result<(), Held> {
        Failures::after_under(failures.as_ref(), &wrong(share), lockout, now).map(|next| *failures = next)
    }

    fn wrong(share: Share) -> Try {
        let account = Account::User(UserId::from_bytes([1; 16]));
        Try { account, share, source: None, succeeded: false, needs_more: false, lockout: None }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }
}
