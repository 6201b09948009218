//! The transport of a channel whose messages the application sends itself.

use super::{BoxFuture, Message, Outcome, Receipt, Transport};

/// Takes every message at once: the receiver of the webhook `email.created` or `sms.created` sends it.
#[derive(Clone, Copy, Debug, Default)]
pub struct HandedOver;

impl Transport for HandedOver {
    fn deliver<'a>(&'a self, _: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(Outcome::Sent(Receipt { provider: "webhook", message_id: None })))
    }
}
