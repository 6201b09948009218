//! Messages as the store knows them: in the outbox, or what became of them.

use crate::domain::id::MessageId;
use crate::domain::identifier::Identifier;
use crate::domain::message::{FailureClass, MessageStatus};
use crate::domain::time::Timestamp;

use super::commit::{MessageAbout, MessageEnd, OutboxEntry, OutboxKind};

/// A message, in the outbox or behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its id.
    pub id: MessageId,
    /// The normalised address.
    pub to: Identifier,
    /// What is known of it without opening it.
    pub about: Option<MessageAbout>,
    /// What has become of it.
    pub status: MessageStatus,
    /// Why it failed, if it did.
    pub failure: Option<FailureClass>,
    /// The name of the provider that took it; empty where there is only one.
    pub provider: String,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// How often it was tried since the start of the engine that ended it.
    pub attempts: u32,
    /// The secret content, sealed, until it expires; then nothing.
    pub sealed: Vec<u8>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
    /// When it is no longer sent.
    pub expire_at: Timestamp,
}

impl StoredMessage {
    /// The message of an entry of the outbox; `None` for a decoy.
    pub(in crate::store) fn waiting(entry: OutboxEntry) -> Option<Self> {
        let OutboxEntry { id, kind: OutboxKind::Message { to, about, .. }, sealed, created_at, expire_at } = entry;
        about.is_some().then_some(Self {
            id,
            to,
            about,
            status: MessageStatus::Queued,
            failure: None,
            provider: String::new(),
            provider_message_id: None,
            attempts: 0,
            sealed,
            created_at,
            updated_at: created_at,
            expire_at,
        })
    }

    /// The entry of the outbox that it was, with the address as it was normalised.
    #[cfg(feature = "webhooks")]
    pub fn to_entry(&self) -> OutboxEntry {
        let (to, about) = (self.to.clone(), self.about.clone());
        OutboxEntry {
            id: self.id,
            kind: OutboxKind::Message { display_to: to.value.clone(), to, about },
            sealed: self.sealed.clone(),
            created_at: self.created_at,
            expire_at: self.expire_at,
        }
    }

    /// The message of an entry of the outbox that ended so.
    pub(in crate::store) fn ended(entry: OutboxEntry, end: &MessageEnd, at: Timestamp) -> Self {
        let OutboxEntry { id, kind: OutboxKind::Message { to, about, .. }, sealed, created_at, expire_at } = entry;
        let (status, failure, attempts) = match end {
            MessageEnd::Failed { class, attempts } => (MessageStatus::Failed, Some(*class), *attempts),
            MessageEnd::Sent { attempts, .. } => (MessageStatus::Sent, None, *attempts),
            MessageEnd::Decoy => (MessageStatus::Sent, None, 0),
        };
        let (provider, provider_message_id) = match end {
            MessageEnd::Sent { provider, message_id, .. } => (provider.clone(), message_id.clone()),
            MessageEnd::Failed { .. } | MessageEnd::Decoy => Default::default(),
        };
        let sealed = if at < expire_at { sealed } else { Vec::new() };
        let updated_at = at;
        Self {
            id,
            to,
            about,
            status,
            failure,
            provider,
            provider_message_id,
            attempts,
            sealed,
            created_at,
            updated_at,
            expire_at,
        }
    }
}
