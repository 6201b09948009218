//! The transport of a channel that is switched off.

use super::{BoxFuture, Channel, Failure, FailureClass, Message, Outcome, Transport};

/// Refuses every message at once, so that it appears in the log and does not wait in the outbox.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullTransport;

impl Transport for NullTransport {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        let reason = match message.channel {
            Channel::Email => "this instance sends no e-mail",
            Channel::Sms => "this instance sends no text messages",
        };
        Box::pin(std::future::ready(Outcome::Refused(Failure::new(FailureClass::Unconfigured, reason))))
    }
}
