//! What a transport is.

use std::fmt;

use crate::domain::id::MessageId;
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// A future that can be kept behind a trait object.
pub use futures_util::future::BoxFuture;

/// A way for messages to leave. It is called again after [`Outcome::Retry`], with the same message.
pub trait Transport: Send + Sync + 'static {
    /// Hands the message over, and says what came of it.
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome>;

    /// How many messages it takes at once; the relay hands over no more, and may hand over fewer.
    fn at_once_max(&self) -> usize {
        usize::MAX
    }
}

/// A message ready to be sent.
#[derive(Clone)]
pub struct Message {
    /// The same over all retries: good as an idempotency key.
    pub id: MessageId,
    /// By which road.
    pub channel: Channel,
    /// The normalised address.
    pub to: String,
    /// The address as the person typed it.
    pub display_to: String,
    /// The code it carries.
    pub code: Option<Secret<String>>,
    /// The link it carries.
    pub link: Option<Secret<String>>,
    /// The subject, for e-mail.
    pub subject: String,
    /// The text.
    pub text: Secret<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// After this it is not worth sending.
    pub expire_at: Timestamp,
}

/// Shows neither the address nor the code and the link, which subject and text hold too.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// The roads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Channel {
    Email,
    Sms,
}

impl Channel {
    /// The road to an address.
    pub const fn of(address: &Identifier) -> Self {
        match address.kind {
            IdentifierKind::PhoneNumber => Self::Sms,
            _ => Self::Email,
        }
    }

    /// Its name in logs and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The next hop has taken it.
    Sent,
    /// Not now, and for a reason of this message's own: the relay tries again until it expires.
    Retry {
        /// Why, without addresses.
        reason: String,
    },
    /// Not now, and no other message either: the next hop can't be reached, is silent, or refuses what all messages have
    /// in common, such as the login or the sender. The relay tries again until the message expires, and the channel counts
    /// as failing until one is taken, or the last one that waits is refused for its own sake.
    Unavailable {
        /// Why, without addresses.
        reason: String,
    },
    /// Never, for a reason of this message's own: trying again is no use.
    Refused {
        /// Why, without addresses.
        reason: String,
    },
}
