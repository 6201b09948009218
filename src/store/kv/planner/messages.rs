//! What becomes of messages: they leave the outbox, and their providers report on them.

use bytes::Bytes;

use crate::domain::event::Happened;
use crate::domain::id::MessageId;
use crate::domain::message::MessageStatus;
use crate::domain::time::Timestamp;
use crate::store::StoredMessage;
use crate::store::commit::{MessageEnd, MessageReport, OutboxEntry, OutboxKind};
use crate::store::error::StoreError;
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{MessageRecordV1, OutboxRecordV2};

use super::Transaction;

impl<K: Reads> Transaction<'_, '_, K> {
    /// Puts a message into the outbox. One of which nothing is known is a decoy, and no event.
    pub(super) fn queue(&mut self, entry: &OutboxEntry) -> Result<(), StoreError> {
        self.put(key::outbox(entry.id), &OutboxRecordV2::from(entry))?;
        let OutboxKind::Message { about, to, .. } = &entry.kind;
        if about.is_some() {
            self.adds.happened.push(Happened::MessageCreated { id: entry.id, to: to.kind });
        }
        Ok(())
    }

    /// Removes a message from the outbox, and notes what became of it. One that is gone already is no event: its sender
    /// repeats a commit whose outcome it does not know.
    pub(super) fn message_over(
        &mut self,
        id: MessageId,
        end: &MessageEnd,
        keep: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = key::outbox(id);
        if matches!(end, MessageEnd::Decoy) {
            self.remove(key);
            return Ok(());
        }
        // An entry that can't be read is removed all the same.
        let known = match self.get(&key)? {
            Some(_) => self.batch.unreadable.skip(&key, self.record::<OutboxRecordV2>(&key))?.flatten(),
            None => return Ok(()),
        };
        self.adds.happened.push(match end {
            MessageEnd::Failed { class, .. } => Happened::MessageFailed { id, class: Some(*class) },
            MessageEnd::Sent { .. } | MessageEnd::Decoy => Happened::MessageSent { id },
        });
        self.remove(key);
        if let Some(known) = known.filter(|_| keep) {
            self.keep_message(&StoredMessage::ended(OutboxEntry::from(known), end, at))?;
        }
        Ok(())
    }

    /// Writes what became of a message, and lists it under the id that its provider gave it.
    fn keep_message(&mut self, message: &StoredMessage) -> Result<(), StoreError> {
        if let Some(known_as) = &message.provider_message_id {
            self.writes.insert(key::provider_message(&message.provider, known_as, message.id), Some(Bytes::new()));
        }
        self.put(key::message(message.id), &MessageRecordV1::from(message))
    }

    /// What a provider reports about a message. Reports come late, twice, and in any order: that it has arrived does not
    /// follow a failure, and what is known already is no event.
    pub(super) fn message_reported(&mut self, report: &MessageReport, at: Timestamp) -> Result<(), StoreError> {
        let key = key::message(report.id);
        let Some(record) = self.record::<MessageRecordV1>(&key)? else { return Ok(()) };
        let message = StoredMessage::from(record);
        let id = message.id;
        let (status, happened) = match report.failure {
            Some(class) => (MessageStatus::Failed, Happened::MessageFailed { id, class: Some(class) }),
            None => (MessageStatus::Delivered, Happened::MessageDelivered { id }),
        };
        if message.status == status || message.status == MessageStatus::Failed {
            return Ok(());
        }
        self.adds.happened.push(happened);
        let next = StoredMessage { status, failure: report.failure, updated_at: at, ..message };
        self.put(key, &MessageRecordV1::from(&next))
    }

    /// Removes a message with its place under the id of its provider.
    pub(super) fn forget_message(&mut self, record: MessageRecordV1) {
        let message = StoredMessage::from(record);
        if let Some(known_as) = &message.provider_message_id {
            self.remove(key::provider_message(&message.provider, known_as, message.id));
        }
    }
}
