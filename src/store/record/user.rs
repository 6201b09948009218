//! A user with the finished sign-up it came from: one entry answers for both.

use serde::{Deserialize, Serialize};

use crate::domain::id::{IdentificationId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber, Username};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::user::{Identification, User, UserAccount};
use crate::store::StoreError;
use crate::store::codec::Record;
use crate::store::key::Kind;

use super::external::UserAccountV1;
use super::identifier::EmailAddressV1;
use super::sign_up::{SignUpV1, strategy};

/// A user with the finished sign-up it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct UserRecordV1 {
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
    pub(in crate::store) last_sign_in_at: Option<u64>,
    pub(in crate::store) sign_up: Option<SignUpV1>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct IdentificationV1<T> {
    id: [u8; 16],
    value: T,
    verified_by: Option<String>,
}

impl Record for UserRecordV1 {
    const KIND: Kind = Kind::User;
    const SCHEMA: u8 = 1;
}

impl UserRecordV1 {
    /// Adds an account at a provider.
    pub(in crate::store) fn link(&mut self, account: &UserAccount) {
        self.external_accounts.push(account.into());
    }
}

impl From<&User> for UserRecordV1 {
    fn from(user: &User) -> Self {
        Self {
            id: *user.id.as_bytes(),
            email_addresses: user
                .email_addresses
                .iter()
                .map(|email| IdentificationV1::of(email, |e| e.into()))
                .collect(),
            phone_numbers: user
                .phone_numbers
                .iter()
                .map(|phone| IdentificationV1::of(phone, |p| p.as_str().to_owned()))
                .collect(),
            external_accounts: user.external_accounts.iter().map(Into::into).collect(),
            username: user.username.as_ref().map(|u| u.as_str().to_owned()),
            external_id: user.external_id.clone(),
            password_digest: user.password_digest.clone(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            unsafe_metadata: user.unsafe_metadata.clone(),
            public_metadata: user.public_metadata.clone(),
            locale: user.locale.clone(),
            legal_accepted_at: user.legal_accepted_at.map(Timestamp::as_millis),
            created_at: user.created_at.as_millis(),
            updated_at: user.updated_at.as_millis(),
            last_sign_in_at: user.last_sign_in_at.map(Timestamp::as_millis),
            sign_up: user.sign_up.as_deref().map(Into::into),
        }
    }
}

impl TryFrom<UserRecordV1> for User {
    type Error = StoreError;

    fn try_from(record: UserRecordV1) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId::from_bytes(record.id),
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
            username: record.username.map(Username::restore),
            external_id: record.external_id,
            password_digest: record.password_digest,
            first_name: record.first_name,
            last_name: record.last_name,
            unsafe_metadata: record.unsafe_metadata,
            public_metadata: record.public_metadata,
            locale: record.locale,
            legal_accepted_at: record.legal_accepted_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            last_sign_in_at: record.last_sign_in_at.map(Timestamp::from_millis),
            sign_up: record.sign_up.map(|sign_up| sign_up.try_into().map(Box::new)).transpose()?,
        })
    }
}

impl<T> IdentificationV1<T> {
    fn of<V>(identification: &Identification<V>, value: impl FnOnce(&V) -> T) -> Self {
        Self {
            id: *identification.id.as_bytes(),
            value: value(&identification.value),
            verified_by: identification.verified_by.as_ref().map(ToString::to_string),
        }
    }

    fn identification<V>(self, value: impl FnOnce(T) -> V) -> Result<Identification<V>, StoreError> {
        Ok(Identification {
            id: IdentificationId::from_bytes(self.id),
            value: value(self.value),
            verified_by: self.verified_by.as_deref().map(strategy).transpose()?,
        })
    }
}
