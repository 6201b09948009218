//! A named value.

use serde::{Deserialize, Serialize};

use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// A named value; the name is in the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ValueRecordV1 {
    pub(in crate::store) bytes: Vec<u8>,
}

impl Record for ValueRecordV1 {
    const KIND: Kind = Kind::Value;
    const SCHEMA: u8 = 1;
}
