//! One delivery of one message.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::actors::context::ActorContext;
use crate::actors::outbox::channel_of;
use crate::actors::persister::Persister;
use crate::delivery::{
    Channel, Counted, Envelope, Failure, FailureClass, Message, MessageTemplates, Outcome, Transport,
};
use crate::domain::id::MessageId;
use crate::domain::message::Content;
use crate::domain::time::Timestamp;
use crate::store::{Commit, CommitError, Housekeeping, MessageEnd, OutboxEntry, OutboxKind};

use super::lane::{Delivery, DeliveryEnd, FinalStatus};
use super::notices::Notices;

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
    pub(super) fn of(&self, channel: Channel) -> &dyn Transport {
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

impl Sender {
    /// Makes one delivery, and deletes the message from the outbox if it is done after that.
    pub(super) async fn deliver_with_retry(&self, delivery: &Delivery, persister: &Persister) -> DeliveryEnd {
        let entry = &delivery.entry;
        let channel = channel_of(entry);
        let health = self.context.health(channel);
        let message = match self.open(entry) {
            Ok(message) => message,
            Err(end) => return self.ack(persister, entry, FinalStatus::Unsent, end).await,
        };
        if self.context.now() >= entry.expire_at {
            health.count(Counted::Expired, 1);
            self.notices.say(channel, entry.id, "it expired before it could be sent");
            return self.ack(persister, entry, FinalStatus::Unsent, MessageEnd::Failed).await;
        }
        let transport = self.transports.of(channel);
        let limit = self.context.options.delivery_timeout;
        let outcome = timeout(limit, transport.deliver(&message)).await.unwrap_or_else(|_| {
            let reason = format!("the transport took longer than {} seconds", limit.as_secs());
            Outcome::Unavailable(Failure::new(FailureClass::Timeout, reason))
        });
        match outcome {
            Outcome::Sent(_) => {
                health.count(Counted::Sent, 1);
                self.ack(persister, entry, FinalStatus::Sent, MessageEnd::Sent).await
            }
            Outcome::Refused(Failure { reason, .. }) => {
                health.count(Counted::Refused, 1);
                self.notices.say(channel, entry.id, &format!("it was refused for good: {reason}"));
                self.ack(persister, entry, FinalStatus::Refused, MessageEnd::Failed).await
            }
            Outcome::Retry(Failure { reason, .. }) => {
                health.count(Counted::FailedTry, 1);
                self.notices.say(channel, entry.id, &format!("it is tried again: {reason}"));
                DeliveryEnd::Retry { after: self.jittered(delivery.pause) }
            }
            Outcome::Unavailable(Failure { reason, .. }) => {
                health.count(Counted::FailedTry, 1);
                tracing::debug!(message.id = %entry.id, reason, "a message could not be sent; it is tried again");
                DeliveryEnd::Unavailable { after: self.jittered(delivery.pause), reason }
            }
        }
    }

    /// Counts these messages as expired and deletes them together.
    pub(super) async fn give_up(&self, channel: Channel, expired: Vec<MessageId>, persister: &Persister) {
        self.context.health(channel).count(Counted::Expired, expired.len());
        for ids in expired.chunks(STRUCK_MAX) {
            strike(persister, ids, MessageEnd::Failed, self.context.now()).await;
        }
    }

    /// The message with its secret; else what becomes of an entry that can never be sent, since it was sealed under another
    /// key or is a decoy.
    fn open(&self, entry: &OutboxEntry) -> Result<Message, MessageEnd> {
        let OutboxKind::Message { to, display_to, about } = &entry.kind;
        let Some(content) = self.context.open(entry) else {
            self.notices.say(Channel::of(to), entry.id, "it can't be opened with this instance key");
            return Err(MessageEnd::Failed);
        };
        let envelope = Envelope {
            id: entry.id,
            to,
            display_to,
            template: content.template(),
            origin: about.as_ref().map(|about| about.origin),
            locale: about.as_ref().and_then(|about| about.locale.as_deref()),
            created_at: entry.created_at,
            expire_at: entry.expire_at,
        };
        let words = &self.templates;
        match content {
            Content::Code(code) => Ok(words.code_message(envelope, &code)),
            Content::Link { token, code } => Ok(words.link_message(envelope, &token, code.as_ref())),
            Content::Invitation(ticket) => Ok(words.invitation_message(envelope, &ticket)),
            Content::Notice => Ok(words.notice_message(envelope)),
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
        match strike(persister, &[entry.id], end, self.context.now()).await {
            true => DeliveryEnd::Removed(status),
            false => DeliveryEnd::NotRemoved(status),
        }
    }

    /// `pause` ± 50 %, so that failed messages are not all retried at the same moment.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut byte = [0];
        self.context.decide(|cx| cx.entropy.fill(&mut byte));
        pause.mul_f64(0.5 + f64::from(byte[0]) / 255.0)
    }
}

/// Deletes entries from the outbox. It waits while the persister's queue is full: otherwise the messages would be sent
/// again.
async fn strike(persister: &Persister, ids: &[MessageId], end: MessageEnd, at: Timestamp) -> bool {
    for _ in 0..STRIKES_MAX {
        let struck = Housekeeping { sent: ids.iter().map(|id| (*id, end)).collect(), ..Housekeeping::default() };
        match persister.commit(Commit::of_housekeeping(at, struck)).await {
            Ok(_) => return true,
            Err(CommitError::Overloaded) => tokio::time::sleep(STRIKE_PAUSE).await,
            Err(error) => {
                tracing::warn!(messages = ids.len(), %error, "finished messages could not be removed from the outbox");
                return false;
            }
        }
    }
    tracing::warn!(
        messages = ids.len(),
        "finished messages could not be removed from the outbox: the store is overloaded"
    );
    false
}

const STRIKES_MAX: usize = 10;
const STRIKE_PAUSE: Duration = Duration::from_secs(1);
/// How many entries one commit deletes.
const STRUCK_MAX: usize = 256;
