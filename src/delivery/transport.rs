//! The interface of transports.

use std::fmt;
use std::sync::Arc;

use crate::domain::id::MessageId;
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::message::{Origin, Template};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verification::PhoneChannel;

use super::callback::{Callback, CallbackError, Report};
use super::outcome::Outcome;
use super::status::ProviderStatus;
use super::templates::Logo;

/// A future that can be kept behind a trait object.
pub use futures_util::future::BoxFuture;

/// Sends messages over one channel. After [`Outcome::Retry`] or [`Outcome::Unavailable`] it is called again with the
/// same message.
pub trait Transport: Send + Sync + 'static {
    /// Sends the message and returns the outcome.
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome>;

    /// Maximum number of concurrent deliveries. The relay may use fewer.
    fn at_once_max(&self) -> usize {
        usize::MAX
    }

    /// Whether it can take messages to such an address at all. If it can't, [`deliver`](Self::deliver) refuses the
    /// message, and a transport of several providers asks another one.
    fn takes(&self, message: &Message) -> bool {
        let _any = message;
        true
    }

    /// The groups of addresses that are sent by providers of their own, such as the numbers that begin with `+49`, by names
    /// for the operator. A group that fails, or asks for a pause, holds up its own messages and no others. All other
    /// addresses are a group without a name.
    fn routes(&self) -> Vec<String> {
        Vec::new()
    }

    /// To which of the [`routes`](Self::routes) a normalised address belongs, as a place in that list; `None` for the group
    /// without a name.
    fn route(&self, to: &str) -> Option<usize> {
        let _any = to;
        None
    }

    /// Forgets what earlier failures have led to, such as pauses: an operator says that it is to be tried anew.
    fn reset(&self) {}

    /// The state of each provider behind it; empty where there is only one and it is not watched.
    fn providers(&self) -> Vec<ProviderStatus> {
        Vec::new()
    }

    /// Fetches what a report of this provider is to be checked with, such as a certificate, unless it is here already. It is
    /// called before [`reports`](Self::reports).
    fn prepare_reports<'a>(&'a self, provider: &'a str, callback: &'a Callback<'a>) -> BoxFuture<'a, ()> {
        let _none = (provider, callback);
        Box::pin(std::future::ready(()))
    }

    /// Reads what a provider reports about messages that it accepted. `None` if no provider behind this transport has
    /// that name, or it makes no reports.
    ///
    /// # Errors
    /// In the inner result, when the report is not believed or can't be read.
    fn reports(&self, provider: &str, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        let _none = (provider, callback);
        None
    }
}

/// A message ready to be sent.
#[derive(Clone)]
pub struct Message {
    /// Message id, the same in all retries. Usable as an idempotency key.
    pub id: MessageId,
    /// The channel.
    pub channel: Channel,
    /// The normalised address.
    pub to: String,
    /// The address as the person typed it.
    pub display_to: String,
    /// The code in it, if any.
    pub code: Option<Secret<String>>,
    /// The link in it, if any.
    pub link: Option<Secret<String>>,
    /// What it is for.
    pub template: Template,
    /// How a message to a phone number is to arrive, if the person chose.
    pub phone_channel: Option<PhoneChannel>,
    /// What it was made for: a sign-up, a sign-in or an invitation.
    pub origin: Option<Origin>,
    /// The language that it is written in, such as `de` (RFC 5646).
    pub locale: String,
    /// The subject, for e-mail.
    pub subject: String,
    /// The body, as plain text.
    pub text: Secret<String>,
    /// The body of an e-mail as HTML, if it has one.
    pub html: Option<Secret<String>>,
    /// The image that the HTML shows as `cid:logo`, if it shows one. It goes along as an inline part with that
    /// `Content-ID`.
    pub logo: Option<Arc<Logo>>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Expiry: after this time it is not sent any more.
    pub expire_at: Timestamp,
}

/// Leaves out the address, code and link, and so also subject and text, which contain them.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// Channels of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// E-mail.
    Email,
    /// Text messages.
    Sms,
}

impl Channel {
    /// The channel for an address.
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
