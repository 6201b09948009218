//! A message in the outbox.

use serde::{Deserialize, Serialize};

use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;
use crate::store::{OutboxEntry, OutboxKind};

use super::identifier::IdentifierV1;

/// A message in the outbox; its secret part is already sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct OutboxRecordV1 {
    id: [u8; 16],
    to: IdentifierV1,
    display_to: String,
    sealed: Vec<u8>,
    created_at: u64,
    expire_at: u64,
}

impl Record for OutboxRecordV1 {
    const KIND: Kind = Kind::Outbox;
    const SCHEMA: u8 = 1;
}

impl From<&OutboxEntry> for OutboxRecordV1 {
    fn from(entry: &OutboxEntry) -> Self {
        let OutboxKind::Message { to, display_to } = &entry.kind;
        Self {
            id: *entry.id.as_bytes(),
            to: to.into(),
            display_to: display_to.clone(),
            sealed: entry.sealed.clone(),
            created_at: entry.created_at.as_millis(),
            expire_at: entry.expire_at.as_millis(),
        }
    }
}

impl From<OutboxRecordV1> for OutboxEntry {
    fn from(record: OutboxRecordV1) -> Self {
        Self {
            id: MessageId::from_bytes(record.id),
            kind: OutboxKind::Message { to: record.to.into(), display_to: record.display_to },
            sealed: record.sealed,
            created_at: Timestamp::from_millis(record.created_at),
            expire_at: Timestamp::from_millis(record.expire_at),
        }
    }
}
