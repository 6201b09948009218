//! Results of deliveries.

use std::fmt;
use std::time::Duration;

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

/// Kinds of failures: what the operator looks at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureClass {
    /// The address does not exist, can't be written, or takes no messages.
    Address,
    /// The content was refused, for example as spam.
    Content,
    /// The provider does not accept the sender.
    Sender,
    /// The provider does not accept the login or key.
    Authentication,
    /// The provider was sent more than it takes at a time, or than was paid for.
    RateLimited,
    /// The provider could not be reached: its name, its port or its certificate.
    Unreachable,
    /// The provider did not answer in time. It may have accepted the message.
    Timeout,
    /// The provider answered with a failure of its own, or not in its protocol.
    Provider,
    /// The instance has no transport for the channel.
    Unconfigured,
}

impl Failure {
    /// A failure of this class; `reason` is for the operator.
    pub fn new(class: FailureClass, reason: impl Into<String>) -> Self {
        Self { class, reason: reason.into(), retry_after: None }
    }
}

impl FailureClass {
    /// Its name on the wire and in metrics, such as `rate_limited`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Content => "content",
            Self::Sender => "sender",
            Self::Authentication => "authentication",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Provider => "provider",
            Self::Unconfigured => "unconfigured",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
