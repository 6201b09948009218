//! Points in time and spans, in milliseconds: the unit of the wire
//! ([guide: Times and ids](crate::guide::contract#times-and-ids)).

use std::fmt;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

impl Timestamp {
    /// The Unix epoch itself.
    pub const EPOCH: Self = Self(0);

    /// The latest point: an end that never comes.
    pub const MAX: Self = Self(u64::MAX);

    /// A point `ms` milliseconds after the Unix epoch.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down: the unit of JWT claims and `__client_uat`.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// How much of `span` after this point is left at `now`, if any. A point that lies more than `span` in the future
    /// comes from a clock that was corrected since: it counts as over, so that no wait is longer than twice the span.
    pub fn remaining(self, span: Span, now: Self) -> Option<Span> {
        let end = self + span;
        (now < end && self <= now + span).then(|| end.since(now))
    }

    /// Whether this point is at most `span` away from `now`, before or after, because clocks may be corrected.
    pub fn is_within(self, span: Span, now: Self) -> bool {
        now.since(self) <= span && self.since(now) <= span
    }

    /// This point moved back by `span`, not before the epoch.
    pub const fn before(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Span {
    /// A span of `ms` milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// A span of `s` seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(1000))
    }

    /// The span in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The span in seconds, rounded up: what `Retry-After` wants.
    pub const fn as_secs_ceil(self) -> u64 {
        self.0.div_ceil(1000)
    }

    /// The span as the standard library writes it.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_corrected_clock_left_behind_is_over() {
        let (at, span) = (Timestamp::from_millis(1_000), Span::from_millis(100));
        let left = |now| at.remaining(span, Timestamp::from_millis(now)).map(Span::as_millis);
        assert_eq!([899, 900, 1_000, 1_099, 1_100].map(left), [None, Some(200), Some(100), Some(1), None]);
        let is_within = |now| at.is_within(span, Timestamp::from_millis(now));
        assert_eq!([899, 900, 1_000, 1_100, 1_101].map(is_within), [false, true, true, true, false]);
    }
}
