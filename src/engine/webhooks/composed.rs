//! Messages as the webhooks `email.created` and `sms.created` tell of them, with their codes.

use crate::actors::Composer;
use crate::delivery::{Channel, Message};
use crate::domain::id::{MessageId, UserId};
use crate::domain::time::Timestamp;
use crate::store::{Store, StoreError};

/// Which channels the application sends for itself, and what its messages are from. By default the engine sends all.
#[derive(Clone, Debug, Default)]
pub struct MessageWebhooks {
    /// Whether the receiver of `email.created` sends the e-mails.
    pub sends_email: bool,
    /// Whether the receiver of `sms.created` sends the text messages.
    pub sends_sms: bool,
    /// What `email.created` names as the sender: the part before the `@`.
    pub from_email_name: String,
    /// What `sms.created` names as the sender.
    pub from_phone_number: String,
}

/// A message with its content.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ComposedMessage {
    /// The message.
    pub message: Message,
    /// The user who has the address.
    pub user_id: Option<UserId>,
    /// The sender.
    pub from: String,
    /// Whether the engine sends it; if not, the receiver has to.
    pub is_sent_by_engine: bool,
}

/// What composes messages for webhooks.
pub(in crate::engine) struct Composing {
    pub(in crate::engine) composer: Composer,
    pub(in crate::engine) terms: MessageWebhooks,
}

impl Composing {
    /// The message; `None` where it is no message to anybody, or its time is over.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) async fn compose(
        &self,
        store: &dyn Store,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Option<ComposedMessage>, StoreError> {
        let Some(stored) = store.message(id).await?.filter(|message| now < message.expire_at) else { return Ok(None) };
        let Some(message) = self.composer.compose(&stored) else { return Ok(None) };
        let (from, is_handed_over) = match message.channel {
            Channel::Email => (self.terms.from_email_name.clone(), self.terms.sends_email),
            Channel::Sms => (self.terms.from_phone_number.clone(), self.terms.sends_sms),
        };
        let user_id = store.owner(&stored.to).await?;
        Ok(Some(ComposedMessage { message, user_id, from, is_sent_by_engine: !is_handed_over }))
    }
}
