//! Messages: those in the outbox, and those that left it.

use std::cmp::Reverse;

use bytes::Bytes;

use crate::domain::id::MessageId;
use crate::store::error::StoreError;
use crate::store::kv::codec::{self, Record};
use crate::store::kv::key::{self, Kind};
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{MessageRecordV1, OutboxRecordV2};
use crate::store::{OutboxEntry, StoredMessage};

use super::Reader;

impl<R: Reads> Reader<'_, R> {
    /// First the outbox: a message that leaves it between the two reads is found by the second.
    pub(super) fn message(&self, id: MessageId) -> Result<Option<StoredMessage>, StoreError> {
        let waiting = self.kv.get(&key::outbox(id))?.map(|bytes| waiting(&bytes)).transpose()?;
        match waiting {
            Some(found) => Ok(found),
            None => self.kv.get(&key::message(id))?.map(|bytes| over(&bytes)).transpose(),
        }
    }

    pub(super) fn messages(&self, before: Option<MessageId>, limit: usize) -> Result<Vec<StoredMessage>, StoreError> {
        let below = before.map_or_else(|| key::after(Kind::Outbox), key::outbox);
        let mut found = self.back(&key::before(Kind::Outbox), below, limit, waiting)?;
        let below = before.map_or_else(|| key::after_all_of(&key::messages()), key::message);
        found.extend(self.back(&key::messages(), below, limit, |bytes| over(bytes).map(Some))?);
        // Of one that left the outbox in between, the later state stands.
        found.sort_by_key(|message| (Reverse(key::message(message.id)), message.status.is_queued()));
        found.dedup_by_key(|message| message.id);
        found.truncate(limit);
        Ok(found)
    }

    pub(super) fn message_of_provider(&self, provider: &str, known_as: &str) -> Result<Option<MessageId>, StoreError> {
        let prefix = key::provider_messages(provider, known_as);
        let found = self.kv.scan(&prefix, &prefix, 1)?;
        Ok(found.first().and_then(|(key, _)| key::parse_provider_message(key)))
    }

    /// The last `limit` of these entries, the last first.
    fn back(
        &self,
        prefix: &[u8],
        mut below: Bytes,
        limit: usize,
        read: impl Fn(&[u8]) -> Result<Option<StoredMessage>, StoreError>,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let mut found = Vec::new();
        while found.len() < limit {
            let asked = limit - found.len();
            let entries = self.kv.scan_back(prefix, &below, asked)?;
            for (key, value) in &entries {
                found.extend(self.unreadable.skip(key, read(value))?.flatten());
            }
            match entries.last() {
                Some((last, _)) if entries.len() == asked => below = last.clone(),
                _ => break,
            }
        }
        Ok(found)
    }
}

/// A message in the outbox; `None` for a decoy.
fn waiting(bytes: &[u8]) -> Result<Option<StoredMessage>, StoreError> {
    decoded::<OutboxRecordV2>(bytes).map(|record| StoredMessage::waiting(OutboxEntry::from(record)))
}

fn over(bytes: &[u8]) -> Result<StoredMessage, StoreError> {
    decoded::<MessageRecordV1>(bytes).map(StoredMessage::from)
}

fn decoded<R: Record>(bytes: &[u8]) -> Result<R, StoreError> {
    codec::decode(bytes)
}
