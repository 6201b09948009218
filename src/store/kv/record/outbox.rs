//! A message in the outbox.

use serde::{Deserialize, Serialize};

use crate::domain::id::{AddressVerificationId, InvitationId, MessageId, SignInId, SignUpId, UserId};
use crate::domain::message::{Origin, Template};
use crate::domain::time::Timestamp;
use crate::domain::verification::PhoneChannel;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;
use crate::store::{MessageAbout, OutboxEntry, OutboxKind, StoreError};

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

/// The same, with what is known of it without opening it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct OutboxRecordV2 {
    first: OutboxRecordV1,
    about: Option<AboutV1>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AboutV1 {
    template: TemplateV1,
    origin: OriginV1,
    locale: Option<String>,
    phone_channel: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum TemplateV1 {
    VerificationCode,
    MagicLinkSignUp,
    Invitation,
    AccountExists,
    PasswordChanged,
    // Later ones are added at the end: the bytes of the earlier ones stay.
    MagicLinkSignIn,
    MagicLinkUserProfile,
    SecondFactorRemoved,
    PrimaryEmailAddressChanged,
    PasskeyAdded,
    PasskeyRemoved,
    SecondFactorAdded,
    BackupCodesCreated,
    ExternalAccountConnected,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum OriginV1 {
    SignUp([u8; 16]),
    SignIn([u8; 16]),
    Invitation([u8; 16]),
    AddressVerification([u8; 16]),
    User([u8; 16]),
}

impl Record for OutboxRecordV1 {
    const KIND: Kind = Kind::Outbox;
    const SCHEMA: u8 = 1;
}

impl Record for OutboxRecordV2 {
    const KIND: Kind = Kind::Outbox;
    const SCHEMA: u8 = 2;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<OutboxRecordV1>().map(Self::from)
    }
}

impl From<OutboxRecordV1> for OutboxRecordV2 {
    fn from(first: OutboxRecordV1) -> Self {
        Self { first, about: None }
    }
}

impl From<&OutboxEntry> for OutboxRecordV2 {
    fn from(entry: &OutboxEntry) -> Self {
        let OutboxKind::Message { to, display_to, about } = &entry.kind;
        let first = OutboxRecordV1 {
            id: *entry.id.as_bytes(),
            to: to.into(),
            display_to: display_to.clone(),
            sealed: entry.sealed.clone(),
            created_at: entry.created_at.as_millis(),
            expire_at: entry.expire_at.as_millis(),
        };
        Self { first, about: about.as_ref().map(AboutV1::from) }
    }
}

impl From<OutboxRecordV2> for OutboxEntry {
    fn from(record: OutboxRecordV2) -> Self {
        let OutboxRecordV2 { first, about } = record;
        Self {
            id: MessageId::from_bytes(first.id),
            kind: OutboxKind::Message {
                to: first.to.into(),
                display_to: first.display_to,
                about: about.map(MessageAbout::from),
            },
            sealed: first.sealed,
            created_at: Timestamp::from_millis(first.created_at),
            expire_at: Timestamp::from_millis(first.expire_at),
        }
    }
}

impl From<&MessageAbout> for AboutV1 {
    fn from(about: &MessageAbout) -> Self {
        Self {
            template: match about.template {
                Template::VerificationCode => TemplateV1::VerificationCode,
                Template::MagicLinkSignUp => TemplateV1::MagicLinkSignUp,
                Template::Invitation => TemplateV1::Invitation,
                Template::AccountExists => TemplateV1::AccountExists,
                Template::PasswordChanged => TemplateV1::PasswordChanged,
                Template::MagicLinkSignIn => TemplateV1::MagicLinkSignIn,
                Template::MagicLinkUserProfile => TemplateV1::MagicLinkUserProfile,
                Template::SecondFactorRemoved => TemplateV1::SecondFactorRemoved,
                Template::PrimaryEmailAddressChanged => TemplateV1::PrimaryEmailAddressChanged,
                Template::PasskeyAdded => TemplateV1::PasskeyAdded,
                Template::PasskeyRemoved => TemplateV1::PasskeyRemoved,
                Template::SecondFactorAdded => TemplateV1::SecondFactorAdded,
                Template::BackupCodesCreated => TemplateV1::BackupCodesCreated,
                Template::ExternalAccountConnected => TemplateV1::ExternalAccountConnected,
            },
            origin: match about.origin {
                Origin::SignUp(id) => OriginV1::SignUp(*id.as_bytes()),
                Origin::SignIn(id) => OriginV1::SignIn(*id.as_bytes()),
                Origin::Invitation(id) => OriginV1::Invitation(*id.as_bytes()),
                Origin::AddressVerification(id) => OriginV1::AddressVerification(*id.as_bytes()),
                Origin::User(id) => OriginV1::User(*id.as_bytes()),
            },
            locale: about.locale.clone(),
            phone_channel: about.phone_channel.map(|channel| channel.as_str().to_owned()),
        }
    }
}

impl From<AboutV1> for MessageAbout {
    fn from(record: AboutV1) -> Self {
        Self {
            template: match record.template {
                TemplateV1::VerificationCode => Template::VerificationCode,
                TemplateV1::MagicLinkSignUp => Template::MagicLinkSignUp,
                TemplateV1::Invitation => Template::Invitation,
                TemplateV1::AccountExists => Template::AccountExists,
                TemplateV1::PasswordChanged => Template::PasswordChanged,
                TemplateV1::MagicLinkSignIn => Template::MagicLinkSignIn,
                TemplateV1::MagicLinkUserProfile => Template::MagicLinkUserProfile,
                TemplateV1::SecondFactorRemoved => Template::SecondFactorRemoved,
                TemplateV1::PrimaryEmailAddressChanged => Template::PrimaryEmailAddressChanged,
                TemplateV1::PasskeyAdded => Template::PasskeyAdded,
                TemplateV1::PasskeyRemoved => Template::PasskeyRemoved,
                TemplateV1::SecondFactorAdded => Template::SecondFactorAdded,
                TemplateV1::BackupCodesCreated => Template::BackupCodesCreated,
                TemplateV1::ExternalAccountConnected => Template::ExternalAccountConnected,
            },
            origin: match record.origin {
                OriginV1::SignUp(id) => Origin::SignUp(SignUpId::from_bytes(id)),
                OriginV1::SignIn(id) => Origin::SignIn(SignInId::from_bytes(id)),
                OriginV1::Invitation(id) => Origin::Invitation(InvitationId::from_bytes(id)),
                OriginV1::AddressVerification(id) => Origin::AddressVerification(AddressVerificationId::from_bytes(id)),
                OriginV1::User(id) => Origin::User(UserId::from_bytes(id)),
            },
            locale: record.locale,
            phone_channel: record.phone_channel.as_deref().and_then(PhoneChannel::named),
        }
    }
}
