//! Failed attempts to sign in to one account, counted together whichever identifier they use: the number of consecutive
//! failures is limited, and a success resets it (NIST SP 800-63B-4 3.2.2).
//!
//! The allowance is divided, so that unknown clients can't use up what the owner needs. One share is for passwords from
//! clients that never signed in here; one source may use half of it in an hour (OWASP ASVS 5.0 6.1.1). One is for codes
//! from such clients. One is for clients that signed in here before; their retries are slowed down by a back-off. When
//! one share is used up, the others still work. It is available again after a successful sign-in by any method, or
//! after [thirty days](FORGOTTEN_AFTER) without an attempt.

use crate::domain::id::UserId;
use crate::domain::identifier::Identifier;
use crate::domain::settings::Lockout;
use crate::domain::time::{Span, Timestamp};

use super::lockout::Locks;

/// One attempt to sign in, to be counted in the same commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// The account it is counted for.
    pub account: Account,
    /// Which share of the allowance it uses.
    pub share: Share,
    /// The source of the attempt; `None` where it is not known.
    pub source: Option<SourceMark>,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// Whether more has to be proved after it: then a success forgets no failures, because who has one factor could
    /// otherwise guess at the other one without end.
    pub needs_more: bool,
    /// The lockout of the settings, which then takes the place of the divided allowance.
    pub lockout: Option<Lockout>,
}

/// The account whose failures are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// A user.
    User(UserId),
    /// An identifier that no user holds, where enumeration protection hides that.
    Unknown(Identifier),
}

/// The shares of the allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Passwords from clients that never signed in to the account.
    Passwords,
    /// Codes from such clients.
    Codes,
    /// Passwords and codes from clients that signed in to the account before.
    Known,
}

/// Distinguishes sources of attempts: the beginning of a keyed digest.
pub type SourceMark = [u8; 8];

/// The consecutive failures so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// With passwords, from unknown clients.
    pub passwords: u32,
    /// With codes, from unknown clients.
    pub codes: u32,
    /// From known clients.
    pub known: u32,
    /// Time of the last one from a known client.
    pub known_at: Timestamp,
    /// Time of the last one.
    pub at: Timestamp,
    /// For each source: its password failures within its hour, and the time of its last one.
    pub sources: Vec<(SourceMark, u32, Timestamp)>,
    /// What is locked under a lockout.
    pub locks: Locks,
}

impl Failures {
    /// The failures after an attempt; `None` when it succeeded. `max` is the whole allowance.
    ///
    /// # Errors
    /// How long until the share has room again. A right attempt is then refused like a wrong one.
    pub fn after(current: Option<&Self>, tried: &Try, max: u32, now: Timestamp) -> Result<Option<Self>, Span> {
        let mut next = current.filter(|known| !known.are_forgotten(now)).cloned().unwrap_or_default();
        let used = match tried.share {
            Share::Passwords => &mut next.passwords,
            Share::Codes => &mut next.codes,
            Share::Known => &mut next.known,
        };
        if *used >= tried.share.of(max) {
            return Err(next.at.remaining(FORGOTTEN_AFTER, now).unwrap_or(FORGOTTEN_AFTER));
        }
        *used += 1;
        match tried.share {
            Share::Passwords => next.note_source(tried.source, max, now)?,
            Share::Codes => {}
            Share::Known => {
                let before = next.known - 1;
                if let Some(wait) = back_off(before).and_then(|wait| next.known_at.remaining(wait, now)) {
                    return Err(wait);
                }
                next.known_at = now;
            }
        }
        next.at = now;
        Ok(tried.leaves(current, next, now))
    }

    /// Whether they are so old that they no longer count, and lock nothing.
    pub fn are_forgotten(&self, now: Timestamp) -> bool {
        let is_locked = self.locks.latest().is_some_and(|until| now < until || until == Timestamp::MAX);
        !is_locked && self.at.remaining(FORGOTTEN_AFTER, now).is_none()
    }

    fn note_source(&mut self, source: Option<SourceMark>, max: u32, now: Timestamp) -> Result<(), Span> {
        self.sources.retain(|(_, _, at)| at.remaining(SOURCE_WINDOW, now).is_some());
        let Some(source) = source else { return Ok(()) };
        let most = (Share::Passwords.of(max) / SOURCES).max(1);
        match self.sources.iter_mut().find(|(known, ..)| *known == source) {
            Some((_, used, at)) if *used >= most => Err(at.remaining(SOURCE_WINDOW, now).unwrap_or_default()),
            Some((_, used, at)) => {
                (*used, *at) = (*used + 1, now);
                Ok(())
            }
            None => {
                if self.sources.len() >= SOURCES_MAX {
                    self.sources.remove(0);
                }
                self.sources.push((source, 1, now));
                Ok(())
            }
        }
    }
}

impl Try {
    /// The failures after it: `next` has one more than `current`.
    pub(super) fn leaves(&self, current: Option<&Failures>, next: Failures, now: Timestamp) -> Option<Failures> {
        match (self.succeeded, self.needs_more) {
            (false, _) => Some(next),
            (true, true) => current.filter(|known| !known.are_forgotten(now)).cloned(),
            (true, false) => None,
        }
    }
}

impl Share {
    /// How many consecutive failures it allows; all shares together are `max`, where that is at least 3.
    const fn of(self, max: u32) -> u32 {
        let codes = if max < 5 { 1 } else { max / 5 * 2 };
        let known = if max < 20 { 1 } else { max / 20 * 3 };
        match self {
            Self::Passwords => max.saturating_sub(codes + known),
            Self::Codes => codes,
            Self::Known => known,
        }
    }
}

/// How long a known client waits after this many failures: at first not at all, then twice as long each time.
pub(super) fn back_off(failures: u32) -> Option<Span> {
    let doublings = failures.checked_sub(KNOWN_AT_ONCE)?;
    let wait = BACK_OFF.as_millis() << doublings.min(DOUBLINGS_MAX);
    Some(Span::from_millis(wait.min(BACK_OFF_MAX.as_millis())))
}

/// After this time without an attempt the failures are forgotten: when an attack ends, the account opens again to
/// clients that never signed in.
pub const FORGOTTEN_AFTER: Span = Span::from_secs(30 * 86_400);
/// One source may use the password share divided by this, within [`SOURCE_WINDOW`].
const SOURCES: u32 = 2;
const SOURCE_WINDOW: Span = Span::from_secs(3600);
/// Maximum number of sources counted apart; beyond it the oldest one is forgotten.
const SOURCES_MAX: usize = 64;
/// How many failures a known client may have without a wait.
const KNOWN_AT_ONCE: u32 = 5;
const BACK_OFF: Span = Span::from_secs(30);
const BACK_OFF_MAX: Span = Span::from_secs(3600);
/// Enough doublings to get from `BACK_OFF` to `BACK_OFF_MAX`.
const DOUBLINGS_MAX: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_the_allowance() {
        for max in 3..500 {
            let sum: u32 = [Share::Passwords, Share::Codes, Share::Known].iter().map(|share| share.of(max)).sum();
            assert_eq!(sum, max);
            assert!(Share::Passwords.of(max) > 0 && Share::Codes.of(max) > 0 && Share::Known.of(max) > 0);
        }
        assert_eq!([Share::Passwords, Share::Codes, Share::Known].map(|share| share.of(100)), [45, 40, 15]);
    }

    #[test]
    fn strangers_leave_known_clients_and_codes_their_shares() {
        let mut failures = None;
        let stranger = |n: u64| Try { source: Some(n.to_be_bytes()), ..wrong(Share::Passwords) };
        let judged = (0..500).filter(|n| judge(&mut failures, &stranger(*n), at(*n))).count();
        assert_eq!(judged, 45);
        for (share, room) in [(Share::Codes, 40), (Share::Known, 15)] {
            let judged = (0..99).filter(|n| judge(&mut failures, &wrong(share), at(n * 3_600_000))).count();
            assert_eq!(judged, room, "{share:?}");
        }
    }

    #[test]
    fn one_source_does_not_use_up_the_share_of_all() {
        let mut failures = None;
        let from = |n: u64| Try { source: Some(n.to_be_bytes()), ..wrong(Share::Passwords) };
        let judged = (0..99).filter(|_| judge(&mut failures, &from(1), at(1))).count();
        assert_eq!(judged, 22);
        assert!(judge(&mut failures, &from(2), at(1)), "another source");
        assert!(!judge(&mut failures, &from(1), at(3_600_000)));
        assert!(judge(&mut failures, &from(1), at(3_600_001)), "an hour later");
    }

    #[test]
    fn a_known_client_slows_down() {
        let mut failures = None;
        assert!((0..5).all(|_| judge(&mut failures, &wrong(Share::Known), at(0))));
        for wait in [30_000, 60_000, 120_000] {
            let last = failures.as_ref().map_or(Timestamp::default(), |failures: &Failures| failures.known_at);
            let wait = Span::from_millis(wait);
            assert_eq!(Failures::after(failures.as_ref(), &wrong(Share::Known), 100, last), Err(wait));
            assert!(judge(&mut failures, &wrong(Share::Known), last + wait));
        }
    }

    #[test]
    fn a_success_and_a_long_silence_forget_the_failures() {
        let right = Try { succeeded: true, ..wrong(Share::Codes) };
        let mut failures = None;
        while judge(&mut failures, &wrong(Share::Passwords), at(0)) {}
        let spent = failures.clone();
        assert_eq!(Failures::after(spent.as_ref(), &right, 100, at(1)), Ok(None));
        let long = Timestamp::default() + FORGOTTEN_AFTER;
        assert!(!judge(&mut failures, &wrong(Share::Passwords), at(long.as_millis() - 1)));
        assert!(judge(&mut failures, &wrong(Share::Passwords), long));
        assert!(spent.is_some_and(|spent| spent.are_forgotten(long)));
    }

    #[test]
    fn a_right_try_is_refused_like_a_wrong_one_where_the_share_is_spent() {
        let mut failures = None;
        while judge(&mut failures, &wrong(Share::Codes), at(0)) {}
        let right = Try { succeeded: true, ..wrong(Share::Codes) };
        let refused = Failures::after(failures.as_ref(), &right, 100, at(5));
        assert_eq!(refused, Failures::after(failures.as_ref(), &wrong(Share::Codes), 100, at(5)));
        assert!(refused.is_err());
    }

    #[test]
    fn a_success_that_is_only_a_half_forgets_nothing_and_counts_nothing() {
        let half = Try { succeeded: true, needs_more: true, ..wrong(Share::Passwords) };
        let mut failures = None;
        assert_eq!(Failures::after(None, &half, 100, at(0)), Ok(None));
        assert!(judge(&mut failures, &wrong(Share::Codes), at(0)));
        assert_eq!(Failures::after(failures.as_ref(), &half, 100, at(1)), Ok(failures.clone()));
        while judge(&mut failures, &wrong(Share::Passwords), at(2)) {}
        assert!(Failures::after(failures.as_ref(), &half, 100, at(3)).is_err(), "it is judged like any other");
    }

    #[test]
    fn a_clock_that_was_corrected_lets_nobody_wait_for_long() {
        let late = Timestamp::default() + Span::from_secs(365 * 86_400);
        let mut failures = None;
        assert!((0..9).filter(|_| judge(&mut failures, &wrong(Share::Known), late)).count() == 5);
        assert!(judge(&mut failures, &wrong(Share::Known), at(0)));
    }

    fn judge(failures: &mut Option<Failures>, tried: &Try, now: Timestamp) -> bool {
        Failures::after(failures.as_ref(), tried, 100, now).map(|next| *failures = next).is_ok()
    }

    fn wrong(share: Share) -> Try {
        Try {
            account: Account::User(UserId::from_bytes([1; 16])),
            share,
            source: None,
            succeeded: false,
            needs_more: false,
            lockout: None,
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }
}
