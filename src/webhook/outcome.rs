//! The result of one attempt, and what an answer means.

use crate::domain::time::{Span, Timestamp};
use crate::outbound::retry_after;

/// The result of one attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it: it answered with a status from 200 to 299.
    Delivered,
    /// It failed, and is to be tried again as the [schedule](super::next_attempt_in) says.
    Retry {
        /// Why it failed.
        reason: Failure,
        /// How long the receiver asked to wait, by `Retry-After`.
        after: Option<Span>,
    },
    /// The receiver does not want this message any more: `webhook-delivery: abort-message`. The status of its answer.
    Abort(u16),
    /// The receiver wants no messages any more: 410 Gone. The endpoint is to be switched off.
    Gone,
    /// The engine does not send to the address where the name leads now. It is tried again, because names are moved.
    Refused {
        /// Why not; it names the host only.
        reason: String,
    },
}

/// Why an attempt failed. No message contains the URL, a body or a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The status of the answer is not from 200 to 299.
    #[error("the receiver answered with status {0}")]
    Status(u16),
    /// There was no answer in time.
    #[error("the receiver took too long")]
    Timeout,
    /// There was no answer.
    #[error("the receiver could not be asked: {0}")]
    Unreachable(String),
    /// The engine has too many requests to this host in flight, so the receiver was not asked.
    #[error("too many requests to the receiver at once")]
    Busy,
}

/// What counts of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    /// The HTTP status.
    pub(super) status: u16,
    /// The header `webhook-delivery`.
    pub(super) webhook_delivery: Option<&'a str>,
    /// The header `Retry-After`.
    pub(super) retry_after: Option<&'a str>,
}

impl Outcome {
    /// What an answer means that came at `now`.
    pub(super) fn of(answer: &Answer<'_>, now: Timestamp) -> Self {
        let aborts = || answer.webhook_delivery.is_some_and(|value| value.trim().eq_ignore_ascii_case(ABORT));
        match answer.status {
            200..300 => Self::Delivered,
            410 => Self::Gone,
            status if aborts() => Self::Abort(status),
            status => {
                let after = answer.retry_after.filter(|_| matches!(status, 429 | 503));
                let after = after.and_then(|value| retry_after(value, now));
                Self::Retry { reason: Failure::Status(status), after }
            }
        }
    }
}

/// The value of `webhook-delivery` that ends the attempts, as Svix defines it.
const ABORT: &str = "abort-message";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_of_the_two_hundreds_is_a_success() {
        let retry = |status| Outcome::Retry { reason: Failure::Status(status), after: None };
        for status in 100..600 {
            let expected = match status {
                200..=299 => Outcome::Delivered,
                410 => Outcome::Gone,
                status => retry(status),
            };
            assert_eq!(of(Answer { status, ..Answer::default() }), expected);
        }
    }

    #[test]
    fn a_receiver_can_end_the_attempts_of_a_message_that_failed() {
        let answer = |status, value| Answer { status, webhook_delivery: Some(value), ..Answer::default() };
        for value in ["abort-message", "Abort-Message", " abort-message "] {
            assert_eq!(of(answer(400, value)), Outcome::Abort(400));
            assert_eq!(of(answer(503, value)), Outcome::Abort(503));
            assert_eq!(of(answer(204, value)), Outcome::Delivered);
            assert_eq!(of(answer(410, value)), Outcome::Gone);
        }
        let failed = Outcome::Retry { reason: Failure::Status(400), after: None };
        assert_eq!(of(answer(400, "abort")), failed);
    }

    #[test]
    fn a_wait_is_asked_for_by_two_statuses_only() {
        for (status, value, expected) in [
            (429, "120", Some(120)),
            (503, "120", Some(120)),
            (429, "soon", None),
            (500, "120", None),
            (301, "120", None),
        ] {
            let outcome = of(Answer { status, retry_after: Some(value), ..Answer::default() });
            let after = expected.map(Span::from_secs);
            assert_eq!(outcome, Outcome::Retry { reason: Failure::Status(status), after }, "{status} {value}");
        }
    }

    fn of(answer: Answer<'_>) -> Outcome {
        Outcome::of(&answer, Timestamp::EPOCH)
    }
}
