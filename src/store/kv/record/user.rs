//! A user with the finished sign-up it came from: one record holds both.

use serde::{Deserialize, Serialize};

use crate::domain::id::{ExternalAccountId, IdentificationId};
use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::user::{Connection, Identification, Passkey, SecondFactors, Totp, User};
use crate::store::StoreError;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;

use super::external::ExternalAccountV1;
use super::identifier::EmailAddressV1;
use super::user_base::{IdentificationV2, UserRecordV3};

/// A user with the finished sign-up it came from. Most users have only the base, and take one byte more than that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct UserRecordV4 {
    pub(in crate::store) base: UserRecordV3,
    added: Option<Box<AddedV1>>,
}

/// What the person adds in the profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct AddedV1 {
    notes: Vec<NoteV1>,
    unproved_emails: Vec<IdentificationV2<EmailAddressV1>>,
    unproved_phones: Vec<IdentificationV2<String>>,
    connections: Vec<ConnectionV1>,
    second_factors: Option<SecondFactorsV1>,
    passkeys: Vec<PasskeyV1>,
}

/// What is noted of an address, of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct NoteV1 {
    id: [u8; 16],
    created_at: Option<u64>,
    reserved_for_second_factor: bool,
    default_second_factor: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ConnectionV1 {
    id: [u8; 16],
    identification_id: [u8; 16],
    account: ExternalAccountV1,
    created_at: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SecondFactorsV1 {
    totp: Option<TotpV1>,
    backup_codes: Vec<[u8; 32]>,
    mfa_enabled_at: Option<u64>,
    mfa_disabled_at: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TotpV1 {
    secret: Secret<Vec<u8>>,
    created_at: u64,
    verified_at: Option<u64>,
    last_step: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PasskeyV1 {
    id: [u8; 16],
    name: String,
    credential: String,
    created_at: u64,
    last_used_at: Option<u64>,
}

impl Record for UserRecordV4 {
    const KIND: Kind = Kind::User;
    const SCHEMA: u8 = 4;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<UserRecordV3>().map(|base| Self { base, added: None })
    }
}

impl From<&User> for UserRecordV4 {
    fn from(user: &User) -> Self {
        let added = AddedV1::from(user);
        let added = (added != AddedV1::default()).then(|| Box::new(added));
        Self { base: user.into(), added }
    }
}

impl TryFrom<UserRecordV4> for User {
    type Error = StoreError;

    fn try_from(record: UserRecordV4) -> Result<Self, StoreError> {
        let mut user = Self::try_from(record.base)?;
        if let Some(added) = record.added {
            added.add_to(&mut user)?;
        }
        Ok(user)
    }
}

impl From<&User> for AddedV1 {
    fn from(user: &User) -> Self {
        let emails = user.email_addresses.iter().chain(&user.unproved_emails).filter_map(NoteV1::of);
        let phones = user.phone_numbers.iter().chain(&user.unproved_phones).filter_map(NoteV1::of);
        let email = |email| IdentificationV2::of(email, |value: &EmailAddress| value.into());
        let phone = |phone| IdentificationV2::of(phone, |value: &PhoneNumber| value.as_str().to_owned());
        Self {
            notes: emails.chain(phones).collect(),
            unproved_emails: user.unproved_emails.iter().map(email).collect(),
            unproved_phones: user.unproved_phones.iter().map(phone).collect(),
            connections: user.connections.iter().map(Into::into).collect(),
            second_factors: user.second_factors.as_deref().map(Into::into),
            passkeys: user.passkeys.iter().map(Into::into).collect(),
        }
    }
}

impl AddedV1 {
    fn add_to(self, user: &mut User) -> Result<(), StoreError> {
        let emails = self.unproved_emails.into_iter().map(|email| email.identification(EmailAddress::from));
        user.unproved_emails = emails.collect::<Result<_, _>>()?;
        let phones = self.unproved_phones.into_iter().map(|phone| phone.identification(PhoneNumber::restore));
        user.unproved_phones = phones.collect::<Result<_, _>>()?;
        user.connections = self.connections.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        user.second_factors = self.second_factors.map(|factors| Box::new(factors.into()));
        user.passkeys = self.passkeys.into_iter().map(Into::into).collect();
        for note in self.notes {
            note.add_to(user.email_addresses.iter_mut().chain(&mut user.unproved_emails));
            note.add_to(user.phone_numbers.iter_mut().chain(&mut user.unproved_phones));
        }
        Ok(())
    }
}

impl NoteV1 {
    /// `None` where there is nothing to note.
    fn of<T>(address: &Identification<T>) -> Option<Self> {
        let note = Self {
            id: *address.id.as_bytes(),
            created_at: address.created_at.map(Timestamp::as_millis),
            reserved_for_second_factor: address.reserved_for_second_factor,
            default_second_factor: address.default_second_factor,
        };
        let is_noted = note.created_at.is_some() || note.reserved_for_second_factor || note.default_second_factor;
        is_noted.then_some(note)
    }

    fn add_to<'a, T: 'a>(&self, addresses: impl Iterator<Item = &'a mut Identification<T>>) {
        let id = IdentificationId::from_bytes(self.id);
        for address in addresses.filter(|address| address.id == id) {
            address.created_at = self.created_at.map(Timestamp::from_millis);
            address.reserved_for_second_factor = self.reserved_for_second_factor;
            address.default_second_factor = self.default_second_factor;
        }
    }
}

impl From<&Connection> for ConnectionV1 {
    fn from(connection: &Connection) -> Self {
        Self {
            id: *connection.id.as_bytes(),
            identification_id: *connection.identification_id.as_bytes(),
            account: (&connection.account).into(),
            created_at: connection.created_at.as_millis(),
        }
    }
}

impl TryFrom<ConnectionV1> for Connection {
    type Error = StoreError;

    fn try_from(record: ConnectionV1) -> Result<Self, StoreError> {
        Ok(Self {
            id: ExternalAccountId::from_bytes(record.id),
            identification_id: IdentificationId::from_bytes(record.identification_id),
            account: record.account.try_into()?,
            created_at: Timestamp::from_millis(record.created_at),
        })
    }
}

impl From<&SecondFactors> for SecondFactorsV1 {
    fn from(factors: &SecondFactors) -> Self {
        Self {
            totp: factors.totp.as_ref().map(|totp| TotpV1 {
                secret: totp.secret.clone(),
                created_at: totp.created_at.as_millis(),
                verified_at: totp.verified_at.map(Timestamp::as_millis),
                last_step: totp.last_step,
            }),
            backup_codes: factors.backup_codes.clone(),
            mfa_enabled_at: factors.mfa_enabled_at.map(Timestamp::as_millis),
            mfa_disabled_at: factors.mfa_disabled_at.map(Timestamp::as_millis),
        }
    }
}

impl From<SecondFactorsV1> for SecondFactors {
    fn from(record: SecondFactorsV1) -> Self {
        Self {
            totp: record.totp.map(|totp| Totp {
                secret: totp.secret,
                created_at: Timestamp::from_millis(totp.created_at),
                verified_at: totp.verified_at.map(Timestamp::from_millis),
                last_step: totp.last_step,
            }),
            backup_codes: record.backup_codes,
            mfa_enabled_at: record.mfa_enabled_at.map(Timestamp::from_millis),
            mfa_disabled_at: record.mfa_disabled_at.map(Timestamp::from_millis),
        }
    }
}

impl From<&Passkey> for PasskeyV1 {
    fn from(passkey: &Passkey) -> Self {
        Self {
            id: *passkey.id.as_bytes(),
            name: passkey.name.clone(),
            credential: passkey.credential.clone(),
            created_at: passkey.created_at.as_millis(),
            last_used_at: passkey.last_used_at.map(Timestamp::as_millis),
        }
    }
}

impl From<PasskeyV1> for Passkey {
    fn from(record: PasskeyV1) -> Self {
        Self {
            id: IdentificationId::from_bytes(record.id),
            name: record.name,
            credential: record.credential,
            created_at: Timestamp::from_millis(record.created_at),
            last_used_at: record.last_used_at.map(Timestamp::from_millis),
        }
    }
}
