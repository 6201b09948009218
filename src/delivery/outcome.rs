//! Results of deliveries.

use std::time::Duration;

pub use crate::domain::message::FailureClass;

/// Result of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The next hop has accepted the message.
    Sent(Receipt),
    /// A temporary failure of this message: the relay retries until it expires.
    Retry(Failure),
    /// Not now, and no other message either: the next hop can't be reached, is silent, or refuses what all messages have
    /// in common, such as the login or the sender. The relay tries again until the message expires, and the channel counts
    /// as failing until one is taken, or the last one that waits is refused for its own sake.
    Unavailable(Failure),
    /// A permanent failure of this message: it is not retried.
    Refused(Failure),
}

/// What the next hop said of a message that it accepted. [`Receipt::default`] where it said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The name of the provider, such as `resend`; empty where there is only one.
    pub provider: &'static str,
    /// The provider's id of the message, by which its later reports name it.
    pub message_id: Option<String>,
}

/// Why a delivery failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub class: FailureClass,
    /// The reason in words for the operator: without addresses, secrets and the provider's own text.
    pub reason: String,
    /// How long the provider wants no further try, if it said so (`Retry-After`, RFC 9110 10.2.3).
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure of this class; `reason` is for the operator.
    pub fn new(class: FailureClass, reason: impl Into<String>) -> Self {
        Self { class, reason: reason.into(), retry_after: None }
    }
}
