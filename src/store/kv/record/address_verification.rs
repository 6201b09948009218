//! A code that the application's backend had sent to an address of a user.

use serde::{Deserialize, Serialize};

use crate::domain::id::{AddressVerificationId, IdentificationId, UserId};
use crate::domain::user::AddressVerification;
use crate::store::StoreError;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

use super::identifier::IdentifierV1;
use super::sign_up::VerificationV1;

/// The verification of an address.
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
            verification: record.verification.try_into()?,
        })
    }
}
