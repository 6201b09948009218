//! A code that the application's backend had sent to an address of a user.

use serde::{Deserialize, Serialize};

use crate::domain::id::{AddressVerificationId, IdentificationId, SessionId, UserId};
use crate::domain::user::{AddressVerification, Purpose};
use crate::store::StoreError;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;

use super::identifier::IdentifierV1;
use super::sign_up::VerificationV1;

/// The verification of an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct AddressVerificationRecordV2 {
    base: AddressVerificationRecordV1,
    purpose: PurposeV1,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum PurposeV1 {
    Backend,
    Profile,
    Session([u8; 16]),
}

/// The first schema, when only the backend had addresses proved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct AddressVerificationRecordV1 {
    id: [u8; 16],
    user_id: [u8; 16],
    address_id: [u8; 16],
    address: IdentifierV1,
    verification: VerificationV1,
}

impl Record for AddressVerificationRecordV1 {
    const KIND: Kind = Kind::AddressVerification;
    const SCHEMA: u8 = 1;
}

impl Record for AddressVerificationRecordV2 {
    const KIND: Kind = Kind::AddressVerification;
    const SCHEMA: u8 = 2;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        Ok(Self { base: older.read()?, purpose: PurposeV1::Backend })
    }
}

impl From<&AddressVerification> for AddressVerificationRecordV2 {
    fn from(value: &AddressVerification) -> Self {
        let purpose = match value.purpose {
            Purpose::Backend => PurposeV1::Backend,
            Purpose::Profile => PurposeV1::Profile,
            Purpose::Session(id) => PurposeV1::Session(*id.as_bytes()),
        };
        Self { base: value.into(), purpose }
    }
}

impl TryFrom<AddressVerificationRecordV2> for AddressVerification {
    type Error = StoreError;

    fn try_from(record: AddressVerificationRecordV2) -> Result<Self, StoreError> {
        let purpose = match record.purpose {
            PurposeV1::Backend => Purpose::Backend,
            PurposeV1::Profile => Purpose::Profile,
            PurposeV1::Session(id) => Purpose::Session(SessionId::from_bytes(id)),
        };
        Ok(Self { purpose, ..record.base.try_into()? })
    }
}

impl From<&AddressVerification> for AddressVerificationRecordV1 {
    fn from(value: &AddressVerification) -> Self {
        Self {
            id: *value.id.as_bytes(),
            user_id: *value.user_id.as_bytes(),
            address_id: *value.address_id.as_bytes(),
            address: (&value.address).into(),
            verification: (&value.verification).into(),
        }
    }
}

impl TryFrom<AddressVerificationRecordV1> for AddressVerification {
    type Error = StoreError;

    fn try_from(record: AddressVerificationRecordV1) -> Result<Self, StoreError> {
        Ok(Self {
            id: AddressVerificationId::from_bytes(record.id),
            user_id: UserId::from_bytes(record.user_id),
            address_id: IdentificationId::from_bytes(record.address_id),
            address: record.address.into(),
            purpose: Purpose::Backend,
            verification: record.verification.try_into()?,
        })
    }
}
