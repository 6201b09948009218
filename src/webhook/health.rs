//! Whether an endpoint works, and when it is switched off.

use crate::domain::time::{Span, Timestamp};
use crate::domain::webhook::{Disabled, Health};

use super::outcome::{Failure, Outcome};

impl Health {
    /// The health after an attempt, and whether the endpoint is to be switched off now.
    ///
    /// It is when the receiver answers 410, and when all attempts of five days have failed. A time of more than 30 hours
    /// without an attempt does not count, because it is not known whether the endpoint worked in it: then the five days
    /// begin anew. A receiver that refuses one message works, and the engine's own limit tells nothing about it: both
    /// change nothing.
    #[must_use]
    pub fn after(self, outcome: &Outcome, now: Timestamp) -> (Self, Option<Disabled>) {
        match outcome {
            Outcome::Delivered => (Self::Well, None),
            Outcome::Abort(_) | Outcome::Retry { reason: Failure::Busy, .. } => (self, None),
            Outcome::Gone => (self.failed(now), Some(Disabled::Gone)),
            Outcome::Retry { .. } | Outcome::Refused { .. } => {
                let health = self.failed(now);
                (health, health.is_over(now).then_some(Disabled::Failing))
            }
        }
    }

    fn failed(self, now: Timestamp) -> Self {
        match self {
            // A time in the future is of a clock that was corrected since.
            Self::Failing { since, last } if since <= now && last.is_within(GAP_MAX, now) => {
                Self::Failing { since, last: now }
            }
            _ => Self::Failing { since: now, last: now },
        }
    }

    fn is_over(self, now: Timestamp) -> bool {
        matches!(self, Self::Failing { since, .. } if now.since(since) >= FAILING_MAX)
    }
}

/// How long all attempts fail until an endpoint is switched off: five days, as at Svix.
const FAILING_MAX: Span = Span::from_secs(5 * 24 * 3600);
/// The longest time between two failures that count together. The longest wait of the schedule is twelve hours, or a
/// receiver's wish of a day with its jitter.
const GAP_MAX: Span = Span::from_secs(30 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_fails_for_five_days_is_switched_off() {
        let mut health = Health::default();
        for hour in (0..120).step_by(10) {
            let (next, disabled) = health.after(&failed(), at(hour));
            assert_eq!((next, disabled), (Health::Failing { since: at(0), last: at(hour) }, None));
            health = next;
        }
        assert_eq!(health.after(&failed(), at(120)).1, Some(Disabled::Failing));
        let refused = Outcome::Refused { reason: "private".into() };
        assert_eq!(health.after(&refused, at(120)).1, Some(Disabled::Failing));
    }

    #[test]
    fn one_success_begins_the_five_days_anew() {
        let failing = Health::Failing { since: at(0), last: at(119) };
        assert_eq!(failing.after(&Outcome::Delivered, at(121)), (Health::Well, None));
        let (next, disabled) = Health::Well.after(&failed(), at(122));
        assert_eq!((next, disabled), (Health::Failing { since: at(122), last: at(122) }, None));
    }

    #[test]
    fn a_time_without_attempts_begins_the_five_days_anew() {
        let failing = Health::Failing { since: at(0), last: at(100) };
        assert_eq!(failing.after(&failed(), at(130)).1, Some(Disabled::Failing));
        let (next, disabled) = failing.after(&failed(), at(131));
        assert_eq!((next, disabled), (Health::Failing { since: at(131), last: at(131) }, None));
    }

    #[test]
    fn what_tells_nothing_about_the_endpoint_changes_nothing() {
        let busy = Outcome::Retry { reason: Failure::Busy, after: None };
        for health in [Health::Well, Health::Failing { since: at(0), last: at(119) }] {
            for outcome in [&busy, &Outcome::Abort(400)] {
                assert_eq!(health.after(outcome, at(130)), (health, None));
            }
        }
    }

    #[test]
    fn an_endpoint_that_is_gone_is_switched_off_at_once() {
        let (_, disabled) = Health::Well.after(&Outcome::Gone, at(0));
        assert_eq!(disabled, Some(Disabled::Gone));
    }

    #[test]
    fn a_clock_that_is_put_back_switches_nothing_off_and_delays_nothing_for_ever() {
        let failing = Health::Failing { since: at(1000), last: at(1001) };
        let (next, disabled) = failing.after(&failed(), at(990));
        assert_eq!((next, disabled), (Health::Failing { since: at(990), last: at(990) }, None));
    }

    fn failed() -> Outcome {
        Outcome::Retry { reason: Failure::Timeout, after: None }
    }

    fn at(hour: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + hour * 3_600_000)
    }
}
