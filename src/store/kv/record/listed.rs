//! What the application's backend lists: entries of the allow-list and the block-list, and redirect URLs.

use serde::{Deserialize, Serialize};

use crate::domain::id::{InvitationId, ListedIdentifierId, RedirectUrlId};
use crate::domain::listed::{List, ListedIdentifier, ListedRedirect};
use crate::domain::settings::restrictions::Pattern;
use crate::domain::time::Timestamp;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// An entry of the allow-list or the block-list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ListedRecordV1 {
    id: [u8; 16],
    list: ListV1,
    pattern: PatternV1,
    invitation: Option<[u8; 16]>,
    created_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum ListV1 {
    Allow,
    Block,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum PatternV1 {
    Email(String),
    Domain(String),
    Phone(String),
    PhonePrefix(String),
}

/// A redirect URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct RedirectUrlRecordV1 {
    id: [u8; 16],
    url: String,
    created_at: u64,
}

impl Record for ListedRecordV1 {
    const KIND: Kind = Kind::Listed;
    const SCHEMA: u8 = 1;
}

impl Record for RedirectUrlRecordV1 {
    const KIND: Kind = Kind::RedirectUrl;
    const SCHEMA: u8 = 1;
}

impl From<&ListedIdentifier> for ListedRecordV1 {
    fn from(listed: &ListedIdentifier) -> Self {
        Self {
            id: *listed.id.as_bytes(),
            list: match listed.list {
                List::Allow => ListV1::Allow,
                List::Block => ListV1::Block,
            },
            pattern: match &listed.pattern {
                Pattern::Email(text) => PatternV1::Email(text.clone()),
                Pattern::Domain(text) => PatternV1::Domain(text.clone()),
                Pattern::Phone(text) => PatternV1::Phone(text.clone()),
                Pattern::PhonePrefix(text) => PatternV1::PhonePrefix(text.clone()),
            },
            invitation: listed.invitation.map(|id| *id.as_bytes()),
            created_at: listed.created_at.as_millis(),
        }
    }
}

impl From<ListedRecordV1> for ListedIdentifier {
    fn from(record: ListedRecordV1) -> Self {
        Self {
            id: ListedIdentifierId::from_bytes(record.id),
            list: match record.list {
                ListV1::Allow => List::Allow,
                ListV1::Block => List::Block,
            },
            pattern: match record.pattern {
                PatternV1::Email(text) => Pattern::Email(text),
                PatternV1::Domain(text) => Pattern::Domain(text),
                PatternV1::Phone(text) => Pattern::Phone(text),
                PatternV1::PhonePrefix(text) => Pattern::PhonePrefix(text),
            },
            invitation: record.invitation.map(InvitationId::from_bytes),
            created_at: Timestamp::from_millis(record.created_at),
        }
    }
}

impl From<&ListedRedirect> for RedirectUrlRecordV1 {
    fn from(listed: &ListedRedirect) -> Self {
        Self { id: *listed.id.as_bytes(), url: listed.url.clone(), created_at: listed.created_at.as_millis() }
    }
}

impl From<RedirectUrlRecordV1> for ListedRedirect {
    fn from(record: RedirectUrlRecordV1) -> Self {
        Self {
            id: RedirectUrlId::from_bytes(record.id),
            url: record.url,
            created_at: Timestamp::from_millis(record.created_at),
        }
    }
}
