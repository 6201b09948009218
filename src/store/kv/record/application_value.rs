//! A value of the application.

use serde::{Deserialize, Serialize};

use crate::domain::application_value::ApplicationValue;
use crate::domain::secret::Secret;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// A value of the application; its namespace and name are in the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ApplicationValueRecordV1 {
    pub(in crate::store) bytes: Secret<Vec<u8>>,
}

impl Record for ApplicationValueRecordV1 {
    const KIND: Kind = Kind::ApplicationValue;
    const SCHEMA: u8 = 1;
}

impl From<&ApplicationValue> for ApplicationValueRecordV1 {
    fn from(value: &ApplicationValue) -> Self {
        Self { bytes: value.bytes.clone() }
    }
}
