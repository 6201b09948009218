//! What became of a message that left the outbox.

use serde::{Deserialize, Serialize};

use crate::domain::id::MessageId;
use crate::domain::message::{FailureClass, MessageStatus};
use crate::domain::time::Timestamp;
use crate::store::StoredMessage;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

use super::identifier::IdentifierV1;
use super::outbox::AboutV1;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct MessageRecordV1 {
    id: [u8; 16],
    to: IdentifierV1,
    about: Option<AboutV1>,
    end: MessageEndV1,
    provider: String,
    provider_message_id: Option<String>,
    attempts: u32,
    /// Empty from its expiry on.
    sealed: Vec<u8>,
    created_at: u64,
    updated_at: u64,
    expire_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum MessageEndV1 {
    Sent,
    Delivered,
    Failed(FailureClassV1),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum FailureClassV1 {
    Address,
    Content,
    Sender,
    Authentication,
    RateLimited,
    Unreachable,
    Timeout,
    Provider,
    Unconfigured,
    Expired,
    Unreadable,
    Complaint,
}

impl Record for MessageRecordV1 {
    const KIND: Kind = Kind::Message;
    const SCHEMA: u8 = 1;
}

impl From<&StoredMessage> for MessageRecordV1 {
    fn from(message: &StoredMessage) -> Self {
        Self {
            id: *message.id.as_bytes(),
            to: (&message.to).into(),
            about: message.about.as_ref().map(AboutV1::from),
            end: match (message.status, message.failure) {
                (MessageStatus::Delivered, _) => MessageEndV1::Delivered,
                (MessageStatus::Failed, class) => MessageEndV1::Failed(class.unwrap_or(FailureClass::Provider).into()),
                // One that is queued is in the outbox, and has no such record.
                (MessageStatus::Sent | MessageStatus::Queued, _) => MessageEndV1::Sent,
            },
            provider: message.provider.clone(),
            provider_message_id: message.provider_message_id.clone(),
            attempts: message.attempts,
            sealed: message.sealed.clone(),
            created_at: message.created_at.as_millis(),
            updated_at: message.updated_at.as_millis(),
            expire_at: message.expire_at.as_millis(),
        }
    }
}

impl From<MessageRecordV1> for StoredMessage {
    fn from(record: MessageRecordV1) -> Self {
        let (status, failure) = match record.end {
            MessageEndV1::Sent => (MessageStatus::Sent, None),
            MessageEndV1::Delivered => (MessageStatus::Delivered, None),
            MessageEndV1::Failed(class) => (MessageStatus::Failed, Some(class.into())),
        };
        Self {
            id: MessageId::from_bytes(record.id),
            to: record.to.into(),
            about: record.about.map(Into::into),
            status,
            failure,
            provider: record.provider,
            provider_message_id: record.provider_message_id,
            attempts: record.attempts,
            sealed: record.sealed,
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            expire_at: Timestamp::from_millis(record.expire_at),
        }
    }
}

impl From<FailureClass> for FailureClassV1 {
    fn from(class: FailureClass) -> Self {
        match class {
            FailureClass::Address => Self::Address,
            FailureClass::Content => Self::Content,
            FailureClass::Sender => Self::Sender,
            FailureClass::Authentication => Self::Authentication,
            FailureClass::RateLimited => Self::RateLimited,
            FailureClass::Unreachable => Self::Unreachable,
            FailureClass::Timeout => Self::Timeout,
            FailureClass::Provider => Self::Provider,
            FailureClass::Unconfigured => Self::Unconfigured,
            FailureClass::Expired => Self::Expired,
            FailureClass::Unreadable => Self::Unreadable,
            FailureClass::Complaint => Self::Complaint,
        }
    }
}

impl From<FailureClassV1> for FailureClass {
    fn from(class: FailureClassV1) -> Self {
        match class {
            FailureClassV1::Address => Self::Address,
            FailureClassV1::Content => Self::Content,
            FailureClassV1::Sender => Self::Sender,
            FailureClassV1::Authentication => Self::Authentication,
            FailureClassV1::RateLimited => Self::RateLimited,
            FailureClassV1::Unreachable => Self::Unreachable,
            FailureClassV1::Timeout => Self::Timeout,
            FailureClassV1::Provider => Self::Provider,
            FailureClassV1::Unconfigured => Self::Unconfigured,
            FailureClassV1::Expired => Self::Expired,
            FailureClassV1::Unreadable => Self::Unreadable,
            FailureClassV1::Complaint => Self::Complaint,
        }
    }
}
