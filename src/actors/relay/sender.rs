//! One delivery of one message.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::actors::context::ActorContext;
use crate::actors::outbox::channel_of;
use crate::actors::persister::Persister;
use crate::delivery::{
    Channel, Counted, Envelope, Failure, FailureClass, Message, MessageTemplates, Outcome, Receipt, Transport,
};
use crate::domain::id::MessageId;
use crate::domain::message::{Content, Template};
use crate::domain::time::Span;
#[cfg(feature = "webhooks")]
use crate::store::StoredMessage;
use crate::store::{Commit, CommitError, Housekeeping, MessageEnd, OutboxEntry, OutboxKind};

use super::lane::{Delivery, DeliveryEnd, FinalStatus};
use super::notices::Notices;
use super::others::{longest_try, may_send};

/// The transport of each channel.
#[derive(Clone)]
pub struct Transports {
    /// For e-mail.
    pub email: Arc<dyn Transport>,
    /// For text messages.
    pub sms: Arc<dyn Transport>,
}

impl Transports {
    /// The transport of this channel.
    pub(crate) fn of(&self, channel: Channel) -> &dyn Transport {
        match channel {
            Channel::Email => &*self.email,
            Channel::Sms => &*self.sms,
        }
    }
}

/// Delivers messages.
pub(super) struct Sender {
    pub(super) context: Arc<ActorContext>,
    pub(super) transports: Transports,
    /// The texts of messages, without their secrets.
    pub(super) templates: MessageTemplates,
    pub(super) notices: Notices,
}

/// Writes messages without sending them.
#[cfg(feature = "webhooks")]
pub struct Composer(Sender);

#[cfg(feature = "webhooks")]
impl Composer {
    pub(in crate::actors) fn new(
        context: Arc<ActorContext>,
        transports: Transports,
        templates: MessageTemplates,
    ) -> Self {
        Self(Sender { context, transports, templates, notices: Notices::default() })
    }

    /// The message with its code or link; `None` where that is no longer there or can't be opened.
    pub(crate) fn compose(&self, message: &StoredMessage) -> Option<Message> {
        if message.sealed.is_empty() { None } else { self.0.open(&message.to_entry()).ok() }
    }
}

impl Sender {
    /// Makes one delivery, and deletes the message from the outbox if it is done after that.
    pub(super) async fn deliver_with_retry(&self, delivery: &Delivery, persister: &Persister) -> DeliveryEnd {
        let entry = &delivery.entry;
        let channel = channel_of(entry);
        let health = self.context.health(channel);
        let message = match self.open(entry) {
            Ok(message) => message,
            Err(end) => {
                if let MessageEnd::Failed { class, .. } = end {
                    health.count_failure(class, 1);
                }
                return self.ack(persister, entry, FinalStatus::Unsent, end).await;
            }
        };
        if self.context.now() >= entry.expire_at {
            health.count(Counted::Expired, 1);
            health.count_failure(FailureClass::Expired, 1);
            self.notices.say(channel, entry.id, "it expired before it could be sent");
            let end = MessageEnd::Failed { class: FailureClass::Expired, attempts: delivery.tries };
            return self.ack(persister, entry, FinalStatus::Unsent, end).await;
        }
        let transport = self.transports.of(channel);
        let limit = longest_try(&self.context, entry);
        let outcome = timeout(limit, transport.deliver(&message)).await.unwrap_or_else(|_| {
            let reason = format!("the transport took longer than {} seconds", limit.as_secs());
            Outcome::Unavailable(Failure::new(FailureClass::Timeout, reason))
        });
        let attempts = delivery.tries.saturating_add(1);
        match outcome {
            Outcome::Sent(Receipt { provider, message_id }) => {
                health.count(Counted::Sent, 1);
                if let Some(on_sent) = &self.context.on_sent {
                    on_sent(entry.to(), self.context.now());
                }
                let message_id = message_id.filter(|id| id.len() <= PROVIDER_ID_MAX);
                let end = MessageEnd::Sent { provider: provider.into(), message_id, attempts };
                self.ack(persister, entry, FinalStatus::Sent, end).await
            }
            Outcome::Refused(Failure { class, reason, .. }) => {
                health.count(Counted::Refused, 1);
                health.count_failure(class, 1);
                self.notices.say(channel, entry.id, &format!("it was refused for good: {reason}"));
                self.ack(persister, entry, FinalStatus::Refused, MessageEnd::Failed { class, attempts }).await
            }
            Outcome::Retry(Failure { class, reason, retry_after }) => {
                health.count(Counted::FailedTry, 1);
                health.count_failure(class, 1);
                self.notices.say(channel, entry.id, &format!("it is tried again: {reason}"));
                DeliveryEnd::Retry { after: self.pause(delivery, retry_after) }
            }
            Outcome::Unavailable(Failure { class, reason, retry_after }) => {
                health.count(Counted::FailedTry, 1);
                health.count_failure(class, 1);
                tracing::debug!(message.id = %entry.id, reason, "a message could not be sent; it is tried again");
                DeliveryEnd::Unavailable { after: self.pause(delivery, retry_after), reason, hold: retry_after }
            }
        }
    }

    /// Counts these messages as expired and deletes them together.
    pub(super) async fn give_up(&self, channel: Channel, expired: Vec<(MessageId, u32)>, persister: &Persister) {
        let health = self.context.health(channel);
        health.count(Counted::Expired, expired.len());
        health.count_failure(FailureClass::Expired, expired.len());
        for some in expired.chunks(STRUCK_MAX) {
            let end = |attempts| MessageEnd::Failed { class: FailureClass::Expired, attempts };
            let ends = some.iter().map(|(id, attempts)| (*id, end(*attempts))).collect();
            self.strike(persister, ends).await;
        }
    }

    /// The message with its secret; else what becomes of an entry that can never be sent, since it was sealed under another
    /// key or is a decoy.
    fn open(&self, entry: &OutboxEntry) -> Result<Message, MessageEnd> {
        let OutboxKind::Message { to, display_to, about } = &entry.kind;
        let Some(content) = self.context.open(entry) else {
            self.notices.say(Channel::of(to), entry.id, "it can't be opened with this instance key");
            return Err(MessageEnd::Failed { class: FailureClass::Unreadable, attempts: 0 });
        };
        let envelope = Envelope {
            id: entry.id,
            to,
            display_to,
            template: Template::of(&content, about.as_ref().map(|about| &about.origin)),
            phone_channel: about.as_ref().and_then(|about| about.phone_channel),
            origin: about.as_ref().map(|about| about.origin),
            locale: about.as_ref().and_then(|about| about.locale.as_deref()),
            created_at: entry.created_at,
            expire_at: entry.expire_at,
        };
        let words = match &self.context.settings().beside.support_email {
            Some(address) => Cow::Owned(self.templates.with_support(address)),
            None => Cow::Borrowed(&self.templates),
        };
        match content {
            Content::Code(code) => Ok(words.code_message(envelope, &code)),
            Content::Link { token, code } => Ok(words.link_message(envelope, &token, code.as_ref())),
            Content::Invitation(ticket) => Ok(words.invitation_message(envelope, &ticket)),
            Content::Notice => Ok(words.notice_message(envelope)),
            Content::PasswordChanged
            | Content::SecondFactorRemoved
            | Content::PrimaryEmailChanged
            | Content::PasskeyAdded
            | Content::PasskeyRemoved
            | Content::SecondFactorAdded
            | Content::BackupCodesCreated
            | Content::ExternalAccountConnected => Ok(words.change_message(envelope)),
            Content::Decoy => Err(MessageEnd::Decoy),
        }
    }

    async fn ack(
        &self,
        persister: &Persister,
        entry: &OutboxEntry,
        status: FinalStatus,
        end: MessageEnd,
    ) -> DeliveryEnd {
        loop {
            if self.strike(persister, vec![(entry.id, end.clone())]).await {
                return DeliveryEnd::Removed(status);
            }
            // Another node would send it again.
            if !may_send(&self.context, entry) {
                return DeliveryEnd::NotRemoved(status);
            }
            tokio::time::sleep(STRIKE_PAUSE).await;
        }
    }

    /// How long to wait before the next try: the message's pause ± 50 %, so that failed messages are not all retried at
    /// the same moment. A provider that asks for more time gets it.
    fn pause(&self, delivery: &Delivery, retry_after: Option<Duration>) -> Duration {
        let mut byte = [0];
        self.context.decide(|cx| cx.entropy.fill(&mut byte));
        let jittered = delivery.pause.mul_f64(0.5 + f64::from(byte[0]) / 255.0);
        jittered.max(retry_after.unwrap_or_default())
    }

    /// Deletes entries from the outbox. It waits while the persister's queue is full: otherwise the messages would be sent
    /// again.
    async fn strike(&self, persister: &Persister, ends: Vec<(MessageId, MessageEnd)>) -> bool {
        let (messages, keep_messages) = (ends.len(), self.context.policy.keep_messages > Span::default());
        let struck = Housekeeping { sent: ends, keep_messages, ..Housekeeping::default() };
        for _ in 0..STRIKES_MAX {
            match persister.commit(Commit::of_housekeeping(self.context.now(), struck.clone())).await {
                Ok(_) => return true,
                Err(CommitError::Overloaded) => tokio::time::sleep(STRIKE_PAUSE).await,
                Err(error) => {
                    tracing::warn!(messages, %error, "finished messages could not be removed from the outbox");
                    return false;
                }
            }
        }
        tracing::warn!(messages, "finished messages could not be removed from the outbox: the store is overloaded");
        false
    }
}

/// A provider's id of a message that is longer, in bytes, is not kept.
const PROVIDER_ID_MAX: usize = 256;
const STRIKES_MAX: usize = 10;
const STRIKE_PAUSE: Duration = Duration::from_secs(1);
/// How many entries one commit deletes.
const STRUCK_MAX: usize = 256;
