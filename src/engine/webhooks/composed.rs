//! Messages as the webhooks `email.created` and `sms.created` tell of them, with their codes.

use std::sync::Arc;

use crate::actors::{ActorContext, Composer};
use crate::delivery::{Channel, Hearers, Hearing, Message};
use crate::domain::id::{IdentificationId, MessageId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::webhook::WebhookEndpoint;
use crate::store::{Store, StoreError};
use crate::webhook::{EventFilter, EventType};

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
    /// The id of the address, where a user has it.
    pub address_id: Option<IdentificationId>,
    /// The sender.
    pub from: String,
    /// Whether the engine sends it; if not, the receiver has to.
    pub is_sent_by_engine: bool,
}

/// What composes messages for webhooks.
pub(in crate::engine) struct Composing {
    pub(in crate::engine) composer: Composer,
    pub(in crate::engine) terms: MessageWebhooks,
    /// The endpoints that are sent messages at present.
    pub(in crate::engine) hearers: Arc<Hearers>,
}

impl Composing {
    /// Notes that an endpoint is sent the messages that it names, until the result is dropped.
    pub(super) fn hear(&self, endpoint: &WebhookEndpoint, events: &EventFilter) -> Vec<Hearing> {
        let channels = [(EventType::EmailCreated, Channel::Email), (EventType::SmsCreated, Channel::Sms)];
        let named = channels.into_iter().filter(|(event, _)| events.has(*event));
        named.map(|(_, channel)| self.hearers.begin(channel, endpoint.created_at)).collect()
    }

    /// Whether an event waits, since its receiver would send a message of a channel that was stopped by hand.
    pub(super) fn holds(&self, event: EventType, context: &ActorContext) -> bool {
        match event {
            EventType::EmailCreated => self.terms.sends_email && context.health(Channel::Email).is_paused(),
            EventType::SmsCreated => self.terms.sends_sms && context.health(Channel::Sms).is_paused(),
            _ => false,
        }
    }

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
        let user = match user_id {
            Some(id) => store.user(id).await?,
            None => None,
        };
        let address_id = user.and_then(|user| user.address_id(&stored.to));
        Ok(Some(ComposedMessage { message, user_id, address_id, from, is_sent_by_engine: !is_handed_over }))
    }
}
