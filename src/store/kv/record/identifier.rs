//! Identifiers: inside other records, and as the record of who holds one.

use serde::{Deserialize, Serialize};

use crate::domain::id::UserId;
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind};
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// The user who holds the identifier in the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct IdentifierRecordV1 {
    pub(in crate::store) user_id: [u8; 16],
}

impl Record for IdentifierRecordV1 {
    const KIND: Kind = Kind::Identifier;
    const SCHEMA: u8 = 1;
}

impl From<UserId> for IdentifierRecordV1 {
    fn from(user: UserId) -> Self {
        Self { user_id: *user.as_bytes() }
    }
}

impl From<IdentifierRecordV1> for UserId {
    fn from(record: IdentifierRecordV1) -> Self {
        Self::from_bytes(record.user_id)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct IdentifierV1 {
    kind: IdentifierKindV1,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum IdentifierKindV1 {
    EmailAddress,
    PhoneNumber,
    Username,
    ExternalAccount,
    ExternalId,
}

impl From<&Identifier> for IdentifierV1 {
    fn from(identifier: &Identifier) -> Self {
        Self {
            kind: match identifier.kind {
                IdentifierKind::EmailAddress => IdentifierKindV1::EmailAddress,
                IdentifierKind::PhoneNumber => IdentifierKindV1::PhoneNumber,
                IdentifierKind::Username => IdentifierKindV1::Username,
                IdentifierKind::ExternalAccount => IdentifierKindV1::ExternalAccount,
                IdentifierKind::ExternalId => IdentifierKindV1::ExternalId,
            },
            value: identifier.value.clone(),
        }
    }
}

impl From<IdentifierV1> for Identifier {
    fn from(record: IdentifierV1) -> Self {
        Self {
            kind: match record.kind {
                IdentifierKindV1::EmailAddress => IdentifierKind::EmailAddress,
                IdentifierKindV1::PhoneNumber => IdentifierKind::PhoneNumber,
                IdentifierKindV1::Username => IdentifierKind::Username,
                IdentifierKindV1::ExternalAccount => IdentifierKind::ExternalAccount,
                IdentifierKindV1::ExternalId => IdentifierKind::ExternalId,
            },
            value: record.value,
        }
    }
}

/// An e-mail address with its typed spelling, which is omitted if it equals the normalised one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct EmailAddressV1 {
    normalised: String,
    typed: Option<String>,
}

impl From<&EmailAddress> for EmailAddressV1 {
    fn from(email: &EmailAddress) -> Self {
        Self {
            normalised: email.as_str().to_owned(),
            typed: (email.typed() != email.as_str()).then(|| email.typed().to_owned()),
        }
    }
}

impl From<EmailAddressV1> for EmailAddress {
    fn from(record: EmailAddressV1) -> Self {
        let typed = record.typed.unwrap_or_else(|| record.normalised.clone());
        Self::restore(record.normalised, typed)
    }
}
