//! A user with the finished sign-up it came from, without what the person adds in the profile.

use serde::{Deserialize, Serialize};

use crate::domain::id::{ClientId, IdentificationId, SessionId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber, Username};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::user::{EndReason, Identification, SessionsEnded, User};
use crate::store::StoreError;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;

use super::external::UserAccountV1;
use super::identifier::EmailAddressV1;
use super::sign_up::SignUpV1;
use super::strategy::strategy;

/// The third schema, and the base of the one after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct UserRecordV3 {
    id: [u8; 16],
    pub(in crate::store) version: u64,
    email_addresses: Vec<IdentificationV2<EmailAddressV1>>,
    phone_numbers: Vec<IdentificationV2<String>>,
    external_accounts: Vec<UserAccountV1>,
    username: Option<String>,
    external_id: Option<String>,
    password_digest: Option<Secret<String>>,
    password_last_updated_at: Option<u64>,
    password_compromised: bool,
    first_name: Option<String>,
    last_name: Option<String>,
    unsafe_metadata: String,
    public_metadata: String,
    private_metadata: String,
    locale: Option<String>,
    legal_accepted_at: Option<u64>,
    created_at: u64,
    updated_at: u64,
    last_sign_in_at: Option<u64>,
    last_active_at: Option<u64>,
    banned: bool,
    locked_until: Option<u64>,
    delete_self_enabled: bool,
    create_organization_enabled: bool,
    create_organizations_limit: Option<u32>,
    bypass_client_trust: bool,
    devices: Vec<[u8; 16]>,
    sessions_ended: Option<SessionsEndedV1>,
    pub(in crate::store) sign_up: Option<SignUpV1>,
}

/// The second schema, before the backend could write users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct UserRecordV2 {
    id: [u8; 16],
    email_addresses: Vec<IdentificationV1<EmailAddressV1>>,
    phone_numbers: Vec<IdentificationV1<String>>,
    external_accounts: Vec<UserAccountV1>,
    username: Option<String>,
    external_id: Option<String>,
    password_digest: Option<Secret<String>>,
    first_name: Option<String>,
    last_name: Option<String>,
    unsafe_metadata: String,
    public_metadata: String,
    locale: Option<String>,
    legal_accepted_at: Option<u64>,
    created_at: u64,
    updated_at: u64,
    last_sign_in_at: Option<u64>,
    devices: Vec<[u8; 16]>,
    sessions_ended: Option<(u64, [u8; 16])>,
    sign_up: Option<SignUpV1>,
}

/// The first schema, before users had devices and could end sessions elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct UserRecordV1 {
    id: [u8; 16],
    email_addresses: Vec<IdentificationV1<EmailAddressV1>>,
    phone_numbers: Vec<IdentificationV1<String>>,
    external_accounts: Vec<UserAccountV1>,
    username: Option<String>,
    external_id: Option<String>,
    password_digest: Option<Secret<String>>,
    first_name: Option<String>,
    last_name: Option<String>,
    unsafe_metadata: String,
    public_metadata: String,
    locale: Option<String>,
    legal_accepted_at: Option<u64>,
    created_at: u64,
    updated_at: u64,
    last_sign_in_at: Option<u64>,
    sign_up: Option<SignUpV1>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct IdentificationV1<T> {
    id: [u8; 16],
    value: T,
    verified_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct IdentificationV2<T> {
    id: [u8; 16],
    value: T,
    verified_by: Option<String>,
    reserved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct SessionsEndedV1 {
    at: u64,
    except: Option<[u8; 16]>,
    reason: EndReasonV1,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum EndReasonV1 {
    Elsewhere,
    Revoked,
}

impl Record for UserRecordV1 {
    const KIND: Kind = Kind::User;
    const SCHEMA: u8 = 1;
}

impl Record for UserRecordV2 {
    const KIND: Kind = Kind::User;
    const SCHEMA: u8 = 2;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<UserRecordV1>().map(Self::from)
    }
}

impl Record for UserRecordV3 {
    const KIND: Kind = Kind::User;
    const SCHEMA: u8 = 3;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<UserRecordV2>().map(Self::from)
    }
}

impl From<UserRecordV1> for UserRecordV2 {
    fn from(old: UserRecordV1) -> Self {
        let UserRecordV1 { id, email_addresses, phone_numbers, external_accounts, username, external_id, .. } = old;
        let UserRecordV1 { password_digest, first_name, last_name, unsafe_metadata, public_metadata, .. } = old;
        let UserRecordV1 { locale, legal_accepted_at, created_at, updated_at, last_sign_in_at, sign_up, .. } = old;
        Self {
            id,
            email_addresses,
            phone_numbers,
            external_accounts,
            username,
            external_id,
            password_digest,
            first_name,
            last_name,
            unsafe_metadata,
            public_metadata,
            locale,
            legal_accepted_at,
            created_at,
            updated_at,
            last_sign_in_at,
            devices: sign_up.iter().map(|sign_up| sign_up.client_id).collect(),
            sessions_ended: None,
            sign_up,
        }
    }
}

impl From<UserRecordV2> for UserRecordV3 {
    fn from(old: UserRecordV2) -> Self {
        let UserRecordV2 { id, email_addresses, phone_numbers, external_accounts, username, external_id, .. } = old;
        let UserRecordV2 { password_digest, first_name, last_name, unsafe_metadata, public_metadata, .. } = old;
        let UserRecordV2 { locale, legal_accepted_at, created_at, updated_at, last_sign_in_at, devices, .. } = old;
        let UserRecordV2 { sessions_ended, sign_up, .. } = old;
        Self {
            id,
            version: 0,
            email_addresses: email_addresses.into_iter().map(Into::into).collect(),
            phone_numbers: phone_numbers.into_iter().map(Into::into).collect(),
            external_accounts,
            username,
            external_id,
            password_digest,
            password_last_updated_at: None,
            password_compromised: false,
            first_name,
            last_name,
            unsafe_metadata,
            public_metadata,
            private_metadata: "{}".to_owned(),
            locale,
            legal_accepted_at,
            created_at,
            updated_at,
            last_sign_in_at,
            last_active_at: last_sign_in_at,
            banned: false,
            locked_until: None,
            delete_self_enabled: false,
            create_organization_enabled: false,
            create_organizations_limit: None,
            bypass_client_trust: false,
            devices,
            sessions_ended: sessions_ended.map(|(at, except)| SessionsEndedV1 {
                at,
                except: Some(except),
                reason: EndReasonV1::Elsewhere,
            }),
            sign_up,
        }
    }
}

impl<T> From<IdentificationV1<T>> for IdentificationV2<T> {
    fn from(old: IdentificationV1<T>) -> Self {
        Self { id: old.id, value: old.value, verified_by: old.verified_by, reserved: false }
    }
}

impl From<&User> for UserRecordV3 {
    fn from(user: &User) -> Self {
        Self {
            id: *user.id.as_bytes(),
            version: user.version,
            email_addresses: user
                .email_addresses
                .iter()
                .map(|email| IdentificationV2::of(email, |e| e.into()))
                .collect(),
            phone_numbers: user
                .phone_numbers
                .iter()
                .map(|phone| IdentificationV2::of(phone, |p| p.as_str().to_owned()))
                .collect(),
            external_accounts: user.external_accounts.iter().map(Into::into).collect(),
            username: user.username.as_ref().map(|u| u.as_str().to_owned()),
            external_id: user.external_id.clone(),
            password_digest: user.password_digest.clone(),
            password_last_updated_at: user.password_last_updated_at.map(Timestamp::as_millis),
            password_compromised: user.password_compromised,
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            unsafe_metadata: user.unsafe_metadata.clone(),
            public_metadata: user.public_metadata.clone(),
            private_metadata: user.private_metadata.clone(),
            locale: user.locale.clone(),
            legal_accepted_at: user.legal_accepted_at.map(Timestamp::as_millis),
            created_at: user.created_at.as_millis(),
            updated_at: user.updated_at.as_millis(),
            last_sign_in_at: user.last_sign_in_at.map(Timestamp::as_millis),
            last_active_at: user.last_active_at.map(Timestamp::as_millis),
            banned: user.banned,
            locked_until: user.locked_until.map(Timestamp::as_millis),
            delete_self_enabled: user.delete_self_enabled,
            create_organization_enabled: user.create_organization_enabled,
            create_organizations_limit: user.create_organizations_limit,
            bypass_client_trust: user.bypass_client_trust,
            devices: user.devices.iter().map(|client| *client.as_bytes()).collect(),
            sessions_ended: user.sessions_ended.map(|ended| SessionsEndedV1 {
                at: ended.at.as_millis(),
                except: ended.except.map(|id| *id.as_bytes()),
                reason: match ended.reason {
                    EndReason::Elsewhere => EndReasonV1::Elsewhere,
                    EndReason::Revoked => EndReasonV1::Revoked,
                },
            }),
            sign_up: user.sign_up.as_deref().map(Into::into),
        }
    }
}

impl TryFrom<UserRecordV3> for User {
    type Error = StoreError;

    fn try_from(record: UserRecordV3) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId::from_bytes(record.id),
            version: record.version,
            email_addresses: record
                .email_addresses
                .into_iter()
                .map(|email| email.identification(EmailAddress::from))
                .collect::<Result<_, _>>()?,
            phone_numbers: record
                .phone_numbers
                .into_iter()
                .map(|phone| phone.identification(PhoneNumber::restore))
                .collect::<Result<_, _>>()?,
            external_accounts: record.external_accounts.into_iter().map(Into::into).collect(),
            unproved_emails: Vec::new(),
            unproved_phones: Vec::new(),
            connections: Vec::new(),
            second_factors: None,
            passkeys: Vec::new(),
            username: record.username.map(Username::restore),
            external_id: record.external_id,
            password_digest: record.password_digest,
            password_last_updated_at: record.password_last_updated_at.map(Timestamp::from_millis),
            password_compromised: record.password_compromised,
            first_name: record.first_name,
            last_name: record.last_name,
            unsafe_metadata: record.unsafe_metadata,
            public_metadata: record.public_metadata,
            private_metadata: record.private_metadata,
            locale: record.locale,
            legal_accepted_at: record.legal_accepted_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            last_sign_in_at: record.last_sign_in_at.map(Timestamp::from_millis),
            last_active_at: record.last_active_at.map(Timestamp::from_millis),
            banned: record.banned,
            locked_until: record.locked_until.map(Timestamp::from_millis),
            delete_self_enabled: record.delete_self_enabled,
            create_organization_enabled: record.create_organization_enabled,
            create_organizations_limit: record.create_organizations_limit,
            bypass_client_trust: record.bypass_client_trust,
            devices: record.devices.into_iter().map(ClientId::from_bytes).collect(),
            sessions_ended: record.sessions_ended.map(|ended| SessionsEnded {
                at: Timestamp::from_millis(ended.at),
                except: ended.except.map(SessionId::from_bytes),
                reason: match ended.reason {
                    EndReasonV1::Elsewhere => EndReason::Elsewhere,
                    EndReasonV1::Revoked => EndReason::Revoked,
                },
            }),
            sign_up: record.sign_up.map(|sign_up| sign_up.try_into().map(Box::new)).transpose()?,
        })
    }
}

impl<T> IdentificationV2<T> {
    pub(super) fn of<V>(identification: &Identification<V>, value: impl FnOnce(&V) -> T) -> Self {
        Self {
            id: *identification.id.as_bytes(),
            value: value(&identification.value),
            verified_by: identification.verified_by.as_ref().map(ToString::to_string),
            reserved: identification.reserved,
        }
    }

    pub(super) fn identification<V>(self, value: impl FnOnce(T) -> V) -> Result<Identification<V>, StoreError> {
        Ok(Identification {
            verified_by: self.verified_by.as_deref().map(strategy).transpose()?,
            reserved: self.reserved,
            ..Identification::unproved(IdentificationId::from_bytes(self.id), value(self.value))
        })
    }
}
